"""The selection: the best of what both allow, bound on both sides, and nothing that was not offered."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import pytest

from ipc_gauntlet import (
    Drop,
    Duplicate,
    HandshakeQuirks,
    Lab,
    NegotiationQuirks,
    Quirks,
    Replace,
    Role,
    Selector,
    Served,
    Session,
    WirePeer,
    case,
    checks,
    negotiation,
)
from ipc_gauntlet import Edit as OnTheWay
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.downgrade.offers import GREASE, TEST_VERSION, VERSION
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, try_to_talk

RANGES = [(VERSION, VERSION), (TEST_VERSION, TEST_VERSION), (VERSION, TEST_VERSION)]
OFFERED_VERSIONS = [
    *((low, high, high) for low, high in RANGES),
    (VERSION, TEST_VERSION, VERSION),
    (2, 126, 2),
]


@case("DOWN-02", wire="sipc/1", axes="each", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_selection_bound_in_part(lab: Lab, role: Role) -> None:
    """A responder has asked for another suite or version, and was obeyed. The peer of the implementation then binds less
    than all of that into its handshake: not the RETRY, not the CHOICE, not what came before, or only the last of it. A
    side that gets along with such a peer binds as little itself."""
    lab.judge(role)
    served = lab.listen(options=offers.wide(lab)) if role == "server" else None
    lab.stage("handshake")
    first = _retried(lab, served)
    forms = list(_weak(first))
    first.hang_up()
    for what in forms:
        peer = _retried(lab, served)
        peer.peer.negotiating.quirks = Quirks(handshake=HandshakeQuirks(prologue=_weak(peer)[what]))
        lab.did(f"{peer.name}: binds {what}")
        found = _came_about(lab, peer)
        lab.require_that(not found, f"no session with a peer that binds {what}", "there was one", "unbound")
    control = _retried(lab, served)
    lab.require_control_that(control.handshake(), f"no session with a good peer ({control.ended})")
    control.close()


def _came_about(lab: Lab, peer: WirePeer) -> bool:
    """Let a wire peer go on by itself until there is a session or an end; whether there is a session, on either side."""
    peer.handshake(timeout_s=0.0)
    lab.wait(lambda: peer.ended is not None or peer.established or bool(peer.noted))
    found = peer.established or bool(lab.iut_view(peer).established)
    peer.hang_up()
    return found


def _retried(lab: Lab, served: Served | None) -> WirePeer:
    """A wire peer right before it goes on after a RETRY; a client of `served`, or a server."""
    options = offers.wide(lab)
    if served is not None:
        own = {**options, "suites": [GREASE, *offers.numbers(lab)], "chosen": VERSION}
        peer = lab.wire_client(served, options=own)
        peer.offer()
        peer.expect("retry")
        return peer
    peer = lab.wire_server(options=options)
    lab.attempt_to(peer, options=options)
    peer.expect("offer")
    peer.retry(VERSION, offers.numbers(lab)[1])
    peer.expect("choice")
    return peer


def _weak(peer: WirePeer) -> dict[str, bytes]:
    """Prologues after a RETRY that leave something out."""
    state = peer.peer.negotiating
    name = offers.APPLICATION[state.version]
    retry, choice = state.retry_bytes, negotiation.Choice(state.version, state.suite).encode()
    blocks = {
        "the OFFER": state.offer_bytes,
        "the first Noise message": state.first_message,
        "the RETRY": retry,
        "the empty message": b"",
        "the CHOICE": choice,
    }

    def bound(*parts: bytes, application: bytes = name) -> bytes:
        return b"NoiseSocketInit3" + b"".join(map(negotiation.counted, parts)) + application

    def put(**changed: bytes) -> bytes:
        return bound(*{**blocks, **{"the " + key: block for key, block in changed.items()}}.values())

    forms = {
        "nothing at all": b"",
        "nothing but the protocol": name,
        "no more than an offer that is accepted": negotiation.accepted_prologue(state.offer_bytes, name),
        "the CHOICE as if it were the offer": negotiation.accepted_prologue(choice, name),
        "the RETRY as if it were the offer": negotiation.accepted_prologue(retry, name),
        "nothing before the RETRY": bound(retry, b"", choice),
        "nothing but the RETRY": bound(retry, b""),
        "nothing but the CHOICE": bound(choice),
        "neither RETRY nor CHOICE": bound(state.offer_bytes, state.first_message),
        "neither the RETRY nor its message": bound(state.offer_bytes, state.first_message, choice),
        "neither first message nor RETRY": bound(state.offer_bytes, choice),
        "the version under which it began": put()[: -len(name)]
        + offers.APPLICATION[_began(state.offer_bytes)],
        "no protocol": bound(*blocks.values(), application=b""),
        "no version of the RETRY": put(RETRY=retry[:5] + retry[6:]),
        "no suite of the RETRY": put(RETRY=retry[:6] + retry[8:]),
        "no reserved bytes of the RETRY": put(RETRY=retry[:8]),
        "no version of the CHOICE": put(CHOICE=choice[:5] + choice[6:]),
        "no suite of the CHOICE": put(CHOICE=choice[:6]),
    }
    for key, block in blocks.items():
        forms[f"all but {key}"] = bound(*(other for at, other in blocks.items() if at != key))
        if block:
            forms[f"{key} as if it were empty"] = bound(
                *(b"" if at == key else other for at, other in blocks.items())
            )
    return {what: form for what, form in forms.items() if form != bound(*blocks.values())}


def _began(offer: bytes) -> int:
    return negotiation.Offer.decode(offer).chosen


@case("DOWN-02", wire="sipc/1", role="server", axes="each", stage="handshake")
def test_other_than_asked(lab: Lab) -> None:
    """A server has asked for another suite and version with a RETRY. The client goes on with something else: its CHOICE
    names another suite or version, or it follows another than it names; it begins anew, or as if nothing had been asked;
    it makes its choice twice, or without having been asked. No session may come of it."""
    served = lab.listen(options=offers.wide(lab))
    first, second = offers.numbers(lab)
    lab.stage("handshake")
    asked = (TEST_VERSION, first)
    others = [(TEST_VERSION, second), (VERSION, first), (VERSION, second)]

    def follows(named: tuple[int, int], under: tuple[int, int]) -> Callable[[WirePeer], None]:
        def go(peer: WirePeer) -> None:
            state = peer.peer.negotiating
            state.version, state.suite = under
            state.quirks = Quirks(negotiation=NegotiationQuirks(choice=named))
            peer.choice()

        return go

    ways: dict[str, Callable[[WirePeer], None]] = {"begins anew, as asked": _anew, "chooses twice": _twice}
    for other in others:
        ways[f"chooses {other}"] = follows(other, other)
        ways[f"says it chooses {other}, and does as asked"] = follows(other, asked)
        ways[f"says it does as asked, and follows {other}"] = follows(asked, other)
    for what, way in ways.items():
        peer = _retried(lab, served)
        lab.did(f"{peer.name}: {what}")
        way(peer)
        found = _came_about(lab, peer)
        lab.require_that(not found, f"no session with a client that {what}", "there was one", "established")
    control = _retried(lab, served)
    lab.require_control_that(control.handshake(), f"no session with a good peer ({control.ended})")
    control.close()


def _anew(peer: WirePeer) -> None:
    """Send a second offer that begins with what was asked for."""
    state = peer.peer.negotiating
    kept = tuple(one for one in state.config.suites if one != GREASE)
    state.config = replace(state.config, suites=kept, chosen=state.version)
    state.retry_bytes = b""
    peer.offer()


def _twice(peer: WirePeer) -> None:
    """Send two choices, one after the other; the second one is gone on with."""
    peer.choice()
    peer.expect("accept")
    peer.choice()


@dataclass(frozen=True, slots=True)
class _Attack:
    """What an adversary does to a negotiation between two ends that follow the rules.

    Args:
        what: In words.
        served: Who is connected to.
        faults: What happens on the way.
    """

    what: str
    served: Served
    faults: tuple[Replace | OnTheWay | Drop | Duplicate, ...]


@case("DOWN-02", wire="sipc/1", axes="each")
def test_selection_rewritten(lab: Lab) -> None:
    """Two ends follow the rules; what the server selects is forged, altered, replaced or doubled on the way: an acceptance
    becomes a RETRY to something weaker, a RETRY becomes an acceptance or another RETRY, also with the client's
    answer to it corrected, or the server is made to ask for less. No session may come of it."""
    options = offers.wide(lab)
    second = offers.numbers(lab)[1]
    willing = lab.listen(options=options)
    asking = lab.listen(options={**options, "suites": offers.names(lab, second)})
    accepted = _undisturbed(lab, willing)
    _undisturbed(lab, asking)
    offer, _ = offers.parts(accepted["c2s"])
    for attack in _attacks(lab, willing, asking, accepted["s2c"], offer):
        outcome = lab.attack(
            try_to_talk, *attack.faults, what=attack.what, served=attack.served, options=options
        )
        lab.require(
            outcome,
            checks.not_established("client"),
            checks.not_established("server"),
            checks.nothing_delivered(),
        )


def _undisturbed(lab: Lab, served: Served) -> dict[str, bytes]:
    """The first frame of each direction in a session that is left alone."""
    control = lab.session(served=served, options=offers.wide(lab), patient=True)
    numbered("c2s", 1)(control)
    lab.require_control(control.outcome(), checks.delivered_all("c2s"))
    link = control.the_link()
    frames = {"c2s": link.recording("c2s")[0], "s2c": link.recording("s2c")[0]}
    control.close()
    return frames


def _attacks(lab: Lab, willing: Served, asking: Served, accepted: bytes, offer: bytes) -> list[_Attack]:
    first, second = offers.numbers(lab)
    answer = Selector(direction="s2c", nth=0, since_mark=False)
    begin, choice = (Selector(direction="c2s", nth=nth, since_mark=False) for nth in (0, 1))

    def retry(version: int, suite: int, reserved: bytes = bytes(3)) -> bytes:
        return offers.framed(negotiation.Retry(version, suite, reserved).encode())

    was = negotiation.Offer.decode(offer)
    weaker = [(VERSION, first), (VERSION, second), (TEST_VERSION, second)]
    found = [
        _Attack(f"an acceptance becomes a RETRY to {one}", willing, (Replace(at=answer, data=retry(*one)),))
        for one in weaker
    ]
    for suites in ((GREASE, second), (GREASE, *was.suites[1:], first)):
        less = replace(was, suites=suites).encode()
        fault = OnTheWay(at=begin, delete=len(offer), insert=less)
        found.append(
            _Attack(f"the server is offered {suites}", willing if len(suites) == 2 else asking, (fault,))
        )
    older = Replace(at=answer, data=retry(VERSION, second))
    corrected = OnTheWay(at=choice, offset=5, delete=1, insert=bytes([TEST_VERSION]))
    return [
        *found,
        _Attack("a RETRY becomes one to an older version", asking, (older,)),
        _Attack("the same, and the client's answer is corrected", asking, (older, corrected)),
        _Attack(
            "the RETRY counts itself",
            asking,
            (Replace(at=answer, data=retry(TEST_VERSION, second, b"\1\0\0")),),
        ),
        _Attack("a RETRY becomes another session's acceptance", asking, (Replace(at=answer, data=accepted),)),
        _Attack("the RETRY comes twice", asking, (Duplicate(at=answer),)),
        _Attack("the CHOICE comes twice", asking, (Duplicate(at=choice),)),
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


@dataclass(frozen=True, slots=True)
class _Illegal:
    """A RETRY that a client must not follow.

    Args:
        suites: What the client allows and offers.
        versions: Its range.
        retry: Version and suite that are asked for.
        reserved: The RETRY's reserved bytes.
        edit: What is done to the frame.
    """

    suites: tuple[int, ...]
    versions: tuple[int, int]
    retry: tuple[int, int]
    reserved: bytes = bytes(3)
    edit: Callable[[bytes], bytes] | None = None


def _illegal(lab: Lab) -> list[_Illegal]:
    first, second = both = offers.numbers(lab)
    other_mode = [one for kind, known in offers.SUITES.items() if kind != lab.issuer.kind for one in known]
    old, new, wide = RANGES
    found = [
        _Illegal(both, wide, (TEST_VERSION, first)),  # nothing new
        _Illegal(both[::-1], wide, (TEST_VERSION, second)),
        _Illegal((first,), old, (VERSION, first)),
        _Illegal((first,), old, (VERSION, second)),  # a suite that was not offered
        _Illegal((second,), wide, (TEST_VERSION, first)),
        _Illegal((second,), wide, (VERSION, first)),
        _Illegal(both, old, (TEST_VERSION, second)),  # a version outside the range
        _Illegal(both, old, (TEST_VERSION, first)),
        _Illegal(both, new, (VERSION, first)),
        _Illegal(both, new, (VERSION, second)),
    ]
    found += [_Illegal(both, wide, (VERSION, one)) for one in (*other_mode, 0x21, GREASE, 0, 0x7F01, 0xFFFF)]
    found += [_Illegal(both, wide, (one, second)) for one in (0, 2, 126, 128, 255)]
    legal = (VERSION, second)
    found += [_Illegal(both, wide, legal, reserved) for reserved in (b"\1\0\0", b"\0\0\1", b"\0\1\0")]
    edits: list[Callable[[bytes], bytes]] = [
        lambda frame: offers.framed(offers.parts(frame)[0], bytes(32)),
        lambda frame: offers.framed(offers.parts(frame)[0] + b"\0"),
        lambda frame: offers.framed(offers.parts(frame)[0][:-1]),
        lambda frame: frame + frame,
    ]
    return found + [_Illegal(both, wide, legal, edit=edit) for edit in edits]


@case("DOWN-05", wire="sipc/1", role="client", axes="each", stage="handshake")
def test_illegal_retry(lab: Lab) -> None:
    """A server asks the client for a suite that it did not offer, known or not, of its own mode or another; for a version
    outside its range, or that nobody knows; for what it began with; or in a malformed way. The client must end it
    without another byte, and never call it a session."""
    lab.stage("handshake")
    for one in _illegal(lab):
        quirks = Quirks(negotiation=NegotiationQuirks(reserved=one.reserved))
        peer = _offered(lab, one.suites, one.versions, quirks)
        before = peer.raw_peer.bytes_seen
        peer.retry(*one.retry, edit=one.edit)
        asked = f"a RETRY to {one.retry} for an offer of {one.suites} in {one.versions}"
        _require_end(lab, peer, before, asked)
    for suites, versions, retry in (
        (offers.numbers(lab), RANGES[0], (VERSION, offers.numbers(lab)[1])),
        (offers.numbers(lab), RANGES[2], (VERSION, offers.numbers(lab)[0])),
    ):
        control = _offered(lab, suites, versions)
        control.retry(*retry)
        control.expect("choice")
        lab.require_control_that(control.handshake(), f"no session after a legal RETRY ({control.ended})")
        control.close()


@case("DOWN-05", wire="sipc/1", role="client", axes="each", stage="handshake")
def test_second_selection(lab: Lab) -> None:
    """A client has followed a RETRY. The server asks again, for the same, for what the client began with, or for something
    that it has not tried yet; or it goes on as if something else had been agreed on. The client must end it without
    another byte, and never call it a session."""
    lab.stage("handshake")
    first, second = both = offers.numbers(lab)
    again = [(VERSION, second), (TEST_VERSION, first), (TEST_VERSION, second), (VERSION, first)]
    for version, suite in again:
        peer = _offered(lab, both, RANGES[2])
        peer.retry(VERSION, second)
        peer.expect("choice")
        before = peer.raw_peer.bytes_seen
        peer.retry(version, suite)
        _require_end(lab, peer, before, f"a second RETRY, to {(version, suite)}")
    # Under a pre-shared key nobody can answer under another suite or version than the first message was made for.
    for version, suite in again[1:] if lab.issuer.kind == "x509" else []:
        peer = _offered(lab, both, RANGES[2])
        peer.retry(VERSION, second)
        peer.expect("choice")
        before = peer.raw_peer.bytes_seen
        state = peer.peer.negotiating
        state.version, state.suite = version, suite
        peer.accept()
        _require_end(
            lab, peer, before, f"an acceptance under {(version, suite)} instead of what was asked for"
        )
    control = _offered(lab, both, RANGES[2])
    control.retry(VERSION, second)
    control.expect("choice")
    lab.require_control_that(control.handshake(), f"no session after one RETRY ({control.ended})")
    control.close()


def _offered(
    lab: Lab, suites: tuple[int, ...], versions: tuple[int, int], quirks: Quirks = offers.PLAIN
) -> WirePeer:
    """A wire server that allows everything and has heard a client's offer."""
    peer = lab.wire_server(quirks=quirks, options=offers.wide(lab))
    lab.attempt_to(peer, options={"suites": offers.names(lab, *suites), "versions": list(versions)})
    peer.expect("offer")
    return peer


def _require_end(lab: Lab, peer: WirePeer, before: int, what: str) -> None:
    """Require that the client ends the connection without a byte more than `before`."""
    raw = peer.raw_peer
    lab.wait(lambda: peer.ended is not None or raw.bytes_seen > before)
    more, over = raw.bytes_seen - before, peer.ended
    told = bool(lab.iut_view(peer).established)
    peer.hang_up()
    lab.require_that(
        over is not None and not more and not told,
        f"the client to end it at once after {what}",
        f"ended: {over}, {more} more bytes, session: {told}",
        "followed",
    )
