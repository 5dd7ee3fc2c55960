"""What the harness needs of an event loop.

Rule of this package: one loop, one thread. Everything the harness reads or writes goes through a `Reactor`, so a case
is a sequence of callbacks in one order, and nothing in the harness needs a lock.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable


class Filelike(Protocol):
    """An object that has a file descriptor, such as a socket or a pipe."""

    def fileno(self) -> int:
        """Return the descriptor."""


@runtime_checkable
class Completing(Filelike, Protocol):
    """A pipe of Windows: it cannot be waited for, but reads and writes in the background.

    Nothing of it blocks. All but `watch`'s callback runs on the thread of the reactor.
    """

    @property
    def closed(self) -> bool:
        """Whether this end is closed."""

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Choose what is called, on any thread, whenever something was completed; None for nothing."""

    def begin_read(self) -> None:
        """Begin to read in the background, unless that has begun already or has led to something."""

    def can_read(self) -> bool:
        """Whether a read has led to something: bytes, an end, or an error."""

    def can_write(self) -> bool:
        """Whether no write is under way that is not over."""


HasFileno = int | Filelike
"""A descriptor, or an object that has one."""

Callback = Callable[[], None]
"""What the reactor calls; it must not block and must not run the reactor again."""


class TimerHandle(Protocol):
    """A timer that has not necessarily fired yet."""

    def cancel(self) -> None:
        """Make sure that the timer does not fire any more; harmless when it already did."""


class Reactor(Protocol):
    """A single-threaded event loop that is driven from outside by `run_until`."""

    def now(self) -> float:
        """Return monotonic time in seconds, the time base of `call_at`."""

    def add_reader(self, fileobj: HasFileno, callback: Callback) -> None:
        """Call `callback` whenever `fileobj` can be read, or has ended; replaces an earlier reader.

        Args:
            fileobj: A non-blocking descriptor or socket.
            callback: Called once per pass of the loop for as long as there is something to read.
        """

    def add_writer(self, fileobj: HasFileno, callback: Callback) -> None:
        """Call `callback` whenever `fileobj` takes bytes, or has broken; replaces an earlier writer.

        Args:
            fileobj: A non-blocking descriptor or socket.
            callback: Called once per pass of the loop until `remove_writer`.
        """

    def remove_reader(self, fileobj: HasFileno) -> None:
        """Stop reading; harmless when there is no reader. Must come before `fileobj` is closed."""

    def remove_writer(self, fileobj: HasFileno) -> None:
        """Stop writing; harmless when there is no writer. Must come before `fileobj` is closed."""

    def call_at(self, when: float, callback: Callback) -> TimerHandle:
        """Call `callback` once, not before `now()` has reached `when`.

        Args:
            when: Time in seconds, on the scale of `now`; a time in the past means the next pass.
            callback: Called unless the timer is cancelled first.

        Returns:
            A handle that can cancel the timer.
        """

    def run_until(self, predicate: Callable[[], bool], timeout: float) -> bool:
        """Dispatch I/O and timers until `predicate()` is true.

        The predicate is asked before blocking and after every batch of callbacks. An exception of a callback leaves
        through this method; nothing is lost by it, and the reactor can be run again.

        Args:
            predicate: Cheap, without side effects.
            timeout: Seconds to wait at most; with 0, one pass without blocking.

        Returns:
            True as soon as the predicate holds, False when the time is over first.

        Raises:
            HarnessError: When it is called from inside a callback.
        """

    def close(self) -> None:
        """Forget everything that is watched and free the loop's own resources; idempotent."""
