"""How long a client waits that was asked to come back later; time is the test's."""

import socket
import threading
from typing import cast

import pytest
from sipc_running import Running, initiator, times

from sipc.envelope import Field, Kind, Status, build
from sipc.events import Executed, RequestFailed, ResponseReceived
from sipc.framing import encode_frame
from sipc.negotiation import Reject, RejectCode
from sipc.outgoing import error_detail
from sipc.rpc import Call
from sipc_runtime.client import connect
from sipc_runtime.clock import SYSTEM_CLOCK, Alarm, Callback
from sipc_runtime.endpoint import Endpoint, Handlers, Outcome
from sipc_runtime.retry import Caller, RetryPolicy
from sipc_runtime.transport import TcpAddress

QUIET = Handlers(lambda _endpoint, _event: None, lambda _endpoint, _event: None)


class Jumping:
    """A clock on which every wait is over at once, and that remembers when attempts were made."""

    def __init__(self) -> None:
        self.now = 100.0
        self.attempts: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callback) -> Alarm:
        raise NotImplementedError

    def wait(self, condition: threading.Condition, deadline: float) -> None:
        self.now = max(self.now, deadline)


class Answering:
    """A connection: not established if the responder was busy, else one with the same answer to everything."""

    def __init__(self, clock: Jumping, answer: Outcome | None = None, retry_after_ms: int = 0) -> None:
        self.clock = clock
        self.answer = answer
        self.retry_after_ms = retry_after_ms
        self.established = answer is not None
        self.over = answer is None
        if answer is None:
            clock.attempts.append(clock.now - 100.0)

    def call(self, _call: Call) -> Outcome:
        self.clock.attempts.append(self.clock.now - 100.0)
        assert self.answer is not None
        return self.answer


def answered(status: Status, retry_after_ms: int | None) -> ResponseReceived:
    """A response with that status."""
    detail = error_detail(bytes(8), retryable=True, retry_after_ms=retry_after_ms)
    fields = {Field.CORR: 0, Field.STATUS: status, Field.ERR: detail}
    return ResponseReceived(0, build(Kind.RESPONSE, 0, fields))


def attempts(answer: Outcome | None, refused_ms: int, policy: RetryPolicy) -> tuple[Outcome, list[float]]:
    """The outcome of a call with ten seconds, and when its attempts were made; own waits are 0.5, 1, 2, 4 s."""
    clock = Jumping()

    def opened(_handlers: Handlers) -> Endpoint:
        return cast("Endpoint", Answering(clock, answer, refused_ms))

    outcome = Caller(opened, QUIET, policy, clock, lambda: 1.0).call(Call("app.do", budget_ms=10_000))
    return outcome, clock.attempts


THRICE = RetryPolicy(attempts=3, base=0.5)


@pytest.mark.parametrize(
    ("pause_ms", "made"),
    [
        (None, [0.0, 0.5, 1.5]),
        (0, [0.0, 0.5, 1.5]),
        (400, [0.0, 0.5, 1.5]),
        (700, [0.0, 0.7, 1.7]),
        (3000, [0.0, 3.0, 6.0]),
        (6000, [0.0, 6.0]),
        (10_000, [0.0]),
        (600_000, [0.0]),
    ],
)
def test_an_answer_says_how_long_to_wait(pause_ms: int | None, made: list[float]) -> None:
    """The longer of both waits counts; one that leaves no time ends the call, with the answer that was given."""
    answer = answered(Status.UNAVAILABLE, pause_ms)
    outcome, times_made = attempts(answer, 0, THRICE)
    assert outcome == answer
    assert times_made == pytest.approx(made)


@pytest.mark.parametrize(
    ("pause_ms", "made"),
    [(0, [0.0, 0.5, 1.5]), (4000, [0.0, 4.0, 8.0]), (65_535, [0.0])],
)
def test_a_refusal_says_how_long_to_wait(pause_ms: int, made: list[float]) -> None:
    """A responder that is busy already in the handshake: nothing was executed, and the caller is told how long to wait."""
    outcome, times_made = attempts(None, pause_ms, THRICE)
    assert outcome == RequestFailed(-1, "peer-closed", "not_executed", Executed.NO, pause_ms)
    assert times_made == pytest.approx(made)


def test_the_last_attempt_ends_the_call_at_once() -> None:
    """Who has no attempt left does not wait for one."""
    clock = Jumping()
    answer = answered(Status.UNAVAILABLE, 700)
    caller = Caller(
        lambda _handlers: cast("Endpoint", Answering(clock, answer)), QUIET, THRICE, clock, lambda: 1.0
    )
    assert caller.call(Call("app.do", budget_ms=10_000)) == answer
    assert clock.now - 100.0 == pytest.approx(clock.attempts[-1])


def test_a_final_answer_is_not_asked_again() -> None:
    """However long a pause it names."""
    answer = answered(Status.DENIED, 10)
    assert attempts(answer, 0, THRICE) == (answer, [0.0])


@pytest.mark.parametrize(("code", "told"), [(RejectCode.BUSY, 250), (RejectCode.VERSION, 0)])
def test_a_connection_tells_what_it_was_asked(code: RejectCode, told: int, running: Running) -> None:
    """On a real socket: only REJECT 3 has a pause, whatever the others carry in its place."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = TcpAddress("127.0.0.1", server.getsockname()[1])
        endpoint = connect("busy", address, initiator(), QUIET, times(), SYSTEM_CLOCK)
        running._clients.append(endpoint)
        accepted, _ = server.accept()
        with accepted:
            accepted.sendall(encode_frame(Reject(1, code, 250).encode(), b""))
            assert endpoint.wait_finished(20.0)
    assert endpoint.over
    assert endpoint.retry_after_ms == told
