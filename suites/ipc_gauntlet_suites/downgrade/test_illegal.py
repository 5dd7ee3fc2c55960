"""A client follows no selection that it did not offer, and not more than one."""

from collections.abc import Callable
from dataclasses import dataclass

from ipc_gauntlet import Lab, NegotiationQuirks, Quirks, WirePeer, case
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.downgrade.offers import GREASE, TEST_VERSION, VERSION

RANGES = [(VERSION, VERSION), (TEST_VERSION, TEST_VERSION), (VERSION, TEST_VERSION)]


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
