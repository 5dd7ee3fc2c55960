"""A driver process that is talked to byte by byte, also with bytes that no request consists of."""

from typing import Self

from ipc_gauntlet.driver.codec import ErrorObject, Message
from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.session import Session
from ipc_gauntlet.errors import DriverError
from ipc_gauntlet.reactor import Reactor, TimerHandle

_POLL_S = 0.005


class RawTalk:
    """A process and everything it has said.

    Args:
        command: What starts it.
        reactor: The event loop.
        driver: How the driver is called in messages.
        limits: Bounds on its output.

    Attributes:
        messages: What it printed, in order.
    """

    def __init__(
        self, command: DriverCommand, reactor: Reactor, driver: str, limits: SupervisionLimits
    ) -> None:
        self.messages: list[Message] = []
        self._reactor = reactor
        self.session = Session(
            command, reactor, driver=driver, limits=limits, handlers=(self._received, _failed_already_noted)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.stop()

    def answers(self, number: int | None) -> list[Message]:
        """Return the responses with an id."""
        return [
            message
            for message in self.messages
            if message.id == number and not isinstance(message.method, str)
        ]

    def wait_for_answer(self, number: int, seconds: float) -> bool:
        """Wait for a response with an id.

        Raises:
            DriverError: When the driver breaks instead.
        """
        self._reactor.run_until(
            lambda: bool(self.answers(number)) or self.session.failure is not None, seconds
        )
        if self.session.failure is not None:
            raise self.session.failure
        return bool(self.answers(number))

    def wait_for_exit(self, seconds: float) -> bool:
        """Wait until the program has ended."""
        timer: TimerHandle | None = None

        def wake() -> None:
            nonlocal timer
            timer = self._reactor.call_at(self._reactor.now() + _POLL_S, wake)

        wake()
        ended = self._reactor.run_until(lambda: self.session.exit_status is not None, seconds)
        if timer is not None:
            timer.cancel()
        return ended

    def error_code(self, number: int) -> int | None:
        """Return the error code with which a request was answered, None when it was answered with a result."""
        answers = self.answers(number)
        error = answers[0].error if answers else None
        return error.code if isinstance(error, ErrorObject) else None

    def _received(self, message: Message, _arrived: float) -> None:
        self.messages.append(message)


def _failed_already_noted(_failure: DriverError) -> None:
    """The session keeps its failure, and `wait_for_answer` raises it."""
