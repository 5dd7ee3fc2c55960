"""Calls that survive lost connections; what may be sent again and what must not."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from local_places import nowhere
from sipc_running import Running, Serving, initiator, times, until

from sipc.cbor import Value
from sipc.envelope import Status
from sipc.errors import LocalError
from sipc.events import Executed, RequestFailed, ResponseReceived
from sipc.rpc import Call, may_resend
from sipc_runtime.client import connect
from sipc_runtime.clock import SYSTEM_CLOCK, VirtualClock
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.retry import Caller, RetryPolicy, new_key
from sipc_runtime.service import Method, Refused, Task
from sipc_runtime.transport import Address

NO, UNKNOWN = Executed.NO, Executed.UNKNOWN


@pytest.mark.parametrize(
    ("executed", "status", "keyed", "idempotent", "allowed"),
    [
        (UNKNOWN, None, False, False, False),
        (UNKNOWN, None, True, False, True),
        (UNKNOWN, None, False, True, True),
        (NO, None, False, False, True),
        (UNKNOWN, Status.OK, True, True, False),
        (UNKNOWN, Status.DENIED, True, True, False),
        (UNKNOWN, Status.IDEM_MISMATCH, True, True, False),
        (UNKNOWN, Status.INTERNAL, True, True, False),
        (UNKNOWN, Status.BUSY, False, False, True),
        (UNKNOWN, Status.UNAVAILABLE, False, False, True),
        (UNKNOWN, Status.IN_PROGRESS, True, False, True),
        (UNKNOWN, Status.OUTCOME_UNKNOWN, True, False, True),
        (UNKNOWN, Status.OUTCOME_UNKNOWN, False, True, False),
    ],
)
def test_the_rule(
    executed: Executed, status: Status | None, keyed: bool, idempotent: bool, allowed: bool
) -> None:
    """Final answers are final; ambiguity is resolved only where a second execution is harmless."""
    assert may_resend(executed, status, keyed=keyed, idempotent=idempotent) is allowed


class Flaky:
    """A handler during whose first calls the connection is lost."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.keys: list[bytes | None] = []

    def __call__(self, task: Task) -> Value:
        self.keys.append(task.envelope.idem)
        if len(self.keys) <= self.losses:
            task.endpoint.abort()
        return len(self.keys)


def caller(running: Running, address: Address, policy: RetryPolicy | None = None) -> Caller:
    """A caller that the test's end takes care of."""

    def opened(handlers: Handlers) -> Endpoint:
        endpoint = connect("retry", address, initiator(), handlers, times(connect=0.5))
        running._clients.append(endpoint)
        return endpoint

    quick = policy or RetryPolicy(base=0.001, cap=0.01)
    return Caller(opened, Handlers(lambda _e, _x: None, lambda _e, _x: None), quick)


def serve(running: Running, handler: Callable[[Task], Value], *, idempotent: bool) -> Serving:
    """A server with one method."""
    return running.serve(methods={"app.do": Method(handler=handler, idempotent=idempotent)})


def test_a_keyed_call_happens_once_over_several_connections(running: Running) -> None:
    """The connection is lost after the effect: the retry gets the stored answer, under the same key."""
    flaky = Flaky(1)
    made = caller(running, serve(running, flaky, idempotent=False).address)
    key = new_key()
    outcome = made.call(Call("app.do", idem=key))
    assert isinstance(outcome, ResponseReceived)
    assert (outcome.envelope.status, outcome.envelope.body) == (Status.OK, 1)
    assert flaky.keys == [key]
    made.close()


def test_an_idempotent_call_is_repeated(running: Running) -> None:
    """Without a key it may run again, because that changes nothing."""
    flaky = Flaky(2)
    outcome = caller(running, serve(running, flaky, idempotent=True).address).call(
        Call("app.do"), idempotent=True
    )
    assert isinstance(outcome, ResponseReceived)
    assert len(flaky.keys) == 3


def test_an_ambiguous_call_is_not_repeated(running: Running) -> None:
    """Without a key and without a promise the caller is told that nobody knows."""
    flaky = Flaky(1)
    outcome = caller(running, serve(running, flaky, idempotent=True).address).call(Call("app.do"))
    assert isinstance(outcome, RequestFailed)
    assert (outcome.code, outcome.executed) == ("outcome_unknown", UNKNOWN)
    assert len(flaky.keys) == 1


def test_what_was_never_sent_is_tried_again(running: Running) -> None:
    """Nobody listens: every attempt is known not to have happened."""
    address = nowhere(running.directory)
    outcome = caller(running, address, RetryPolicy(attempts=3, base=0.001)).call(Call("app.do"))
    assert outcome == RequestFailed(-1, "peer-closed", "not_executed", NO)
    assert len(running._clients) == 3


def test_a_busy_service_is_asked_again(running: Running) -> None:
    """A refusal that says so may be retried on the same connection."""
    asked: list[int] = []

    def busy_at_first(_task: Task) -> Value:
        asked.append(1)
        if len(asked) < 3:
            raise Refused(Status.UNAVAILABLE)
        return "now"

    made = caller(running, serve(running, busy_at_first, idempotent=True).address)
    outcome = made.call(Call("app.do"))
    assert isinstance(outcome, ResponseReceived)
    assert (outcome.envelope.body, len(running._clients)) == ("now", 1)


def test_final_answers_are_final(running: Running) -> None:
    """A denial is not asked for twice, and a caller's mistake is an error at once."""
    serving = serve(running, lambda _task: None, idempotent=True)
    made = caller(running, serving.address)
    outcome = made.call(Call("app.unknown", idem=new_key()))
    assert isinstance(outcome, ResponseReceived)
    assert outcome.envelope.status == Status.DENIED
    with pytest.raises(LocalError):
        made.call(Call("Not a method"))
    made.close()
    made.close()


def test_all_attempts_fit_into_the_deadline(running: Running) -> None:
    """The budget is for the call, not for each attempt, and it shrinks on the wire."""
    budgets: list[int] = []

    def never(task: Task) -> Value:
        budgets.append(task.envelope.budget_ms)
        raise Refused(Status.UNAVAILABLE)

    made = caller(
        running,
        serve(running, never, idempotent=True).address,
        RetryPolicy(attempts=1000, base=0.01, cap=0.01),
    )
    start = SYSTEM_CLOCK.monotonic()
    outcome = made.call(Call("app.do", budget_ms=200))
    assert SYSTEM_CLOCK.monotonic() - start >= 0.19
    assert outcome is not None
    assert len(budgets) > 1
    assert all(later <= earlier for earlier, later in pairwise(budgets))
    assert budgets[-1] < budgets[0]


def test_no_time_left() -> None:
    """A call without a budget is not even tried."""

    def refuse(_handlers: Handlers) -> Endpoint:
        raise AssertionError

    outcome = Caller(refuse, Handlers(lambda _e, _x: None, lambda _e, _x: None)).call(
        Call("app.do", budget_ms=0)
    )
    assert outcome == RequestFailed(-1, "timeout", "deadline_exceeded", NO)


def test_waits_double_up_to_the_cap() -> None:
    """The wait is drawn from zero to a bound that doubles."""
    policy = RetryPolicy(base=0.1, cap=1.0)
    assert [policy.wait(attempt, 1.0) for attempt in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert policy.wait(5, 0.0) == 0.0
    assert policy.wait(10_000, 0.5) == 0.5


def test_waits_are_by_the_clock(running: Running) -> None:
    """On a virtual clock a pause lasts until it is advanced."""
    clock = VirtualClock()
    asked: list[int] = []
    asking = threading.Event()

    def busy_once(_task: Task) -> Value:
        asked.append(1)
        asking.set()
        if len(asked) == 1:
            raise Refused(Status.BUSY)
        return None

    address = serve(running, busy_once, idempotent=True).address

    def opened(handlers: Handlers) -> Endpoint:
        endpoint = connect("retry", address, initiator(), handlers, times())
        running._clients.append(endpoint)
        return endpoint

    quiet = Handlers(lambda _e, _x: None, lambda _e, _x: None)
    made = Caller(opened, quiet, RetryPolicy(base=4.0), clock, fraction=lambda: 1.0)
    thread = threading.Thread(target=lambda: made.call(Call("app.do", budget_ms=60_000)))
    thread.start()
    until(lambda: clock._alarms.next_due() == clock.monotonic() + 4.0)
    assert len(asked) == 1
    clock.advance(4.0)
    thread.join(20.0)
    assert len(asked) == 2


def test_keys_are_unpredictable() -> None:
    """Ten thousand operations, ten thousand keys of 128 bits, half of all bits set."""
    keys = {new_key() for _ in range(10_000)}
    assert len(keys) == 10_000
    assert {len(key) for key in keys} == {16}
    ones = sum(int.from_bytes(key).bit_count() for key in keys)
    assert abs(ones / (10_000 * 128) - 0.5) < 0.01


def test_a_caller_that_was_ended_tries_nothing_any_more(running: Running) -> None:
    """The wait between two attempts ends at once, and no connection is made after that."""
    address = nowhere(running.directory)
    made = caller(running, address, RetryPolicy(attempts=1000, base=60.0, cap=60.0))
    outcomes: list[object] = []
    thread = threading.Thread(target=lambda: outcomes.append(made.call(Call("app.do"))))
    thread.start()
    until(lambda: len(running._clients) >= 1)
    made.end()
    thread.join(20.0)
    assert outcomes == [RequestFailed(-1, "peer-closed", "not_executed", NO)]
    tried = len(running._clients)
    assert isinstance(made.call(Call("app.do")), RequestFailed)
    assert len(running._clients) == tried
