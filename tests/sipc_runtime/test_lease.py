"""Who reads: callers that read in place of the endpoint's thread, under everything that may come in between."""

import socket
import threading
import time

import pytest
from sipc_running import Connected, Running, Serving, times, until

import sipc_runtime.lease
from sipc.envelope import Status
from sipc.events import (
    Closed,
    Established,
    Executed,
    How,
    MessageReceived,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.rpc import Call, Message
from sipc_runtime.clock import VirtualClock
from sipc_runtime.endpoint import Endpoint
from sipc_runtime.lease import Lease, Reader, Waiter
from sipc_runtime.service import Method, Task
from sipc_runtime.sockets import SocketStream

WAITS = "app.wait"


def wait_for_stop(task: Task) -> None:
    """A handler that answers when nobody waits any more."""
    until(lambda: task.stopped.is_set)


METHODS = {
    "app.echo": Method(handler=lambda task: task.envelope.body, inline=True),
    WAITS: Method(handler=wait_for_stop),
}


def echoes(endpoint: Endpoint, number: int) -> bool:
    """Whether an echo comes back."""
    body = b"%d" % number
    outcome = endpoint.call(Call("app.echo", body))
    return isinstance(outcome, ResponseReceived) and outcome.envelope.body == body


def lending(running: Running, **options: object) -> tuple[Serving, Connected]:
    """A client whose thread has lent its role, as after two answers."""
    serving = running.serve(methods=METHODS)
    client = running.connect(serving.address, **options)  # type: ignore[arg-type]
    assert all(echoes(client.endpoint, number) for number in range(3))
    return serving, client


@pytest.fixture
def long_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """The own thread stays parked, so that the next caller certainly reads."""
    monkeypatch.setattr(sipc_runtime.lease, "UNUSED_S", 60.0)


def in_thread(serving: Serving, client: Connected, call: Call) -> tuple[threading.Thread, list[object], int]:
    """Have another thread call and read; return it, its outcome to come, and the request's number."""
    lease = client.endpoint._lease
    until(lambda: lease.reader is Reader.FREE)
    outcomes: list[object] = []
    thread = threading.Thread(target=lambda: outcomes.append(client.endpoint.call(call)))
    thread.start()
    until(lambda: serving.of(RequestReceived)[-1].envelope.method == WAITS)
    assert lease.reader is Reader.CALLER
    return thread, outcomes, serving.of(RequestReceived)[-1].mid


def finish(thread: threading.Thread) -> None:
    """The thread ends."""
    thread.join(20.0)
    assert not thread.is_alive()


def test_callers_read_and_the_own_thread_takes_its_role_back(running: Running) -> None:
    """After answers the role is offered; unused, it returns to the endpoint's thread."""
    _, client = lending(running)
    lease = client.endpoint._lease
    until(lambda: lease.reader is Reader.OWN)
    assert all(echoes(client.endpoint, number) for number in range(100))
    until(lambda: lease.reader is Reader.OWN)


def test_many_callers_while_events_arrive(running: Running) -> None:
    """Every caller gets its own answer; every event comes once, in order, in one thread that is no caller's."""
    serving, client = lending(running)
    told_in: set[str] = set()
    add = client.add

    def told(endpoint: Endpoint, event: object) -> None:
        told_in.add(threading.current_thread().name)
        add(endpoint, event)  # type: ignore[arg-type]

    object.__setattr__(client.endpoint._handlers, "on_event", told)
    wrong: list[int] = []

    def ask(first: int) -> None:
        wrong.extend(n for n in range(first, first + 60) if not echoes(client.endpoint, n))

    def push() -> None:
        for number in range(150):
            serving.endpoints[0].send_event(Message("app.push", number))

    callers = [threading.Thread(target=ask, args=(n * 1000,), name=f"caller-{n}") for n in range(5)]
    threads = [*callers, threading.Thread(target=push)]
    for thread in threads:
        thread.start()
    for thread in threads:
        finish(thread)
    client.wait_for(MessageReceived, 150)
    assert wrong == []
    assert client.bodies == list(range(150))
    assert not any(name.startswith("caller") for name in told_in)


@pytest.mark.usefixtures("long_lease")
def test_an_event_that_comes_while_a_caller_reads(running: Running) -> None:
    """It is told while the call goes on, and the call is answered nevertheless."""
    serving, client = lending(running)
    thread, outcomes, mid = in_thread(serving, client, Call(WAITS, budget_ms=60_000))
    serving.endpoints[0].send_event(Message("app.push", 1))
    client.wait_for(MessageReceived)
    assert outcomes == []
    assert client.endpoint.cancel(mid)
    finish(thread)
    assert outcomes == [RequestFailed(mid, "timeout", "cancelled", Executed.UNKNOWN)]
    assert echoes(client.endpoint, 1)


@pytest.mark.usefixtures("long_lease")
def test_cancelling_wakes_the_caller_that_reads(running: Running) -> None:
    """Nothing comes from the peer, and the caller returns all the same."""
    serving, client = lending(running)
    thread, outcomes, mid = in_thread(serving, client, Call(WAITS, budget_ms=60_000))
    assert client.endpoint.cancel(mid)
    finish(thread)
    assert isinstance(outcomes[0], RequestFailed)
    assert all(echoes(client.endpoint, number) for number in range(5))


@pytest.mark.usefixtures("long_lease")
def test_a_deadline_of_a_virtual_clock_wakes_the_caller_that_reads(running: Running) -> None:
    """Exactly at its time, though the stream is silent."""
    clock = VirtualClock(wall=time.time())
    serving, client = lending(running, clock=clock)
    thread, outcomes, _ = in_thread(serving, client, Call(WAITS, budget_ms=1000))
    clock.advance(0.999)
    assert outcomes == []
    clock.advance(0.001)
    finish(thread)
    # Both ends have this clock; the server's word on the same deadline may come first.
    outcome = outcomes[0]
    if isinstance(outcome, RequestFailed):
        assert outcome.code == "deadline_exceeded"
    else:
        assert outcome.envelope.status == Status.DEADLINE_EXCEEDED
    assert echoes(client.endpoint, 1)


@pytest.mark.usefixtures("long_lease")
@pytest.mark.parametrize("how", ["close", "abort", "peer-aborts"])
def test_the_end_comes_while_a_caller_reads(running: Running, how: str) -> None:
    """The caller gets an outcome, the program one last event, and everything is released."""
    serving, client = lending(running, settings=times(drain=0.5))
    thread, outcomes, _ = in_thread(serving, client, Call(WAITS, budget_ms=60_000))
    if how == "close":
        client.endpoint.close()
    elif how == "abort":
        client.endpoint.abort()
    else:
        serving.endpoints[0].abort()
    finish(thread)
    assert isinstance(outcomes[0], RequestFailed)
    assert client.endpoint.wait_finished(20.0)
    (last,) = client.of(Closed)
    assert last.how is (How.TRUNCATED if how == "peer-aborts" else How.LOCAL)


@pytest.mark.usefixtures("long_lease")
def test_requests_with_callbacks_recall_the_own_thread(running: Running) -> None:
    """Nobody waits for this answer in a call, so the endpoint's thread reads it."""
    _, client = lending(running)
    outcomes: list[object] = []
    for number in range(20):
        assert echoes(client.endpoint, number)
        client.endpoint.request(Call("app.echo", b"x"), outcomes.append)
        until(lambda count=number + 1: len(outcomes) == count)  # type: ignore[misc]
    assert all(isinstance(outcome, ResponseReceived) for outcome in outcomes)


@pytest.mark.usefixtures("long_lease")
def test_closing_right_after_an_answer(running: Running) -> None:
    """The parked thread is called back for the peer's CLOSE."""
    serving = running.serve(methods=METHODS)
    for number in range(15):
        client = running.connect(serving.address)
        client.wait_for(Established)
        assert all(echoes(client.endpoint, n) for n in range(number % 4 + 1))
        client.endpoint.close()
        last = client.end()
        assert isinstance(last, Closed)
        assert (last.how, last.reason) == (How.LOCAL, None)


@pytest.mark.usefixtures("long_lease")
def test_probes_are_answered_while_a_caller_reads(running: Running) -> None:
    """Timers go on, and what is not for the caller is still read."""
    serving, client = lending(running, settings=times(idle=0.05, probe=10.0))
    thread, outcomes, _ = in_thread(serving, client, Call(WAITS, budget_ms=300))
    finish(thread)
    assert isinstance(outcomes[0], RequestFailed)
    assert client.endpoint.established
    assert serving.endpoints[0].established


def test_a_lease_goes_from_hand_to_hand() -> None:
    """Only what is free is taken; who is called back gets it."""
    lock = threading.Lock()
    lease = Lease(lock)
    with lock:
        assert not lease.take()
        lease.offer()
        assert lease.take()
        assert not lease.take()
        lease.recall()
        assert lease.reader is Reader.CALLER
        lease.give_back(to_own_thread=False)
        lease.recall()
        lease.recall()
    lease.park()
    assert lease.reader is Reader.OWN


def test_a_waiter_that_is_settled_before_it_waits() -> None:
    """Then it does not wait."""
    waiter = Waiter()
    failed = RequestFailed(0, "timeout", "cancelled", Executed.UNKNOWN)
    waiter.settle(failed)
    waiter.expect()
    waiter.wait()
    assert waiter.outcome == failed


def test_a_stream_that_can_be_interrupted() -> None:
    """Bytes come through, an interrupt is noticed once, and nothing happens to a closed stream."""
    ours, theirs = socket.socketpair()
    stream = SocketStream(ours)
    stream.interrupt()
    assert stream.allow_interrupts()
    assert stream.allow_interrupts()
    theirs.send(b"x")
    assert stream.read_unless_interrupted(10) == b"x"
    for _ in range(3):
        stream.interrupt()
    assert stream.read_unless_interrupted(10) is None
    theirs.close()
    assert stream.read_unless_interrupted(10) == b""
    stream.close()
    stream.interrupt()


def test_without_descriptors_nothing_is_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint's thread reads on if callers could not be interrupted."""
    ours, theirs = socket.socketpair()
    stream = SocketStream(ours)

    def none_left() -> None:
        raise OSError("no descriptors left")

    monkeypatch.setattr(socket, "socketpair", none_left)
    assert not stream.allow_interrupts()
    stream.close()
    theirs.close()
