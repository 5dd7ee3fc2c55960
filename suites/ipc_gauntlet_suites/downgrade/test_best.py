"""The selection is the best of what both sides allow, by the rule of docs/sipc1.md."""

from itertools import product

from ipc_gauntlet import Lab, Served, Session, WirePeer, case, checks, negotiation
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.downgrade.offers import GREASE, TEST_VERSION, VERSION

RANGES = [(VERSION, VERSION), (TEST_VERSION, TEST_VERSION), (VERSION, TEST_VERSION)]
OFFERED_VERSIONS = [
    *((low, high, high) for low, high in RANGES),
    (VERSION, TEST_VERSION, VERSION),
    (2, 126, 2),
]


def _orders(lab: Lab) -> list[tuple[int, ...]]:
    first, second = offers.numbers(lab)
    return [(first,), (second,), (first, second), (second, first)]


@case("DOWN-03", wire="sipc/1", role="server", axes="each", stage="handshake")
def test_best_of_the_offer(lab: Lab) -> None:
    """Servers with every order of suites and range of versions get offers of every order, also such that begin with
    a number that means nothing, over every range. What each selects, on the wire, is what the rule of docs/sipc1.md
    gives: a function of the offer and its policy."""
    listening: dict[tuple[tuple[int, ...], tuple[int, int]], Served] = {}
    orders = _orders(lab)
    suites = [*orders, *((GREASE, *order) for order in orders), (GREASE,)]
    pairs = [
        (order, (VERSION, TEST_VERSION), wanted, OFFERED_VERSIONS[2])
        for order, wanted in product(orders, suites)
    ]
    both = orders[2]
    pairs += [
        (both, allowed, lab.rng.choice(suites[2:4]), version)
        for allowed, version in product(RANGES, OFFERED_VERSIONS)
    ]
    lab.stage("handshake")
    control = lab.wire_client(lab.listen(options=offers.wide(lab)), options=offers.wide(lab))
    lab.require_control_that(control.handshake(), f"a good offer led to nothing ({control.ended})")
    control.close()
    for order, allowed, wanted, (low, high, chosen) in pairs:
        served = listening.get((order, allowed))
        if served is None:
            policy = {"suites": offers.names(lab, *order), "versions": list(allowed)}
            served = listening[order, allowed] = lab.listen(options=policy)
        peer = lab.wire_client(served, options={"suites": wanted, "versions": (low, high), "chosen": chosen})
        peer.offer()
        lab.wait(lambda p=peer: p.ended is not None or bool(p.heard))  # type: ignore[misc]
        sent = negotiation.Offer.decode(peer.peer.negotiating.offer_bytes)
        best = negotiation.select(sent, negotiation.Policy(*allowed, order))
        seen = _selected(peer)
        peer.hang_up()
        lab.require_that(
            seen == best,
            f"{best} for an offer of {wanted} in {low} to {high}, begun with {chosen}, allowed: {order} in {allowed}",
            f"it was {seen}",
            "not-best",
        )


def _selected(peer: WirePeer) -> tuple[int, int] | int | None:
    """What a server's first frame selects: version and suite, or the code of a REJECT."""
    state = peer.peer.negotiating
    for one in peer.heard:
        if one.label in ("accept", "retry"):
            return state.version, state.suite
        if one.label == "reject":
            data, _ = offers.parts(one.data)
            return negotiation.Reject.decode(data).code
    return None


@case("DOWN-03", wire="sipc/1", role="client", axes="each", stage="handshake")
def test_begins_with_the_best(lab: Lab) -> None:
    """A client's offer is what it was configured with: its suites in its order of preference, its range of versions, begun
    with the first suite and the highest version that it knows and allows."""
    lab.stage("handshake")
    for order, (low, high) in product(_orders(lab), RANGES):
        options = {"suites": offers.names(lab, *order), "versions": [low, high]}
        peer = lab.wire_server(options=offers.wide(lab))
        lab.attempt_to(peer, options=options)
        peer.expect("offer")
        offer = negotiation.Offer.decode(peer.peer.negotiating.offer_bytes)
        made = peer.handshake()
        peer.hang_up()
        meant = tuple(one for one in offer.suites if one in offers.SUITES[lab.issuer.kind])
        seen = (meant, offer.suites[0], offer.lowest, offer.highest, offer.chosen)
        lab.require_that(
            seen == (order, order[0], low, high, high),
            f"an offer of {order} in {low} to {high}, begun with the first suite and {high}",
            f"it was {offer.suites} in {offer.lowest} to {offer.highest}, begun with {offer.chosen}",
            "not-best",
        )
        lab.require_control_that(made, f"no session came of it ({peer.ended})")


@case("DOWN-03", wire="sipc/1", axes="each")
def test_both_see_the_best(lab: Lab) -> None:
    """Two ends with different orders of suites and ranges of versions; both call the session established under the very
    suite and version that the rule of docs/sipc1.md gives."""
    orders = _orders(lab)
    wide, old, new = RANGES[2], RANGES[0], RANGES[1]
    plans = [
        (orders[0], orders[0], old, old),
        (orders[2], orders[2], wide, wide),
        (orders[2], orders[3], wide, wide),
        (orders[3], orders[2], wide, old),
        (orders[2], orders[1], old, wide),
        (orders[3], orders[0], new, wide),
        (orders[1], orders[2], wide, new),
    ]
    for number, (offered, allowed, mine, its) in enumerate(plans):
        offer = negotiation.Offer(*mine, mine[1], offered, b"", b"x")
        best = negotiation.select(offer, negotiation.Policy(*its, allowed))
        served = lab.listen(options={"suites": offers.names(lab, *allowed), "versions": list(its)})
        options = {"suites": offers.names(lab, *offered), "versions": list(mine)}
        _both_see(lab, served, options, best, control=number == 0)


def _both_see(lab: Lab, served: Served, options: dict[str, object], best: object, *, control: bool) -> None:
    def script(session: Session) -> None:
        session.open()

    what = f"both sides allow {best} at best"
    if control:
        outcome = lab.control(
            script, checks.established("client"), checks.established("server"), served=served, options=options
        )
    else:
        outcome = lab.attack(script, what=what, served=served, options=options, patient=True)
    numbered_by = {name: number for number, name in offers.SUITES[lab.issuer.kind].items()}
    lab.stage("established")
    for view in (outcome.client, outcome.server):
        told = view.established[0] if view.established else None
        seen = (int(told.version or 0), numbered_by.get(told.suite or "")) if told else None
        lab.require_that(seen == best, f"a session with {best}", f"it was {seen}", "not-best")
