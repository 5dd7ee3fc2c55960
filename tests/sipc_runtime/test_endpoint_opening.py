"""Connections over real sockets that do not come about, or come late: refusals, stalled peers, too many."""

import time
from pathlib import Path

import pytest
from local_places import Plain, full_place, nowhere, plain
from sipc_identities import OTHER
from sipc_running import Running, Serving, closed, initiator, times, until
from systems import needs_waiting_queue

from sipc.errors import LocalError
from sipc.events import (
    Established,
    How,
    MessageReceived,
    Rejected,
)
from sipc.exchange import Answer
from sipc.rpc import Call, Message
from sipc_runtime.clock import VirtualClock
from sipc_runtime.faults import FAULTS
from sipc_runtime.server import ServerLimits

NOTE = Message("app.note", b"note")
TICK = 0.001


def raw(serving: Serving) -> Plain:
    """A stream of the test's own."""
    return plain(serving.address)


def test_an_unacceptable_client_is_rejected_on_both_sides(running: Running) -> None:
    """The server tells nothing; the client sees the stream end."""
    serving = running.serve(credential="psk")
    client = running.connect(serving.address, established=False)
    last = client.end()
    assert isinstance(last, Rejected)
    assert isinstance(serving.end(), Rejected)


def test_the_wrong_server_is_rejected(running: Running) -> None:
    """A valid identity that is not the intended one gets nothing from the client."""
    serving = running.serve()
    client = running.connect(serving.address, config=initiator(service=OTHER), established=False)
    assert isinstance(client.end(), Rejected)
    serving.end()
    assert serving.of(Established) == []


def test_sending_needs_an_established_connection(running: Running) -> None:
    """Before and after, it is an error of the caller."""
    serving = running.serve()
    client = running.connect(serving.address)
    client.endpoint.close()
    for use in (
        lambda: client.endpoint.send_event(NOTE),
        lambda: client.endpoint.call(Call("a.b")),
        client.endpoint.rekey,
    ):
        with pytest.raises(LocalError):
            use()
    assert not client.endpoint.established
    assert not client.endpoint.respond(0, Answer())


def test_connecting_to_nobody(running: Running, private_dir: Path) -> None:
    """The attempt is rejected at the stage of the transport, and released."""
    client = running.connect(nowhere(private_dir), established=False)
    last = client.end()
    assert isinstance(last, Rejected)
    assert (last.stage, last.reason) == ("transport", "peer-closed")
    assert client.endpoint.wait_finished(5.0)


@needs_waiting_queue
def test_closing_while_connecting(running: Running, private_dir: Path) -> None:
    """close() does not wait for a server that never accepts."""
    with full_place(private_dir) as address:
        client = running.connect(address, established=False)
        client.endpoint.close()
        assert closed(client).how is How.LOCAL


@needs_waiting_queue
def test_connecting_takes_no_longer_than_its_timeout(running: Running, private_dir: Path) -> None:
    """A full backlog is a time-out, at the stage of the transport, not earlier than configured."""
    with full_place(private_dir) as address:
        start = time.monotonic()
        client = running.connect(address, times(connect=0.1), established=False)
        last = client.end()
        assert isinstance(last, Rejected)
        assert (last.stage, last.reason) == ("transport", "timeout")
        assert time.monotonic() - start >= 0.1


# --- stalled and dead peers ---


@pytest.mark.parametrize("said", [b"", b"\x00", b"\x00\x19SIPC"], ids=["silent", "one-byte", "half-a-frame"])
def test_stalled_handshakes_end_and_delay_nobody(running: Running, said: bytes) -> None:
    """While many stall, others are served; then the stalled ones are dropped and released."""
    serving = running.serve(times(handshake=0.5, first=0.5))
    stalled = [raw(serving) for _ in range(20)]
    for one in stalled:
        one.sendall(said)
    client = running.connect(serving.address)
    client.endpoint.send_event(NOTE)
    serving.wait_for(MessageReceived)
    client.endpoint.close()
    rejected = serving.wait_for(Rejected, 20)
    assert {event.reason for event in rejected} == {"timeout"}
    for one in stalled:
        assert one.recv(100) == b""
        one.close()
    until(lambda: serving.server.endpoints() == [])


def test_a_dribbling_peer_does_not_extend_the_handshake(running: Running) -> None:
    """One byte now and then does not move the deadline."""
    clock = VirtualClock(wall=time.time())
    serving = running.serve(times(handshake=4.0, first=4.0), clock=clock)
    with raw(serving) as dribbling:
        until(lambda: clock._alarms.next_due() == clock.monotonic() + 4.0)
        for _ in range(3):
            dribbling.sendall(b"\x00")
            clock.advance(1.0)
        clock.advance(1.0 - TICK)
        assert serving.events == []
        clock.advance(TICK)
        last = serving.end()
        assert isinstance(last, Rejected)
        assert last.reason == "timeout"


def test_a_key_store_that_hangs_keeps_no_stream(running: Running) -> None:
    """The deadline of the handshake also ends an attempt that never got as far as to have keys."""
    clock = VirtualClock(wall=time.time())
    serving = running.serve(times(handshake=4.0, first=4.0), clock=clock)
    FAULTS.arm("key-store", "hang")
    try:
        with raw(serving) as waiting:
            until(lambda: clock._alarms.next_due() == clock.monotonic() + 4.0)
            until(lambda: not FAULTS.armed)
            clock.advance(4.0)
            assert waiting.recv(1) == b""
            running.connect(serving.address).wait_for(Established)
    finally:
        FAULTS.clear()


def test_more_connections_than_allowed_are_shed(running: Running) -> None:
    """What is too much is told so, at once, and the server goes on."""
    serving = running.serve(limits=ServerLimits(connections=2, handshakes=2))
    first = running.connect(serving.address)
    second = running.connect(serving.address)
    serving.wait_for(Established, 2)
    third = running.connect(serving.address, established=False)
    last = third.end()
    assert isinstance(last, Rejected)
    assert last.reason in {"limit", "peer-closed"}
    # The client may hear of it before the server's program does.
    until(lambda: serving.refused == ["limit"])
    first.endpoint.close()
    until(lambda: len(serving.server.endpoints()) == 1)
    fourth = running.connect(serving.address)
    fourth.endpoint.close()
    second.endpoint.close()


def test_unconfirmed_connections_have_places_of_their_own(running: Running) -> None:
    """Strangers cannot take every place."""
    serving = running.serve(limits=ServerLimits(connections=10, handshakes=1))
    client = running.connect(serving.address)
    # The client is established a little before its place is free again.
    serving.wait_for(Established)
    with raw(serving):
        until(lambda: len(serving.server._unconfirmed) == 1)
        refused = running.connect(serving.address, established=False)
        assert isinstance(refused.end(), Rejected)
        until(
            lambda: serving.refused == ["limit"]
        )  # the client may hear of it before the server's caller does
        client.endpoint.send_event(NOTE)
        serving.wait_for(MessageReceived)
    serving.wait_for(Rejected)
    running.connect(serving.address)
