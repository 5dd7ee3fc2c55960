"""Connections over real sockets whose peer does not read: back-pressure, write time-outs, closing all the same."""

import threading
import time

from sipc_running import Running, closed, times

from sipc.errors import LocalError
from sipc.events import (
    Closed,
    Established,
    Event,
    How,
    MessageReceived,
)
from sipc.rpc import Call, Message
from sipc_runtime.clock import VirtualClock
from sipc_runtime.endpoint import HIGH_WATER, Endpoint, Handlers
from sipc_runtime.endpoint_parts import PeerBehind

NOTE = Message("app.note", b"note")
TICK = 0.001


class Stalled:
    """A server whose program is busy with the first message, so that it reads no more."""

    def __init__(
        self, running: Running, client_times: dict[str, float], clock: VirtualClock | None = None
    ) -> None:
        self.go_on = threading.Event()
        self.serving = running.serve()
        self.serving.on_message = lambda _endpoint, _event: self.go_on.wait(60.0) and None
        if clock is None:
            self.client = running.connect(self.serving.address, times(**client_times))
        else:
            self.client = running.connect(self.serving.address, times(**client_times), clock=clock)

    def fill(self) -> int:
        """Send until the peer is behind and stays so; return the number of messages that were taken."""
        sent = 0
        behind = 0
        while behind < 5:
            try:
                self.client.endpoint.try_send_event(Message("app.note", bytes(60_000)))
                sent += 1
                behind = 0
            except PeerBehind:
                # The kernel may still be taking bytes.
                time.sleep(0.02)
                behind += 1
        return sent


def test_a_deadline_passes_while_there_is_no_room(running: Running) -> None:
    """A request that waits behind a peer that does not read is given up at its deadline, and was not sent."""
    clock = VirtualClock(wall=time.time())
    stalled = Stalled(running, {}, clock)
    stalled.fill()
    refusals: list[LocalError] = []

    def ask() -> None:
        try:
            stalled.client.endpoint.request(Call("app.echo", b"x", budget_ms=1000), lambda _: None)
        except LocalError as refusal:
            refusals.append(refusal)

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join(0.1)
    clock.advance(0.999)
    asking.join(0.1)
    assert asking.is_alive()
    clock.advance(0.001)
    asking.join(10)
    assert [refusal.reason for refusal in refusals] == ["timeout"]
    stalled.go_on.set()
    stalled.client.endpoint.close()
    closed(stalled.serving)


def test_back_pressure_without_waiting(running: Running) -> None:
    """A peer that does not read is noticed by the sender before memory grows."""
    stalled = Stalled(running, {})
    sent = stalled.fill()
    assert HIGH_WATER // 60_000 < sent < 200
    assert stalled.client.endpoint._outbox.size <= HIGH_WATER + 65_536
    stalled.go_on.set()
    stalled.client.endpoint.close()
    closed(stalled.serving)
    assert len(stalled.serving.bodies) == sent


def test_back_pressure_by_waiting(running: Running) -> None:
    """A sender that waits goes on when the peer reads again, and everything arrives."""
    stalled = Stalled(running, {})
    sent = stalled.fill()
    done = threading.Event()

    def send_more() -> None:
        for _ in range(20):
            stalled.client.endpoint.send_event(Message("app.note", bytes(60_000)))
        done.set()

    thread = threading.Thread(target=send_more)
    thread.start()
    assert not done.wait(0.1)
    stalled.go_on.set()
    assert done.wait(30.0)
    thread.join()
    stalled.client.endpoint.close()
    closed(stalled.serving)
    assert len(stalled.serving.bodies) == sent + 20


def test_a_peer_that_never_reads_is_given_up(running: Running) -> None:
    """After the write time-out the connection ends, waiting senders fail, and others were never affected."""
    clock = VirtualClock(wall=time.time())
    stalled = Stalled(running, {"write": 4.0, "idle": 3600.0}, clock)
    stalled.fill()
    failures: list[str] = []

    def send() -> None:
        try:
            stalled.client.endpoint.send_event(NOTE)
        except LocalError as error:
            failures.append(error.reason)

    thread = threading.Thread(target=send)
    thread.start()
    other_server = running.serve()
    other = running.connect(other_server.address, clock=clock)
    other.endpoint.send_event(NOTE)
    other_server.wait_for(MessageReceived)
    clock.advance(4.0 - TICK)
    assert stalled.client.of(Closed) == []
    clock.advance(TICK)
    last = closed(stalled.client)
    assert (last.how, last.reason) == (How.ERROR, "timeout")
    thread.join(20.0)
    assert failures == ["peer-closed"]
    assert stalled.client.endpoint.wait_finished(5.0)
    stalled.go_on.set()
    assert closed(stalled.serving).how is not How.CLEAN


def test_close_is_bounded_when_the_peer_does_not_read(running: Running) -> None:
    """close() returns after the drain time-out, also with bytes that nobody takes."""
    stalled = Stalled(running, {"drain": 0.2})
    stalled.fill()
    start = time.monotonic()
    stalled.client.endpoint.close()
    assert time.monotonic() - start >= 0.2
    last = closed(stalled.client)
    assert (last.how, last.reason) == (How.LOCAL, "timeout")
    stalled.go_on.set()
    assert closed(stalled.serving).how is How.TRUNCATED


def test_close_is_bounded_when_the_peer_does_not_answer(running: Running) -> None:
    """The same with nothing waiting: the peer's CLOSE does not come."""
    stalled = Stalled(running, {"drain": 0.2})
    stalled.client.endpoint.send_event(NOTE)
    stalled.serving.wait_for(MessageReceived)
    stalled.client.endpoint.close()
    assert closed(stalled.client).reason == "timeout"
    stalled.go_on.set()


def test_a_peer_that_asks_but_does_not_read_is_not_read(running: Running) -> None:
    """Answers to a peer that does not take them do not pile up: its requests stay in its own buffers."""
    serving = running.serve(times(write=1.0))
    client = running.connect(serving.address, times(write=120.0))
    serving.wait_for(Established)
    hold = threading.Event()

    def held_up(endpoint: Endpoint, event: Event) -> None:
        client.add(endpoint, event)
        hold.wait(60.0)

    # The client's own thread is held up, so that it reads nothing.
    client.endpoint._handlers = Handlers(held_up, client.add)
    serving.endpoints[0].send_event(NOTE)
    client.wait_for(MessageReceived)
    big = Message("app.note", bytes(200_000))
    sender = serving.endpoints[0]

    def flood() -> None:
        try:
            while True:
                sender.send_event(big)
        except LocalError:
            return

    thread = threading.Thread(target=flood)
    thread.start()
    last = closed(serving)
    assert (last.how, last.reason) == (How.ERROR, "timeout")
    thread.join(20.0)
    assert sender._outbox.size == 0
    hold.set()


# --- servers ---
