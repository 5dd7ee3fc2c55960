"""What a server does with requests: checks in a fixed order, lanes, handlers, at most once.

When a request's turn has come, the order is: is there still time; is the peer allowed to call the method; does it
need a key; does it need a token; has the key been used; only then the handler. Whatever is refused before the key is
looked up leaves no trace, and permission is asked for duplicates as for originals. What runs counts as running until
it has really ended, whether anybody still waits for it or not.
"""

import sys
import threading
import traceback
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sipc import cbor
from sipc.cbor import Value
from sipc.envelope import Envelope, Status
from sipc.errors import LocalError
from sipc.events import Established, RequestEnded, RequestReceived
from sipc.exchange import Answer
from sipc.idempotency import REFUSALS, Decision, IdempotencyKey, Outcome, fingerprint
from sipc.ordering import Lanes
from sipc_runtime.clock import Clock
from sipc_runtime.endpoint import Endpoint
from sipc_runtime.faults import FAULTS
from sipc_runtime.metrics import Metrics
from sipc_runtime.store import Effect, Store
from sipc_runtime.workers import Workers


class Refused(Exception):
    """A handler refuses, and nothing has happened: the answer is `status`, and the key stays free."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


class Stopped(Exception):
    """A handler has stopped half-way because nobody waits any more: what happens to its effect is not known."""


# Whether a flag has something to wait for is decided under this lock, in a few instructions.
_STOP = threading.Lock()


class Stop:
    """A flag that a handler can wait for, by the clock of its service."""

    __slots__ = ("_changed", "is_set")

    def __init__(self) -> None:
        # Most handlers never wait, so what they would wait for is made when one does.
        self._changed: threading.Condition | None = None
        self.is_set = False

    def set(self) -> None:
        """Raise the flag and wake who waits."""
        with _STOP:
            self.is_set = True
            changed = self._changed
        if changed is not None:
            with changed:
                changed.notify_all()

    def wait(self, clock: Clock, until: float) -> bool:
        """Wait until the flag is raised or the clock says `until`; return whether it is raised."""
        with _STOP:
            if self._changed is None:
                self._changed = threading.Condition()
            changed = self._changed
        with changed:
            while not self.is_set and clock.monotonic() < until:
                clock.wait(changed, until)
            return self.is_set


class Task(NamedTuple):
    """A request, as a handler sees it.

    Attributes:
        endpoint: The connection it came over.
        peer: Whom it came from.
        envelope: The request.
        deadline: Monotonic time after which nobody waits for the answer.
        stopped: Set when nobody waits any more, for whatever reason; a handler that takes time heeds it.
    """

    endpoint: Endpoint
    peer: Established
    envelope: Envelope
    deadline: float
    stopped: Stop


Handler = Callable[[Task], Value]


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is served; exactly one of `handler` and `durable` is given.

    Attributes:
        handler: Returns the body of the answer.
        durable: Returns, for a request, the effect to be executed together with its record.
        idempotent: Executing it twice is the same as once; a method that is not needs a key.
        inline: It never takes time: it may run in the endpoint's own thread.
        committed: Called after a durable effect and its record have become true.
    """

    handler: Handler | None = None
    durable: Callable[[Task], Effect] | None = None
    idempotent: bool = True
    inline: bool = False
    committed: Callable[[Task], None] | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service needs besides its methods.

    Attributes:
        clock: For deadlines.
        store: Returns the store of keyed requests; asked for when the first key comes.
        workers: Threads for handlers that take time.
        allows: Whether a peer may call a method now; asked for every request, also for duplicates.
        admits: Judges the token of a request that needs one and returns what the token is for; None if it needs none.
            Raises `Refused`.
        verifies: Judges a signed message; raises AuthenticationError. None: signed messages are refused.
        metrics: Where `running`, and what is refused as a replay, are counted.
        most_running: Requests of one connection that run or wait; more are answered BUSY.
    """

    clock: Clock
    store: Callable[[], Store]
    workers: Workers
    allows: Callable[[Established, str], bool] = lambda peer, method: True
    admits: Callable[[Established, Envelope], Value] = lambda peer, request: None
    verifies: Callable[[Established, Envelope], None] | None = None
    metrics: Metrics = field(default_factory=Metrics)
    most_running: int = 64


class _Job(NamedTuple):
    task: Task
    method: Method
    lane: Hashable


class Desk:
    """Serves the requests of one connection. Requests of a lane run one at a time, in their order.

    Attributes:
        peer: Whom the connection leads to.

    Args:
        peer: Whom the connection leads to.
        methods: Every method there is.
        around: What else is needed.
    """

    def __init__(self, peer: Established, methods: Mapping[str, Method], around: Surroundings) -> None:
        self.peer = peer
        self._methods = methods
        self._around = around
        self._lanes: Lanes[_Job] = Lanes()
        self._lock = threading.Lock()
        self._stops: dict[int, Stop] = {}
        # The last request that was brought here, and those that ended before they were.
        self._latest = -1
        self._ended_early: set[int] = set()

    def on_request(self, endpoint: Endpoint, event: RequestReceived) -> None:
        """A request arrived."""
        envelope = event.envelope
        method = self._methods.get(envelope.method)
        if method is None:
            _respond(endpoint, event.mid, Answer(Status.DENIED))
            return
        stopped = Stop()
        job = _Job(Task(endpoint, self.peer, envelope, event.deadline, stopped), method, envelope.okey)
        with self._lock:
            room = len(self._stops) < self._around.most_running
            if room:
                self._stops[event.mid] = stopped
            self._latest = event.mid
            if event.mid in self._ended_early:
                # Another thread was told of its end while this one was on its way here with it.
                self._ended_early.remove(event.mid)
                stopped.is_set = True
            # What runs in this thread, which alone brings requests, needs no lane that others would wait for.
            at_once = room and method.inline and not self._lanes.is_busy(job.lane)
            runs_now = room and not at_once and self._lanes.submit(job.lane, job)
        if at_once:
            self._run(job)
            with self._lock:
                del self._stops[event.mid]
            return
        if not room:
            _respond(endpoint, event.mid, Answer(Status.BUSY))
        if not runs_now:
            return
        if method.inline:
            self._run_lane(job)
        else:
            self._around.workers.submit(lambda: self._run_lane(job))

    def on_request_ended(self, event: RequestEnded) -> None:
        """Nobody waits for a request any more."""
        with self._lock:
            stopped = self._stops.get(event.mid)
            if stopped is None and event.mid > self._latest:
                self._ended_early.add(event.mid)
        if stopped is not None:
            stopped.set()

    def end(self) -> None:
        """The connection has ended: nobody waits for anything any more.

        Another thread may still be on its way here with the word that a request has ended.
        """
        with self._lock:
            stops = list(self._stops.values())
        for stopped in stops:
            stopped.set()

    def _judge(self, method: Method, envelope: Envelope) -> Value:
        """Whether the request may be executed now; returns what its token is for."""
        try:
            silent = FAULTS.armed and FAULTS.hit("policy")
            allowed = not silent and self._around.allows(self.peer, envelope.method) is True
        except Exception as error:  # noqa: BLE001 - whatever decides about permissions fails: it was not given
            _report(error)
            allowed = False
        if not allowed:
            raise Refused(Status.DENIED)
        if not method.idempotent and envelope.idem is None:
            raise Refused(Status.IDEM_REQUIRED)
        return self._around.admits(self.peer, envelope)

    def _run_lane(self, job: _Job) -> None:
        following: _Job | None = job
        while following is not None:
            current = following
            self._run(current)
            with self._lock:
                del self._stops[current.task.envelope.mid]
                following = self._lanes.done(current.lane)

    def _run(self, job: _Job) -> None:
        task = job.task
        if task.stopped.is_set or self._around.clock.monotonic() >= task.deadline:
            # Expired while it waited in its lane: it is not executed. The connection answers for it.
            return
        self._around.metrics.count("running")
        try:
            answer = self._answer(job)
            if FAULTS.armed:
                FAULTS.hit("before-reply")
        except Refused as refused:
            answer = Answer(refused.status)
        except Stopped:
            answer = Answer(Status.CANCELLED)
        except Exception as error:  # noqa: BLE001 - a handler's failure is an answer, not the end of the server
            answer = Answer(Status.INTERNAL)
            _report(error)
        finally:
            self._around.metrics.count("running", -1)
        _respond(task.endpoint, task.envelope.mid, answer)

    def _answer(self, job: _Job) -> Answer:
        task, method = job.task, job.method
        scope = self._judge(method, task.envelope)
        if FAULTS.armed:
            FAULTS.hit("before-effect")
        if task.envelope.idem is None:
            return Answer(Status.OK, _handle(method, task))
        key = IdempotencyKey(task.peer.credential, task.peer.peer, task.envelope.idem)
        asked = fingerprint(task.envelope, scope)
        store = self._around.store()
        if method.durable is not None:
            decision, outcome = store.execute(key, asked, method.durable(task))
            if decision is Decision.EXECUTE and method.committed is not None:
                method.committed(task)
        else:
            decision, outcome = store.begin(key, asked)
            if decision is Decision.EXECUTE:
                outcome = _execute_keyed(method, task, store, key)
        if FAULTS.armed:
            FAULTS.hit("after-record")
        if outcome is None:
            return Answer(REFUSALS[decision])
        return Answer(outcome.status, None if outcome.body is None else cbor.decode(outcome.body))


def _handle(method: Method, task: Task) -> Value:
    if method.handler is None:
        raise Refused(Status.IDEM_REQUIRED)
    return method.handler(task)


def _execute_keyed(method: Method, task: Task, store: Store, key: IdempotencyKey) -> Outcome:
    """Run a handler whose effect is not in the store.

    A refusal frees the key. After any other failure nobody knows whether something has happened: duplicates are told
    what the caller is told, or that the outcome is unknown where nobody waited any more.
    """
    try:
        body = _handle(method, task)
        if FAULTS.armed:
            FAULTS.hit("after-effect")
    except Refused:
        store.release(key)
        raise
    except Stopped:
        store.complete(key, Outcome(Status.OUTCOME_UNKNOWN, None))
        raise
    except BaseException:
        store.complete(key, Outcome(Status.INTERNAL, None))
        raise
    outcome = Outcome(Status.OK, cbor.encode(body))
    store.complete(key, outcome)
    return outcome


def _respond(endpoint: Endpoint, mid: int, answer: Answer) -> None:
    try:
        endpoint.respond(mid, answer)
    except LocalError as error:
        # The caller has been told; there is nobody else to tell.
        _report(error)


def _report(error: Exception) -> None:
    traceback.print_exception(error, file=sys.stderr)
