"""Running connections over real sockets: traffic, closing, stalled and slow peers, many at once."""

import threading
import time

import pytest
from sipc_identities import CLIENT, SERVER
from sipc_running import Running, closed, initiator, times, until

from sipc.events import (
    Closed,
    Established,
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
from sipc_runtime.places import TRANSPORTS
from sipc_runtime.transport import TcpAddress

NOTE = Message("app.note", b"note")
TICK = 0.001


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
