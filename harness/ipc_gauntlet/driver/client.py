"""The harness's side of a driver: start, calls, observations, reset, replacement, end."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ipc_gauntlet.driver.call import Call
from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.conversation import Conversation
from ipc_gauntlet.driver.explain import describe_driver, examine_hint, explain
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.observation import Observation
from ipc_gauntlet.driver.session import Session
from ipc_gauntlet.driver.statement import Statement
from ipc_gauntlet.errors import (
    CallFailed,
    DriverDied,
    DriverError,
    DriverStartError,
    DriverTimeout,
    HarnessError,
    Unsupported,
)
from ipc_gauntlet.reactor import Reactor, TimerHandle

_DEFAULT_LIMITS = SupervisionLimits()
_NO_PARAMS: Mapping[str, object] = {}
_EXIT_POLL_S = 0.005


class Driver:
    """A driver process that is started when it is needed and replaced when it breaks.

    Args:
        command: What starts it.
        reactor: The event loop that everything runs on.
        label: What the driver is in this run: `client` or `server`.
        limits: How much time, memory and output it gets.

    Attributes:
        name: How the driver is called in messages: its label and command.
        restarts: How many times a broken process was replaced.
        restart_reasons: Why, in the same order.
        life: How many times the program was started anew on purpose, with `renew`.
    """

    def __init__(
        self,
        command: DriverCommand,
        reactor: Reactor,
        *,
        label: str,
        limits: SupervisionLimits = _DEFAULT_LIMITS,
    ) -> None:
        self.command = command
        self.label = label
        self.name = describe_driver(label, command)
        self.restarts = 0
        self.restart_reasons: list[str] = []
        self.life = 0
        self._reactor = reactor
        self._limits = limits
        self._talk: Conversation | None = None
        self._statement: Statement | None = None

    @property
    def statement(self) -> Statement:
        """What the implementation claims.

        Raises:
            HarnessError: When the driver was never started.
        """
        if self._statement is None:
            raise HarnessError(f"the statement of driver {self.name} was asked for before it was started")
        return self._statement

    @property
    def observations(self) -> list[Observation]:
        """Its notifications since the last `reset`, in order of arrival; `reset` begins a new list."""
        return [] if self._talk is None else self._talk.observations

    @property
    def failure(self) -> DriverError | None:
        """Why the process is unusable, None while it is not; `ensure_alive` and `reset` replace the process."""
        return None if self._talk is None else self._talk.session.failure

    @property
    def alive(self) -> bool:
        """Whether there is a process that can be talked to."""
        return self._talk is not None and self._talk.session.running

    @property
    def pid(self) -> int | None:
        """The process id, None when there is no process."""
        return None if self._talk is None else self._talk.session.pid

    @property
    def exit_status(self) -> int | None:
        """The last process's exit status, minus the number of the signal that ended it; None while it runs."""
        return None if self._talk is None else self._talk.session.exit_status

    @property
    def stderr_tail(self) -> str:
        """The end of the last process's standard error."""
        return "" if self._talk is None else self._talk.session.stderr_tail

    def start(self) -> Statement:
        """Start the program, if it does not run, and ask it to describe itself.

        Returns:
            The implementation statement.

        Raises:
            DriverStartError: When that does not lead to a usable statement in time.
        """
        if not self.alive or self._statement is None:
            self._begin([])()
        return self.statement

    def begin_start(self) -> Callable[[], None]:
        """Like `ensure_alive`, in two steps, so that several drivers can start at the same time.

        Returns:
            What waits until the driver has described itself.

        Raises:
            DriverStartError: When the program cannot be started at all.
        """
        if self._talk is None or self._statement is None:
            return self._begin([])
        self.ensure_alive()
        return _nothing

    def renew(self, env: Mapping[str, str] | None = None) -> Statement:
        """Start the program anew within a case: end the process tree at once, if it lives, and begin another life.

        What earlier lives told stays in `observations`.

        Args:
            env: Variables added to its environment, for this life only.

        Returns:
            The implementation statement.

        Raises:
            DriverStartError: When the program does not start.
        """
        before = self.observations
        self.kill()
        self.life += 1
        self._begin(before, env)()
        return self.statement

    def _begin(self, before: list[Observation], env: Mapping[str, str] | None = None) -> Callable[[], None]:
        self.kill()
        command = self.command
        if env:
            command = replace(command, env={**(command.env or {}), **env})
        self._talk = Conversation(
            command, self._reactor, driver=self.name, limits=self._limits, life=self.life, before=before
        )
        asked = self._talk.submit("describe", _NO_PARAMS)

        def finish() -> None:
            try:
                self._statement = Statement.from_result(self._finish(asked, self._limits.start_s))
            except (DriverError, CallFailed, Unsupported, ValueError) as error:
                self.kill()
                raise self._start_error(error) from error

        return finish

    def ensure_alive(self) -> None:
        """Start the driver, or replace it if it broke.

        Raises:
            DriverStartError: When it does not start.
        """
        if self._talk is None:
            self.start()
        elif not self.alive:
            self._restart(str(self.failure or "it ended between two cases"))

    def submit(self, method: str, params: Mapping[str, object] | None = None) -> Call:
        """Send a request; never blocks, and never raises because of the driver.

        Args:
            method: The method's name.
            params: Its parameters, if any: JSON values, bytes (sent as base64), or message structures.

        Returns:
            The call, which is done already when there is no usable process.
        """
        if self._talk is not None:
            return self._talk.submit(method, _NO_PARAMS if params is None else params)
        now = self._reactor.now()
        call = Call(self.name, method, None, now)
        call.finish(now, DriverDied(self.name, "it is not running; start it first"))
        return call

    def call(
        self, method: str, params: Mapping[str, object] | None = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """Send a request and run the reactor until it is answered.

        Args:
            method: The method's name.
            params: Its parameters, if any.
            timeout: Seconds; the limits' `call_s` when None.

        Returns:
            The result.

        Raises:
            CallFailed: The driver answered that the operation failed.
            Unsupported: The driver answered that it cannot do this.
            DriverTimeout: It did not answer in time; the call stays in flight.
            DriverError: The driver is unusable.
        """
        return self._finish(self.submit(method, params), self._limits.call_s if timeout is None else timeout)

    def wait_until(self, predicate: Callable[[], bool], timeout: float) -> bool:
        """Run the reactor until something holds, but not longer than this driver is usable.

        Args:
            predicate: Cheap, without side effects.
            timeout: Seconds.

        Returns:
            Whether the predicate holds.

        Raises:
            DriverError: The driver's failure, if it broke before the predicate held.
        """
        self._reactor.run_until(lambda: predicate() or self.failure is not None, timeout)
        if predicate():
            return True
        self.check()
        return False

    def check(self) -> None:
        """Raise the failure that made the driver unusable, if there is one.

        Raises:
            DriverError: See `failure`.
        """
        if self.failure is not None:
            raise self.failure

    def reset(self) -> None:
        """Make the driver forget everything, and its observations; a driver that cannot do it is replaced.

        Raises:
            DriverStartError: When the replacement does not start.
        """
        self.begin_reset()()

    def begin_reset(self) -> Callable[[], None]:
        """Like `reset`, in two steps, so that several drivers can do it at the same time.

        Returns:
            What waits for the end of it, and replaces a driver that cannot do it.

        Raises:
            DriverStartError: When the driver was not running and does not start.
        """
        talk = self._talk
        if talk is None or not self.alive:
            self.ensure_alive()
            return _nothing
        call = talk.submit("reset", _NO_PARAMS)
        # At the moment of the answer: what follows it in the same read belongs to the next case.
        call.on_done = talk.forget

        def finish() -> None:
            try:
                self._finish(call, self._limits.call_s)
            except (DriverError, CallFailed, Unsupported) as error:
                self._restart(str(error))

        return finish

    def kill(self) -> None:
        """End the process tree now; idempotent. Calls in flight end with `DriverDied`."""
        if self._talk is not None:
            self._talk.stop()

    def close(self) -> None:
        """Ask the driver to leave, give it a moment, and end what is left of it; idempotent."""
        if self._talk is not None and self.alive:
            session = self._talk.session
            session.expect_exit()
            call = self._talk.submit("shutdown", _NO_PARAMS)
            half = self._limits.grace_s / 2
            # A driver may leave without an answer, and one that ignores the request may still mind the end of input.
            self._wait_for_exit(session, half, lambda: call.done)
            session.close_stdin()
            self._wait_for_exit(session, half, lambda: False)
        self.kill()

    def _finish(self, call: Call, seconds: float) -> dict[str, Any]:
        if not self._reactor.run_until(lambda: call.done, seconds):
            raise self._timeout(call, seconds)
        return call.result()

    def _wait_for_exit(self, session: Session, seconds: float, enough: Callable[[], bool]) -> None:
        timer: TimerHandle | None = None

        def wake() -> None:
            # Nothing announces the exit of a process whose output a child of it still holds open.
            nonlocal timer
            timer = self._reactor.call_at(self._reactor.now() + _EXIT_POLL_S, wake)

        wake()
        self._reactor.run_until(lambda: session.exit_status is not None or enough(), seconds)
        if timer is not None:
            timer.cancel()

    def _restart(self, reason: str) -> None:
        self.restarts += 1
        self.restart_reasons.append(reason)
        self.kill()
        self.start()

    def _timeout(self, call: Call, seconds: float) -> DriverTimeout:
        what = f"it did not answer `{call.method}` within {seconds:g} s"
        if self._talk is not None and self._talk.session.unread:
            what += f", and has not read {self._talk.session.unread} bytes of requests"
        hint = "answer every request at once, also while a connection is being made or waits"
        return DriverTimeout(self.name, explain(what, hint, self.stderr_tail))

    def _start_error(self, error: Exception) -> DriverStartError:
        if isinstance(error, DriverTimeout):
            what = f"it did not answer `describe` within {self._limits.start_s:g} s of its start"
        elif isinstance(error, DriverError):
            return DriverStartError(self.name, error.detail)
        elif isinstance(error, CallFailed | Unsupported):
            what = f"it refused `describe`: {error}"
        else:
            what = f"its statement is not usable: {error}"
        return DriverStartError(self.name, explain(what, examine_hint(self.command), self.stderr_tail))


def _nothing() -> None:
    """The end of a reset that was not needed."""
