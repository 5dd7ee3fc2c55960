"""The reactor for Windows: sockets as everywhere, and pipes that are read and written in the background.

A pipe of Windows, be it a driver's standard output or a named pipe of the adversary, cannot be waited for with `select`.
There were three ways:

- A thread for each pipe that reads with blocking calls and feeds a socket pair. It works with any pipe, but a thread that
  is stuck in a read cannot be ended, and the thread and the two sockets take bytes from a peer that nobody has read: the
  adversary could not stall anybody any more, which several faults are about.
- One loop on a completion port for everything, as asyncio does it. Then sockets have no readiness either, and every stream
  of the harness would exist twice.
- Overlapped reads and writes on pipes, and `select` on sockets, which is here. The pipe keeps one read under way while
  somebody watches it, and is asked whether it is over; one thread of the process waits for the completion port and
  only wakes the loop, through a socket that `select` does see. All callbacks still run on the one thread that runs the
  loop. It costs one system call and one switch of threads for each read.

Users of a reactor see none of this: they add a reader to a socket or to a pipe, and what they call in it raises
BlockingIOError when they were woken for nothing.

`select` in Python on Windows waits for 512 sockets at most, which is 255 links over TCP at a time; more are an error that
says so. Pipes do not count. And it does not notice Ctrl-C, so it never sleeps for longer than a moment.
"""

import contextlib
import socket
import time
from collections.abc import Callable

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor.protocol import Callback, Completing, HasFileno
from ipc_gauntlet.reactor.selector import SelectorReactor

# A signal's handler runs when the main thread comes back from `select`, which no signal interrupts on Windows.
_LONGEST_SLEEP_S = 0.25

_MOST_SOCKETS = 512


class _Watch:
    """The callbacks of one pipe."""

    __slots__ = ("reader", "writer")

    def __init__(self) -> None:
        self.reader: Callback | None = None
        self.writer: Callback | None = None


class CompletionReactor(SelectorReactor):
    """`Reactor` for sockets and for pipes that are `Completing`.

    Args:
        clock: Monotonic time in seconds; the usual one of Windows has steps of 16 ms.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(clock)
        self._pipes: dict[Completing, _Watch] = {}
        self._woken = False
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        super().add_reader(self._wake_read, self._awake)

    def add_reader(self, fileobj: HasFileno, callback: Callback) -> None:
        """See `Reactor.add_reader`."""
        if isinstance(fileobj, Completing):
            self._watch_pipe(fileobj).reader = callback
            fileobj.begin_read()
        else:
            super().add_reader(fileobj, callback)
            self._check_count()

    def add_writer(self, fileobj: HasFileno, callback: Callback) -> None:
        """See `Reactor.add_writer`."""
        if isinstance(fileobj, Completing):
            self._watch_pipe(fileobj).writer = callback
        else:
            super().add_writer(fileobj, callback)
            self._check_count()

    def remove_reader(self, fileobj: HasFileno) -> None:
        """See `Reactor.remove_reader`."""
        if isinstance(fileobj, Completing):
            if fileobj in self._pipes:
                self._pipes[fileobj].reader = None
                self._forget_idle(fileobj)
        else:
            super().remove_reader(fileobj)

    def remove_writer(self, fileobj: HasFileno) -> None:
        """See `Reactor.remove_writer`."""
        if isinstance(fileobj, Completing):
            if fileobj in self._pipes:
                self._pipes[fileobj].writer = None
                self._forget_idle(fileobj)
        else:
            super().remove_writer(fileobj)

    def wake(self) -> None:
        """Make the loop look at its pipes; may be called on any thread."""
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # the loop was closed meanwhile
                self._wake_write.send(b"x")

    def close(self) -> None:
        """See `Reactor.close`."""
        super().close()
        for pipe, watch in self._pipes.items():
            watch.reader = watch.writer = None
            pipe.watch(None)
        self._pipes.clear()
        self._wake_read.close()
        self._wake_write.close()

    def _dispatch(self, wait: float) -> bool:
        if wait > 0 and any(_is_ready(pipe, watch) for pipe, watch in self._pipes.items()):
            wait = 0
        busy = super()._dispatch(min(wait, _LONGEST_SLEEP_S))
        for pipe, watch in list(self._pipes.items()):
            # Any callback may remove any other, which empties its watch.
            if watch.reader is not None and pipe.can_read():
                busy = True
                watch.reader()
            if watch.writer is not None and pipe.can_write():
                busy = True
                watch.writer()
            if watch.reader is not None:
                pipe.begin_read()
        return busy

    def _check_count(self) -> None:
        if len(self._watches) > _MOST_SOCKETS:
            raise HarnessError(
                f"more than {_MOST_SOCKETS} sockets at a time, which is what Python can wait for on Windows"
            )

    def _awake(self) -> None:
        # In this order: what is over after the flag is down makes a new byte, what was over before is looked at now.
        with contextlib.suppress(BlockingIOError):
            while self._wake_read.recv(64):
                pass
        self._woken = False

    def _watch_pipe(self, pipe: Completing) -> _Watch:
        if pipe.closed:
            raise ValueError(f"{pipe!r} is closed and cannot be watched")
        watch = self._pipes.get(pipe)
        if watch is None:
            watch = self._pipes[pipe] = _Watch()
            pipe.watch(self.wake)
        return watch

    def _forget_idle(self, pipe: Completing) -> None:
        watch = self._pipes[pipe]
        if watch.reader is None and watch.writer is None:
            del self._pipes[pipe]
            pipe.watch(None)


def _is_ready(pipe: Completing, watch: _Watch) -> bool:
    return (watch.reader is not None and pipe.can_read()) or (watch.writer is not None and pipe.can_write())
