"""One request that was sent to a driver, and its answer once it is there."""

from collections.abc import Callable
from typing import Any

from ipc_gauntlet.errors import DriverTimeout, GauntletError


class Call:
    """A request in flight.

    Args:
        driver: How the driver is called in messages.
        method: The method that was called.
        result_type: What the result is checked against.
        sent_at: Reactor time.

    Attributes:
        done: Whether the call has ended, with a result or with an error.
        finished_at: Reactor time of the answer, None before.
        on_done: Called once, when the call ends.
    """

    __slots__ = (
        "_error",
        "_result",
        "done",
        "driver",
        "finished_at",
        "method",
        "on_done",
        "result_type",
        "sent_at",
    )

    def __init__(self, driver: str, method: str, result_type: Any, sent_at: float) -> None:  # noqa: ANN401
        self.driver = driver
        self.method = method
        self.result_type = result_type
        self.sent_at = sent_at
        self.finished_at: float | None = None
        self.done = False
        self.on_done: Callable[[], None] | None = None
        self._result: dict[str, Any] = {}
        self._error: GauntletError | None = None

    def result(self) -> dict[str, Any]:
        """Return the answer.

        Raises:
            CallFailed: The driver answered that the operation failed.
            Unsupported: The driver answered that it cannot do this.
            DriverError: The driver became unusable, or has not answered yet (`DriverTimeout`).
        """
        if self._error is not None:
            raise self._error
        if not self.done:
            raise DriverTimeout(self.driver, f"it has not answered `{self.method}` yet")
        return self._result

    @property
    def error(self) -> GauntletError | None:
        """What `result` would raise because of the answer, None while there is no answer or a good one."""
        return self._error

    def finish(self, at: float, outcome: dict[str, Any] | GauntletError) -> None:
        """End the call; only the first end counts.

        Args:
            at: Reactor time.
            outcome: The result, or what `result` is to raise.
        """
        if not self.done:
            self.done = True
            self.finished_at = at
            if isinstance(outcome, GauntletError):
                self._error = outcome
            else:
                self._result = outcome
            if self.on_done is not None:
                self.on_done()
