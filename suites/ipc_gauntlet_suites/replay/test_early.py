"""Early data: nothing of an application travels, or is taken, before a session is established."""

import pytest

from ipc_gauntlet import (
    CertificateQuirks,
    HandshakeQuirks,
    Lab,
    Quirks,
    RecordType,
    Role,
    WirePeer,
    case,
    cbor,
    checks,
)
from ipc_gauntlet_suites.scripts import BOTH_ROLES

#: What would be a message if it were taken for one: an event, the first of its session.
EARLY = cbor.encode({0: 1, 1: 2, 2: 0, 4: "app.message", 14: b"early"})


def _in_clear(message: bytes) -> bytes:
    """A record with a whole message, framed and padded as always, and not sealed."""
    body = bytes([RecordType.MSG, 3]) + message
    plaintext = len(body).to_bytes(2) + body
    plaintext += bytes(-len(plaintext) % 64)
    return len(plaintext).to_bytes(2) + plaintext


def _require_refused(lab: Lab, peer: WirePeer) -> None:
    """Demand that nothing came of it."""
    role: Role = "server" if peer.served is not None else "client"
    lab.settle(lambda: bool(lab.iut_view(peer).refusals) or peer.ended is not None)
    peer.settle()
    lab.stage("handshake")
    view = lab.iut_view(peer)
    lab.require_view(view, checks.nothing_delivered(), checks.not_established(role))


@case("REPL-10", wire="sipc/1", role="server")
@pytest.mark.parametrize("size", ["a-message", "one-byte", "a-lot"])
def test_payload_in_the_first_flight(lab: Lab, size: str) -> None:
    """The first message of the handshake carries something, where nothing may be: a whole message of the application, or
    other bytes. It must not be delivered, and no session may come of it."""
    served = lab.listen()
    good = lab.wire_client(served)
    lab.require_control_that(good.handshake(), f"no session without it: {good.ended}")
    early = {"a-message": EARLY, "one-byte": b"\0", "a-lot": lab.rng.randbytes(2000)}[size]
    if lab.issuer.kind == "psk":
        names = served.deployment
        body = cbor.encode({2: names.client.name, 3: names.server.name, 64: early})
        quirks = Quirks(certificate=CertificateQuirks(body=body))
    else:
        quirks = Quirks(handshake=HandshakeQuirks(payload1=early))
    peer = lab.wire_client(served, quirks=quirks)
    peer.handshake()
    _require_refused(lab, peer)


@case("REPL-10", wire="sipc/1")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_message_before_ready(lab: Lab, role: Role) -> None:
    """A message comes in a protected record, right behind the last handshake message and before READY. It must not be
    delivered, neither then nor when READY follows."""
    lab.judge(role)
    for early in (False, True):
        peer = lab.wire_client(lab.listen()) if role == "server" else lab.wire_server()
        if role == "client":
            lab.attempt_to(peer)
        if not early:
            lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
            continue
        peer.reach("CONFIRMING")
        peer.event(b"early")
        peer.ready()
        _require_refused(lab, peer)


@case("REPL-10", wire="sipc/1", role="server")
def test_first_flight_with_a_message_behind(lab: Lab) -> None:
    """A client's first message comes together with a message of the application, in clear or under the keys that there are
    so far, and so does a copy of it on another connection. Nothing may be delivered, neither then nor when the handshake
    goes on, and no session may come of it."""
    served = lab.listen()
    good = lab.wire_client(served)
    lab.require_control_that(good.handshake(), f"no session: {good.ended}")
    good.event(lab.payload())
    lab.settle(lambda: bool(lab.iut_view(good).delivered))
    lab.require_control_that(bool(lab.iut_view(good).delivered), "a message in its time was not delivered")
    flights = []
    for clear in (True, False):
        peer = lab.wire_client(served)
        with peer.together():
            flight = peer.offer()
            if clear:
                flight += peer.raw(_in_clear(EARLY), "a message in clear")
            else:
                flight += peer.record(RecordType.MSG, EARLY, 3)
        flights.append(flight)
        peer.handshake()
        _require_refused(lab, peer)
    for flight in flights:
        again = lab.wire_client(served)
        again.raw(flight, "the first flight again")
        _require_refused(lab, again)
