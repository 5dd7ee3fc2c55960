"""One life of a driver as a conversation: requests out, answers and notifications in.

Rule of this file: whatever a driver says that does not fit the protocol ends the conversation, because a verdict that
rests on it could be wrong. What it says about its implementation is never judged here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ipc_gauntlet.driver.call import Call
from ipc_gauntlet.driver.codec import ErrorObject, Message, encode_request
from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.explain import examine_hint, explain
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.messages import NOTIFICATIONS, RESULTS, Empty
from ipc_gauntlet.driver.observation import Observation
from ipc_gauntlet.driver.session import Session
from ipc_gauntlet.driver.vocabulary import METHOD_NOT_FOUND, OPERATION_FAILED, UNSUPPORTED
from ipc_gauntlet.errors import (
    CallFailed,
    DriverDied,
    DriverError,
    DriverProtocolError,
    GauntletError,
    Unsupported,
)
from ipc_gauntlet.reactor import Reactor


class Conversation:
    """Calls and observations of one driver process.

    Args:
        command: What to start.
        reactor: Where its pipes are watched.
        driver: How the driver is called in messages.
        limits: Bounds on what it may cost.
        life: Number of this life of the driver within a case; what it tells carries it.
        before: What earlier lives told; this one's notifications are added to the same list.

    Attributes:
        session: The process.
        observations: Notifications since the start, or since the last `reset` was answered, behind those of `before`.

    Raises:
        DriverStartError: When the program cannot be started.
    """

    def __init__(
        self,
        command: DriverCommand,
        reactor: Reactor,
        *,
        driver: str,
        limits: SupervisionLimits,
        life: int = 0,
        before: list[Observation] | None = None,
    ) -> None:
        self.observations: list[Observation] = [] if before is None else before
        self._life = life
        self._command = command
        self._reactor = reactor
        self._driver = driver
        self._limits = limits
        self._calls: dict[int, Call] = {}
        self._last_id = 0
        self._next_seq = self.observations[-1].seq + 1 if self.observations else 0
        self.session = Session(
            command, reactor, driver=driver, limits=limits, handlers=(self._received, self._end_calls)
        )

    def submit(self, method: str, params: Mapping[str, object]) -> Call:
        """Send a request; see `Driver.submit`."""
        now = self._reactor.now()
        call = Call(self._driver, method, _result_type(method, params), now)
        if len(self._calls) >= self._limits.unanswered:
            self.session.fail(DriverProtocolError, f"it left {len(self._calls)} requests unanswered")
        if self.session.failure is not None or self.session.ended:
            call.finish(now, self._reason())
            return call
        self._last_id += 1
        self._calls[self._last_id] = call
        self.session.write(encode_request(self._last_id, method, params))
        return call

    def forget(self) -> None:
        """Begin a new case."""
        self.observations = []
        self.session.renew_budget()

    def stop(self) -> None:
        """End the process; calls in flight end with its failure, or with `DriverDied`."""
        self.session.stop()
        self._end_calls(self._reason())

    def _reason(self) -> DriverError:
        return self.session.failure or DriverDied(self._driver, "it was ended by the harness")

    def _end_calls(self, error: DriverError) -> None:
        calls, self._calls = self._calls, {}
        now = self._reactor.now()
        for call in calls.values():
            call.finish(now, error)

    def _received(self, message: Message, arrived: float) -> None:
        if message.method is msgspec.UNSET:
            self._answered(message, arrived)
        else:
            self._notified(message.method, message.params, arrived)

    def _answered(self, message: Message, arrived: float) -> None:
        number, error = message.id, message.error
        if number is None:
            said = error.message if isinstance(error, ErrorObject) else "nothing"
            self.session.fail(DriverProtocolError, f"it could not read a request of ours, and said: {said}")
            return
        call = self._calls.pop(number, None) if isinstance(number, int) else None
        if call is None:
            self.session.fail(
                DriverProtocolError,
                f"it answered request {number}, which was answered already or never made",
                "answer each request once, with the id of the request",
            )
        elif isinstance(error, ErrorObject):
            call.finish(arrived, self._as_exception(call, error))
        elif isinstance(message.result, dict):
            self._accept_result(call, message.result, arrived)

    def _accept_result(self, call: Call, result: dict[str, Any], arrived: float) -> None:
        if call.result_type is not None:
            try:
                msgspec.convert(result, call.result_type)
            except msgspec.ValidationError as error:
                self.session.fail(
                    DriverProtocolError, f"its answer to `{call.method}` is not usable: {error}"
                )
                call.finish(arrived, self._reason())
                return
        call.finish(arrived, result)

    def _as_exception(self, call: Call, error: ErrorObject) -> GauntletError:
        if error.code in (METHOD_NOT_FOUND, UNSUPPORTED):
            return Unsupported(
                f"driver {self._driver} does not support this use of `{call.method}`: {error.message}"
            )
        if error.code == OPERATION_FAILED:
            return CallFailed(error.reason, error.message)
        what = f"it answered `{call.method}` with error {error.code}: {error.message}"
        return DriverProtocolError(
            self._driver, explain(what, examine_hint(self._command), self.session.stderr_tail)
        )

    def _notified(self, method: str, params: dict[str, Any] | msgspec.UnsetType, arrived: float) -> None:
        kind = NOTIFICATIONS.get(method)
        if kind is None:
            self.session.fail(
                DriverProtocolError,
                f"it sent an unknown notification {method[:40]!r}",
                f"the notifications are: {', '.join(NOTIFICATIONS)}",
            )
            return
        members = params if isinstance(params, dict) else {}
        try:
            checked = msgspec.convert(members, kind)
        except msgspec.ValidationError as error:
            self.session.fail(DriverProtocolError, f"its notification `{method}` is not usable: {error}")
            return
        observation = Observation(
            method=method,
            arrived=arrived,
            t=checked.t,
            conn=checked.conn,
            params=members,
            seq=self._next_seq,
            life=self._life,
        )
        self._next_seq += 1
        self.observations.append(observation)


def _result_type(method: str, params: Mapping[str, object]) -> Any:  # noqa: ANN401
    """Return what a result is checked against; None where the caller checks it, as for the statement."""
    if method == "describe":
        return None
    if method == "send" and params.get("kind", "event") == "event":
        return Empty
    return RESULTS.get(method)
