"""Requests at a running server: checks, lanes, keys, cancellation."""

import sqlite3
import threading
from collections.abc import Callable

import pytest
from sipc_identities import CLIENT, OTHER
from sipc_running import Connected, Running, Serving, initiator, until

from sipc.cbor import Value
from sipc.envelope import Kind, Status, build
from sipc.errors import LocalError
from sipc.events import (
    Cause,
    Closed,
    Established,
    How,
    RequestEnded,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.idempotency import Outcome
from sipc.rpc import Call
from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.endpoint import Endpoint
from sipc_runtime.host import Host
from sipc_runtime.service import Desk, Method, Refused, Stopped, Surroundings, Task
from sipc_runtime.store import Effect, Store
from sipc_runtime.workers import Workers

TABLE = "CREATE TABLE IF NOT EXISTS effect (id INTEGER PRIMARY KEY);"
KEY = b"k" * 16


def durable(_task: Task) -> Effect:
    """An effect that answers with its number."""

    def effect(sql: sqlite3.Connection) -> Outcome:
        return Outcome(0, bytes([sql.execute("INSERT INTO effect DEFAULT VALUES").lastrowid or 0]))

    return effect


def answer(outcome: ResponseReceived | RequestFailed) -> tuple[int, Value]:
    """Status and body of an answered request."""
    assert isinstance(outcome, ResponseReceived)
    return outcome.envelope.status, outcome.envelope.body


def ask(client: Connected, method: str, body: Value = None, **changes: object) -> tuple[int, Value]:
    """Send a request and wait for its answer."""
    return answer(client.endpoint.call(Call(method, body, **changes)))  # type: ignore[arg-type]


class Counting:
    """A handler that counts, and waits if it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.entered = threading.Semaphore(0)
        self.stopped: list[bool] = []

    def __call__(self, _task: Task) -> Value:
        self.count += 1
        number = self.count
        self.entered.release()
        self.go_on.wait(30.0)
        return number

    def until_stopped(self, task: Task) -> Value:
        """A handler that works until nobody waits for it any more."""
        self.entered.release()
        self.stopped.append(task.stopped.wait(SYSTEM_CLOCK, SYSTEM_CLOCK.monotonic() + 30.0))
        raise Refused(Status.CANCELLED)


@pytest.fixture
def handler() -> Counting:
    """A handler of the test."""
    return Counting()


@pytest.fixture
def serving(running: Running, handler: Counting) -> Serving:
    """A server with one method of each kind."""

    def refuse(task: Task) -> Value:
        if task.envelope.body == "busy":
            raise Refused(Status.UNAVAILABLE)
        return handler(task)

    def fail(_task: Task) -> Value:
        handler.count += 1
        raise RuntimeError("the handler fails")

    methods = {
        "app.echo": Method(handler=lambda task: task.envelope.body, inline=True),
        "app.count": Method(handler=handler),
        "app.once": Method(handler=handler, idempotent=False),
        "app.append": Method(durable=durable, idempotent=False, inline=True),
        "app.refuse": Method(handler=refuse),
        "app.fail": Method(handler=fail),
        "app.work": Method(handler=handler.until_stopped),
    }
    return running.serve(methods=methods, tables=TABLE)


@pytest.fixture
def client(running: Running, serving: Serving) -> Connected:
    """A client of that server."""
    return running.connect(serving.address)


def test_an_answer(client: Connected) -> None:
    """The handler's result is the body."""
    assert ask(client, "app.echo", {"k": [1, None]}) == (Status.OK, {"k": [1, None]})


@pytest.mark.parametrize("method", ["app.unknown", "app.echo.more", "echo.app"])
def test_an_unknown_method_is_denied(client: Connected, method: str) -> None:
    """What is not there looks like what is not allowed."""
    assert ask(client, method)[0] == Status.DENIED


@pytest.mark.parametrize("method", ["app.once", "app.append"])
def test_a_method_that_is_not_idempotent_needs_a_key(
    client: Connected, handler: Counting, method: str
) -> None:
    """Without one it is refused, and nothing happens."""
    assert ask(client, method)[0] == Status.IDEM_REQUIRED
    assert handler.count == 0


@pytest.mark.parametrize("method", ["app.count", "app.once"])
def test_a_duplicate_gets_the_stored_answer(
    running: Running, serving: Serving, handler: Counting, method: str
) -> None:
    """Also on another connection of the same peer; the handler ran once."""
    answers = [ask(running.connect(serving.address), method, idem=KEY) for _ in range(3)]
    assert answers == [(Status.OK, 1)] * 3
    assert handler.count == 1


def test_durable_effects_happen_once(running: Running, client: Connected) -> None:
    """The store and the answers agree."""
    assert [ask(client, "app.append", idem=KEY) for _ in range(3)] == [(Status.OK, 1)] * 3
    assert ask(client, "app.append", idem=b"another key" * 2) == (Status.OK, 2)
    assert running.store is not None
    assert running.store.query("SELECT id FROM effect") == [(1,), (2,)]


def test_a_key_belongs_to_one_request(client: Connected, handler: Counting) -> None:
    """Another body or another method under the key is refused and learns nothing."""
    assert ask(client, "app.once", "first", idem=KEY) == (Status.OK, 1)
    assert ask(client, "app.once", "second", idem=KEY) == (Status.IDEM_MISMATCH, None)
    assert ask(client, "app.count", "first", idem=KEY) == (Status.IDEM_MISMATCH, None)
    assert handler.count == 1


def test_a_key_belongs_to_one_peer(
    running: Running, serving: Serving, client: Connected, handler: Counting
) -> None:
    """Another peer's identical key executes, and gets its own answer."""
    other = running.connect(serving.address, config=initiator(name=OTHER))
    assert ask(client, "app.once", idem=KEY) == (Status.OK, 1)
    assert ask(other, "app.once", idem=KEY) == (Status.OK, 2)
    assert handler.count == 2


def test_a_duplicate_of_a_running_request(running: Running, serving: Serving, handler: Counting) -> None:
    """It is told so; there is never a second execution."""
    handler.go_on.clear()
    first, second = running.connect(serving.address), running.connect(serving.address)
    results: list[tuple[int, Value]] = []
    thread = threading.Thread(target=lambda: results.append(ask(first, "app.once", idem=KEY)))
    thread.start()
    assert handler.entered.acquire(timeout=20.0)
    assert ask(second, "app.once", idem=KEY) == (Status.IN_PROGRESS, None)
    handler.go_on.set()
    thread.join(20.0)
    assert results == [(Status.OK, 1)]
    assert ask(second, "app.once", idem=KEY) == (Status.OK, 1)


def test_a_refusal_does_not_use_up_the_key(client: Connected, handler: Counting) -> None:
    """A handler that refuses has done nothing; the same key may be used later, also for another body."""
    assert ask(client, "app.refuse", "busy", idem=KEY)[0] == Status.UNAVAILABLE
    assert ask(client, "app.refuse", "now", idem=KEY) == (Status.OK, 1)


def test_a_failed_handler(client: Connected, handler: Counting, capfd: pytest.CaptureFixture[str]) -> None:
    """The caller learns that it failed; under a key nobody executes it again, and duplicates learn the same."""
    assert ask(client, "app.fail")[0] == Status.INTERNAL
    assert ask(client, "app.fail", idem=KEY)[0] == Status.INTERNAL
    assert ask(client, "app.fail", idem=KEY)[0] == Status.INTERNAL
    assert handler.count == 2
    assert "the handler fails" in capfd.readouterr().err


def test_permission_is_asked_for_duplicates(running: Running) -> None:
    """After the permission is gone, the stored answer is not given out."""
    allowed = {CLIENT}
    seen: list[tuple[int, Value]] = []
    store = Store(":memory:", SYSTEM_CLOCK, 600.0, TABLE)
    around = Surroundings(
        SYSTEM_CLOCK, lambda: store, running.workers, lambda peer, _method: peer.peer in allowed
    )

    class Caller:
        """Stands in for an endpoint."""

        label = "test"

        def respond(self, _mid: int, given: object) -> bool:
            seen.append((given.status, given.body))  # type: ignore[attr-defined]
            return True

    peer = Established(CLIENT, "x509", "me", "suite", 1, b"")
    desk = Desk(peer, {"app.append": Method(durable=durable, idempotent=False, inline=True)}, around)
    for mid in range(3):
        desk.on_request(Caller(), request_event(mid))  # type: ignore[arg-type]
        if mid == 1:
            allowed.clear()
    assert seen == [(Status.OK, 1), (Status.OK, 1), (Status.DENIED, None)]
    store.close()


def request_event(mid: int) -> object:
    """A keyed request that has just arrived."""
    from sipc.envelope import Kind, build
    from sipc.events import RequestReceived

    fields: dict[int, Value] = {4: "app.append", 6: KEY, 7: 60_000}
    return RequestReceived(mid, build(Kind.REQUEST, mid, fields), SYSTEM_CLOCK.monotonic() + 60.0)


def start(client: Connected, call: Call) -> Callable[[], tuple[int, Value]]:
    """Send a request; return how to wait for its answer."""
    outcomes: list[ResponseReceived | RequestFailed] = []
    client.endpoint.request(call, outcomes.append)

    def wait() -> tuple[int, Value]:
        until(lambda: bool(outcomes))
        return answer(outcomes[0])

    return wait


def test_lanes_keep_order_and_are_independent(client: Connected, handler: Counting) -> None:
    """Requests of a lane run one after the other; another lane does not wait for them."""
    handler.go_on.clear()
    waits = [start(client, Call("app.count", okey=b"a")) for _ in range(3)]
    assert handler.entered.acquire(timeout=20.0)
    assert ask(client, "app.echo", 1, okey=b"b") == (Status.OK, 1)
    assert handler.count == 1
    other = start(client, Call("app.count", okey=b"c"))
    assert handler.entered.acquire(timeout=20.0)
    assert handler.count == 2
    handler.go_on.set()
    assert [wait() for wait in waits] == [(Status.OK, 1), (Status.OK, 3), (Status.OK, 4)]
    assert other() == (Status.OK, 2)


def test_what_expires_in_its_lane_is_not_executed(
    client: Connected, serving: Serving, handler: Counting
) -> None:
    """The second request waits behind the first until its time is over: the handler never sees it."""
    handler.go_on.clear()
    first = start(client, Call("app.count"))
    assert handler.entered.acquire(timeout=20.0)
    second = client.endpoint.call(Call("app.count", budget_ms=200))
    assert not isinstance(second, ResponseReceived) or second.envelope.status == Status.DEADLINE_EXCEEDED
    # The server's own deadline is later: it counts from the request's arrival.
    _, received = serving.wait_for(RequestReceived, 2)
    until(lambda: SYSTEM_CLOCK.monotonic() > received.deadline)
    handler.go_on.set()
    first()
    assert ask(client, "app.echo", "flush") == (Status.OK, "flush")
    assert handler.count == 1


@pytest.mark.parametrize("how", ["cancel", "deadline", "disconnect"])
def test_a_handler_is_told_to_stop(client: Connected, handler: Counting, how: str) -> None:
    """Cancel, deadline and disconnection all reach the handler."""
    outcomes: list[object] = []
    budget = 100 if how == "deadline" else 60_000
    mid = client.endpoint.request(Call("app.work", budget_ms=budget), outcomes.append)
    assert handler.entered.acquire(timeout=20.0)
    if how == "cancel":
        assert client.endpoint.cancel(mid)
    elif how == "disconnect":
        client.endpoint.abort()
    until(lambda: handler.stopped == [True])
    until(lambda: len(outcomes) == 1)


def test_a_call_that_cannot_be_sent(client: Connected) -> None:
    """The caller's own mistakes are errors at the call, and nothing was sent."""
    for call in (
        Call("Not a method"),
        Call("app.echo", idem=b"short"),
        Call("app.echo", 1.5),
        Call("app.echo", budget_ms=0),
    ):  # type: ignore[arg-type]
        with pytest.raises(LocalError):
            client.endpoint.call(call)
    assert ask(client, "app.echo", 1) == (Status.OK, 1)


def test_workers_are_bounded_and_leave() -> None:
    """No more threads than allowed, and none when there is nothing to do."""
    workers = Workers(limit=2, linger=0.01)
    go_on = threading.Event()
    running = threading.Semaphore(0)
    done: list[int] = []

    def task(number: int) -> None:
        running.release()
        go_on.wait(30.0)
        done.append(number)

    for number in range(5):
        workers.submit(lambda number=number: task(number))
    assert running.acquire(timeout=20.0)
    assert running.acquire(timeout=20.0)
    assert not running.acquire(timeout=0.05)
    go_on.set()
    until(lambda: len(done) == 5)
    until(lambda: workers._threads == 0)


def test_a_failing_task_does_not_take_a_thread(capfd: pytest.CaptureFixture[str]) -> None:
    """It is reported, and the next task runs."""
    workers = Workers(limit=1, linger=0.01)
    done = threading.Event()

    def fail() -> None:
        raise RuntimeError("the task fails")

    workers.submit(fail)
    workers.submit(done.set)
    assert done.wait(20.0)
    until(lambda: workers._threads == 0)
    assert "the task fails" in capfd.readouterr().err


def test_a_request_that_ends_before_it_is_brought_to_the_desk_is_not_executed() -> None:
    """Another thread tells of its end while the endpoint's thread is on its way with it: the stop is not lost."""
    executed: list[int] = []

    def handler(task: Task) -> Value:
        executed.append(task.envelope.mid)
        return None

    peer = Established("spiffe://x/a", "x509", "spiffe://x/b", "s", 1, bytes(32))
    around = Surroundings(SYSTEM_CLOCK, lambda: Store(":memory:", SYSTEM_CLOCK, 600.0), Workers())
    desk = Desk(peer, {"app.note": Method(handler=handler, inline=True)}, around)
    request = build(Kind.REQUEST, 3, {4: "app.note", 7: 1000})
    desk.on_request_ended(RequestEnded(3, Cause.CLOSED))
    endpoint: Endpoint = object()  # type: ignore[assignment]  # nothing is answered, so it is not used
    desk.on_request(endpoint, RequestReceived(3, request, SYSTEM_CLOCK.monotonic() + 60.0))
    assert executed == []


def test_the_end_of_a_connection_stops_what_runs() -> None:
    """Also if the end is told before another thread gets around to say which requests ended by it."""
    begun, seen = threading.Event(), []

    def handler(task: Task) -> Value:
        begun.set()
        seen.append(task.stopped.wait(SYSTEM_CLOCK, SYSTEM_CLOCK.monotonic() + 20.0))
        raise Stopped

    around = Surroundings(SYSTEM_CLOCK, lambda: Store(":memory:", SYSTEM_CLOCK, 600.0), Workers())
    host = Host({"app.wait": Method(handler=handler, idempotent=True)}, around)
    endpoint: Endpoint = Silent()  # type: ignore[assignment]  # of its methods only this one is used
    host.on_event(endpoint, Established("spiffe://x/a", "x509", "spiffe://x/b", "s", 1, bytes(32)))
    request = build(Kind.REQUEST, 3, {4: "app.wait", 7: 60_000})
    host.on_event(endpoint, RequestReceived(3, request, SYSTEM_CLOCK.monotonic() + 60.0))
    assert begun.wait(20.0)
    host.on_event(endpoint, Closed(How.LOCAL, None, "aborted", 0, 0, None))
    host.on_request_ended(endpoint, RequestEnded(3, Cause.CLOSED))
    until(lambda: seen == [True])


class Silent:
    """A connection over which nothing is answered."""

    def respond(self, _mid: int, _answer: object) -> bool:
        """Nobody waits."""
        return False
