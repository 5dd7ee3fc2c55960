"""Running connections over real sockets: traffic, closing, stalled and slow peers, many at once."""

import threading
import time
from pathlib import Path

import pytest
from local_places import Plain, full_place, nowhere, plain
from sipc_identities import CLIENT, OTHER, SERVER
from sipc_running import Connected, Running, Serving, initiator, times, until

from sipc.errors import LocalError
from sipc.events import (
    Closed,
    Established,
    Event,
    Executed,
    How,
    MessageReceived,
    Rejected,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.exchange import Answer
from sipc.rpc import Call, Message
from sipc_runtime.clock import VirtualClock
from sipc_runtime.endpoint import HIGH_WATER, Endpoint, Handlers
from sipc_runtime.endpoint_parts import PeerBehind
from sipc_runtime.faults import FAULTS
from sipc_runtime.places import TRANSPORTS
from sipc_runtime.server import ServerLimits
from sipc_runtime.transport import TcpAddress

NOTE = Message("app.note", b"note")
TICK = 0.001


def raw(serving: Serving) -> Plain:
    """A stream of the test's own."""
    return plain(serving.address)


def closed(log: Connected | Serving) -> Closed:
    """The end of an established connection."""
    last = log.end()
    assert isinstance(last, Closed)
    return last


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("credential", ["x509", "psk"])
def test_a_whole_session(running: Running, transport: str, credential: str) -> None:
    """Establish, send both ways, close: both sides agree on everything."""
    serving = running.serve(transport=transport, credential=credential)
    client = running.connect(serving.address, config=initiator(credential))
    (mine,), (theirs,) = client.wait_for(Established), serving.wait_for(Established)
    assert (mine.peer, theirs.peer) == (SERVER, CLIENT)
    assert mine.channel_binding == theirs.channel_binding
    client.endpoint.send_event(NOTE)
    serving.endpoints[0].send_event(Message("app.push", 7))
    serving.wait_for(MessageReceived)
    client.wait_for(MessageReceived)
    client.endpoint.close()
    assert closed(client) == Closed(How.LOCAL, None, "closed", 1, 1, 1)
    assert closed(serving) == Closed(How.CLEAN, "peer-closed", "the peer closed", 1, 1, 1)
    assert client.endpoint.finished.is_set()


def test_requests_from_many_threads(running: Running) -> None:
    """Each caller gets the answer to its own request."""
    serving = running.serve()
    serving.on_message = lambda _endpoint, _event: None
    client = running.connect(serving.address)
    results: dict[int, object] = {}

    def answer_all() -> None:
        for received in serving.wait_for(RequestReceived, 20)[::-1]:
            serving.endpoints[0].respond(received.mid, Answer(body=received.envelope.body))

    def ask(number: int) -> None:
        outcome = client.endpoint.call(Call("app.echo", number))
        assert isinstance(outcome, ResponseReceived)
        results[number] = outcome.envelope.body

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    threads.append(threading.Thread(target=answer_all))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert results == {n: n for n in range(20)}


def test_messages_of_one_sender_keep_their_order(running: Running) -> None:
    """Hundreds of messages of all lengths arrive as they were sent."""
    serving = running.serve()
    client = running.connect(serving.address)
    bodies = [bytes([n % 256]) * (n * 37 % 5000) for n in range(400)]
    for body in bodies:
        client.endpoint.send_event(Message("app.note", body))
    client.endpoint.close()
    closed(serving)
    assert serving.bodies == bodies


def test_concurrent_senders_and_rekeys(running: Running) -> None:
    """Keys change while several threads send; nothing is lost, and each thread's messages keep their order."""
    serving = running.serve()
    client = running.connect(serving.address)

    def send(sender: int) -> None:
        for number in range(60):
            client.endpoint.send_event(Message("app.note", [sender, number]))
            if number % 7 == 0:
                client.endpoint.rekey()

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    client.endpoint.close()
    assert closed(serving).how is How.CLEAN
    for sender in range(4):
        numbers = [body[1] for body in serving.bodies if body[0] == sender]  # type: ignore[index]
        assert numbers == list(range(60))


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


def test_closing_while_connecting(running: Running, private_dir: Path) -> None:
    """close() does not wait for a server that never accepts."""
    with full_place(private_dir) as address:
        client = running.connect(address, established=False)
        client.endpoint.close()
        assert closed(client).how is How.LOCAL


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


def test_a_peer_that_vanishes_is_truncation(running: Running) -> None:
    """The stream's end without CLOSE is never clean, and open calls learn of it."""
    serving = running.serve()
    client = running.connect(serving.address)
    outcomes: list[object] = []
    client.endpoint.request(Call("app.wait"), outcomes.append)
    serving.wait_for(RequestReceived)
    serving.endpoints[0].abort()
    assert closed(client).how is How.TRUNCATED
    assert closed(serving).how is How.LOCAL
    until(lambda: len(outcomes) == 1)
    assert outcomes == [RequestFailed(0, "truncated", "outcome_unknown", Executed.UNKNOWN)]


def test_a_dead_peer_is_noticed(running: Running) -> None:
    """Nothing comes any more: PING, then the end, exactly at T_idle + T_probe of its clock."""
    clock = VirtualClock(wall=time.time())
    serving = running.serve()
    client = running.connect(serving.address, times(idle=6.0, probe=3.0), clock=clock)
    serving.wait_for(Established)
    # The server stops reading: it is busy with a message.
    busy = threading.Event()
    go_on = threading.Event()

    def stall(_endpoint: object, _event: object) -> None:
        busy.set()
        go_on.wait(30.0)

    serving.on_message = stall
    client.endpoint.send_event(NOTE)
    assert busy.wait(20.0)
    clock.advance(6.0)
    clock.advance(3.0 - TICK)
    assert client.of(Closed) == []
    clock.advance(TICK)
    last = closed(client)
    assert (last.how, last.reason) == (How.ERROR, "timeout")
    go_on.set()
    assert closed(serving).how is How.TRUNCATED


def test_a_live_peer_answers_probes(running: Running) -> None:
    """A quiet session lives on while PING is answered."""
    serving = running.serve()
    client = running.connect(serving.address, times(idle=0.1, probe=10.0))
    time.sleep(0.5)
    assert client.endpoint.established
    client.endpoint.close()
    assert closed(client).how is How.LOCAL
    assert closed(serving).how is How.CLEAN


# --- peers that do not read ---


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


def test_closing_a_server_closes_its_connections(running: Running) -> None:
    """Every client is told; afterwards nobody listens."""
    serving = running.serve()
    clients = [running.connect(serving.address) for _ in range(5)]
    serving.server.close()
    for client in clients:
        assert closed(client).how is How.CLEAN
    refused = running.connect(serving.address, established=False)
    last = refused.end()
    assert isinstance(last, Rejected)
    assert last.stage == "transport"
    serving.server.stop_accepting()


def test_many_sessions_leave_nothing(running: Running) -> None:
    """Hundreds of sessions, some of them cut off, end with the threads and descriptors of the start."""
    serving = running.serve(transport="tcp", credential="psk")
    config = initiator("psk")
    assert isinstance(serving.address, TcpAddress)
    for number in range(200):
        client = running.connect(serving.address, config=config)
        client.endpoint.send_event(NOTE)
        if number % 3:
            client.endpoint.close()
        else:
            client.endpoint.abort()
            assert client.endpoint.wait_finished(5.0)
    until(lambda: serving.server.endpoints() == [])
    assert len(serving.of(Established)) == 200
    assert len(serving.of(Closed)) == 200


def test_a_failing_program_ends_its_own_connection_only(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception in the program's own code is reported; the server goes on."""
    serving = running.serve()

    def fail(_endpoint: object, _event: object) -> None:
        raise RuntimeError("the program fails")

    serving.on_message = fail
    client = running.connect(serving.address)
    client.endpoint.send_event(NOTE)
    assert closed(client).how is How.TRUNCATED
    reported: list[str] = []

    def is_reported() -> bool:
        reported.append(capsys.readouterr().err)
        return "the program fails" in "".join(reported)

    until(is_reported)
    serving.on_message = lambda _endpoint, _event: None
    again = running.connect(serving.address)
    again.endpoint.send_event(NOTE)
    serving.wait_for(MessageReceived, 2)


def test_a_handler_may_close_its_connection(running: Running) -> None:
    """Closing in the connection's own thread does not wait for itself."""
    serving = running.serve()
    serving.on_message = lambda endpoint, _event: endpoint.close()
    client = running.connect(serving.address)
    client.endpoint.send_event(NOTE)
    assert closed(client).how is How.CLEAN
    assert closed(serving).how is How.LOCAL
