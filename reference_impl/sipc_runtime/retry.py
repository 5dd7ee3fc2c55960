"""Calls that survive a lost connection, without ever executing twice what must happen once.

Rules of this file. All attempts together fit into the budget of the one call. A request keeps its idempotency key
over every attempt and every connection. After an ambiguous failure - it was sent, and nobody answered - a
request is sent again only if it has a key or its method is idempotent; otherwise the caller is told that the
outcome is unknown. Waits between attempts are random, so that many clients do not come back together, and never shorter
than the other side asked for; a call whose budget would end in such a wait ends at once, with the answer there is. A
call with the same ordering key as an earlier one is not made before that one has ended, however often it is tried.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from sipc.errors import LocalError
from sipc.events import Closed, Established, Event, Executed, Rejected, RequestFailed, ResponseReceived
from sipc.rpc import Call, may_resend
from sipc_runtime.clock import SYSTEM_CLOCK, Clock
from sipc_runtime.endpoint import Endpoint, Handlers, Outcome
from sipc_runtime.entropy import SYSTEM_ENTROPY
from sipc_runtime.turns import Turn, Turns

_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how fast.

    Attributes:
        attempts: Most attempts of one call.
        base: Upper bound of the first wait, in seconds; it doubles with each attempt.
        cap: Upper bound of every wait, in seconds.
    """

    attempts: int = 8
    base: float = 0.1
    cap: float = 30.0

    def wait(self, attempt: int, fraction: float) -> float:
        """The wait after attempt number `attempt` (from 0); `fraction` is drawn from 0 to 1."""
        return fraction * min(self.cap, self.base * 2.0 ** min(attempt, 64))


def new_key() -> bytes:
    """Return an idempotency key for a new operation; keep it for every attempt of that operation."""
    return SYSTEM_ENTROPY.random(_KEY_BYTES)


def _random_fraction() -> float:
    return int.from_bytes(SYSTEM_ENTROPY.random(7)) / float(1 << 56)


class Caller:
    """Calls methods at one service, over as many connections as it takes.

    Args:
        connect: Starts a connection that reports to the given handlers (see `sipc_runtime.client.connect`).
        handlers: What else is to be told about the connections.
        policy: How often and how fast to try again.
        clock: For deadlines and waits.
        fraction: Draws numbers from 0 to 1 for the waits.
        endpoint: A connection to begin with; whoever made it calls `wake` when it is established or has ended.

    Attributes:
        turns: The order of calls with the same ordering key; may be shared with other callers.
    """

    def __init__(
        self,
        connect: Callable[[Handlers], Endpoint],
        handlers: Handlers,
        policy: RetryPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        fraction: Callable[[], float] = _random_fraction,
        endpoint: Endpoint | None = None,
    ) -> None:
        self._connect = connect
        self._handlers = handlers
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._fraction = fraction
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._endpoint = endpoint
        self._ended = False
        self.turns = Turns(clock)

    def call(self, call: Call, *, idempotent: bool = False, turn: Turn | None = None) -> Outcome:
        """Send a request and wait for its outcome, trying again where that is allowed.

        Args:
            call: The request; its budget is for all attempts together.
            idempotent: Executing the method twice is the same as executing it once.
            turn: Its place, if that was taken from `turns` before.

        Returns:
            The outcome of the last attempt.

        Raises:
            LocalError: The request cannot be sent at all.
        """
        deadline = self._clock.monotonic() + call.budget_ms / 1000
        turn = turn or self.turns.take(call.okey)
        try:
            self.turns.wait(turn, deadline)
            return self._repeat(call, deadline, idempotent=idempotent)
        finally:
            self.turns.done(turn)

    def _repeat(self, call: Call, deadline: float, *, idempotent: bool) -> Outcome:
        outcome: Outcome = RequestFailed(-1, "timeout", "deadline_exceeded", Executed.NO)
        for attempt in range(self._policy.attempts):
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0 or self._ended:
                break
            outcome = self._attempt(replace(call, budget_ms=remaining * 1000), deadline)
            if attempt + 1 == self._policy.attempts:
                break  # nobody waits for what does not come
            if not _again(outcome, keyed=call.idem is not None, idempotent=idempotent):
                break
            pause = self._policy.wait(attempt, self._fraction())
            if (asked := _asked_pause(outcome)) > pause:
                pause = asked
                if self._clock.monotonic() + pause >= deadline:
                    break
            self._pause(min(deadline, self._clock.monotonic() + pause))
        return outcome

    def close(self) -> None:
        """Close the connection there is, in order."""
        with self._lock:
            endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()

    def end(self) -> None:
        """Try nothing any more: calls end with the outcome of their last attempt, and no connection is made."""
        with self._lock:
            self._ended = True
        self.wake()

    def wake(self) -> None:
        """Something has become of a connection: look again."""
        with self._changed:
            self._changed.notify_all()

    def _attempt(self, call: Call, deadline: float) -> Outcome:
        endpoint = self._connected(deadline)
        if endpoint is None:
            return RequestFailed(-1, "peer-closed", "not_executed", Executed.NO)
        if not endpoint.established:
            return RequestFailed(-1, "peer-closed", "not_executed", Executed.NO, endpoint.retry_after_ms)
        try:
            return endpoint.call(call)
        except LocalError as error:
            if error.reason not in {"peer-closed", "limit"}:
                raise
            return RequestFailed(-1, error.reason, "not_executed", Executed.NO)

    def _connected(self, deadline: float) -> Endpoint | None:
        """The connection, a new one if need be, which is not established if that failed; None at the end of everything."""
        with self._lock:
            endpoint = self._endpoint
            if self._ended:
                return None
            if endpoint is None or endpoint.over:
                endpoint = self._endpoint = self._connect(
                    Handlers(self._on_event, self._handlers.on_request_ended, self._handlers.metrics)
                )
        with self._changed:
            while not endpoint.established and not endpoint.over and self._clock.monotonic() < deadline:
                self._clock.wait(self._changed, deadline)
        return endpoint

    def _pause(self, until: float) -> None:
        with self._changed:
            while self._clock.monotonic() < until and not self._ended:
                self._clock.wait(self._changed, until)

    def _on_event(self, endpoint: Endpoint, event: Event) -> None:
        if isinstance(event, (Established, Rejected, Closed)):
            self.wake()
        self._handlers.on_event(endpoint, event)


def _asked_pause(outcome: Outcome) -> float:
    """How long the other side wants to be left alone, in seconds."""
    answer = outcome.envelope if isinstance(outcome, ResponseReceived) else outcome
    return answer.retry_after_ms / 1000


def _again(outcome: Outcome, *, keyed: bool, idempotent: bool) -> bool:
    if isinstance(outcome, ResponseReceived):
        status = outcome.envelope.status
        return may_resend(Executed.UNKNOWN, status, keyed=keyed, idempotent=idempotent)
    if outcome.code == "deadline_exceeded":
        return False
    return may_resend(outcome.executed, None, keyed=keyed, idempotent=idempotent)
