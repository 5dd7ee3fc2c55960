"""The offer is bound, all of it: whoever changes it on the way, or binds less than all, gets no session."""

from dataclasses import replace

import pytest

from ipc_gauntlet import Edit as OnTheWay
from ipc_gauntlet import (
    HandshakeQuirks,
    Lab,
    Quirks,
    Role,
    Selector,
    case,
    checks,
    negotiation,
)
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, try_to_talk


@case("DOWN-01", wire="sipc/1")
def test_offer_rewritten(lab: Lab) -> None:
    """Both sides allow two suites and two versions. The adversary rewrites the offer on its way, as somebody would who
    wants them to agree on less, or on something else; each of the results is a legal offer. No session may come of it,
    not even the one that would have come about anyway."""
    options = offers.wide(lab)
    served = lab.listen(options=options)
    control = lab.session(served=served, options=options, patient=True)
    numbered("c2s", 1)(control)
    lab.require_control(control.outcome(), checks.delivered_all("c2s"))
    first, _ = offers.parts(control.the_link().recording("c2s")[0])
    control.close()
    at = Selector(direction="c2s", nth=0, since_mark=False)
    for edit in offers.meant(first):
        fault = OnTheWay(at=at, delete=len(first), insert=edit.offer)
        outcome = lab.attack(try_to_talk, fault, what=edit.what, served=served, options=options)
        lab.require(
            outcome,
            checks.not_established("client"),
            checks.not_established("server"),
            checks.nothing_delivered(),
        )


@case("DOWN-01", wire="sipc/1", role="server", stage="handshake")
@pytest.mark.parametrize("flips", [0x01, 0x02, 0x80])
def test_each_byte_of_the_offer(lab: Lab, flips: int) -> None:
    """A client's offer arrives with one byte changed, missing or too many, for every byte that it has, or rewritten as a
    whole. The server must end it, refuse it, or ask for something else; an answer that the client can open would mean
    that the server has not bound what was changed."""
    options = offers.wide(lab)
    served = lab.listen(options=options)
    own = {**options, "suites": [*offers.numbers(lab), offers.GREASE]}
    lab.stage("handshake")
    good = lab.wire_client(served, options=own)
    offer, _ = offers.parts(good.offer())
    lab.require_control_that(good.handshake(), f"a good offer led to nothing ({good.ended})")
    good.close()
    rewritten = offers.meant(offer) if flips == 1 else []
    for edit in (*rewritten, *offers.each_byte(offer, flips=flips)):
        peer = lab.wire_client(served, options=own)
        peer.offer(lambda frame, new=edit.offer: offers.framed(new, offers.parts(frame)[1]))  # type: ignore[misc]
        lab.settle(lambda p=peer: p.ended is not None or bool(p.heard))  # type: ignore[misc]
        peer.hang_up()
        opened = "accept" in peer.labels()
        lab.require_that(not opened, f"{edit.what}: not to be accepted", "it was accepted", "unbound")


@case("DOWN-01", wire="sipc/1", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_offer_bound_in_part(lab: Lab, role: Role) -> None:
    """The peer binds less than the whole offer into its handshake: nothing, only the suite in use, all but the key's
    identity or the service, everything but numbers that mean nothing. A side that gets along with such a peer binds as
    little itself."""
    lab.judge(role)
    options = offers.wide(lab)
    lab.stage("handshake")
    first = offers.opposite(lab, role, Quirks(), options, grease=True)
    if role == "server":
        first.offer()
    else:
        first.expect("offer")
    whole = first.peer.negotiating.offer_bytes
    first.hang_up()
    for what, prologue in _weak(whole).items():
        quirks = Quirks(handshake=HandshakeQuirks(prologue=prologue))
        peer = offers.opposite(lab, role, quirks, options, grease=True)
        found = offers.came_about(lab, peer)
        lab.require_that(not found, f"no session with a peer that binds {what}", "there was one", "unbound")
    control = offers.opposite(lab, role, Quirks(), options, grease=True)
    lab.require_control_that(control.handshake(), f"no session with a good peer ({control.ended})")
    control.close()


def _weak(offer: bytes) -> dict[str, bytes]:
    """Prologues of an accepted offer that leave something out."""
    was = negotiation.Offer.decode(offer)
    name = offers.APPLICATION[was.chosen]
    suite = was.suites[0].to_bytes(2)
    known = tuple(one for one in was.suites if one != offers.GREASE)

    def bound(data: bytes, application: bytes = name) -> bytes:
        return negotiation.accepted_prologue(data, application)

    forms = {
        "nothing at all": b"",
        "nothing but the protocol": name,
        "no bytes of the offer": bound(b""),
        "only the suite in use": bound(suite),
        "only the version and suite in use": bound(bytes([was.chosen]) + suite),
        "no numbers that mean nothing": bound(replace(was, suites=known).encode()),
        "no suites but the first": bound(replace(was, suites=was.suites[:1]).encode()),
        "no suites": bound(replace(was, suites=()).encode()),
        "suites in the order of their numbers": bound(
            replace(was, suites=tuple(sorted(was.suites))).encode()
        ),
        "no range of versions": bound(replace(was, lowest=was.chosen, highest=was.chosen).encode()),
        "no service": bound(replace(was, service=b"").encode()),
        "no key identity": bound(replace(was, psk_id=b"").encode()),
        "nothing behind the suites": bound(offer[: 9 + 2 * len(was.suites)]),
        "no first bytes": bound(offer[5:]),
        "no protocol": bound(offer, b""),
        "another version's protocol": bound(offer, offers.APPLICATION[offers.VERSION]),
    }
    return {what: form for what, form in forms.items() if form != bound(offer)}
