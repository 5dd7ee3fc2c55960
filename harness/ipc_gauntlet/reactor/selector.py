"""The reactor for everything that `select` and its kind can wait for: the standard library's best selector, and a heap of timers.

Rule of this file: a callback may add, replace or remove any reader, writer or timer, its own included, at any time.
That holds because a batch is dispatched through `_Watch` objects that are emptied when they are removed.
"""

import heapq
import selectors
import time
from collections.abc import Callable

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor.protocol import Callback, HasFileno

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE

# When the harness itself was kept from running until after a deadline, what its peers did in time still waits in the
# descriptors. So many passes may look for it before a timeout is reported; the number bounds a peer that never pauses.
_LATE_PASSES = 16

# Cancelled timers stay in the heap until they are due; it is rebuilt when they are many and the majority.
_CANCELLED_MAX = 256


class _Watch:
    """The callbacks of one registered descriptor."""

    __slots__ = ("fd", "fileobj", "reader", "writer")

    def __init__(self, fileobj: HasFileno, fd: int) -> None:
        self.fileobj = fileobj
        self.fd = fd
        self.reader: Callback | None = None
        self.writer: Callback | None = None


class Timer:
    """A timer of `SelectorReactor`."""

    __slots__ = ("_reactor", "callback")

    def __init__(self, reactor: "SelectorReactor", callback: Callback) -> None:
        self._reactor = reactor
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Make sure that the timer does not fire any more; harmless when it already did."""
        if self.callback is not None:
            self.callback = None
            self._reactor.timer_cancelled()


class SelectorReactor:
    """`Reactor` on top of `selectors.DefaultSelector` (epoll on Linux, kqueue on macOS, select on Windows).

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now: Callable[[], float] = clock
        self._selector = selectors.DefaultSelector()
        self._watches: dict[int, _Watch] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_count = 0
        self._cancelled = 0
        self._running = False
        self._closed = False

    def add_reader(self, fileobj: HasFileno, callback: Callback) -> None:
        """See `Reactor.add_reader`."""
        watch = self._watch(fileobj)
        watch.reader = callback
        self._update(watch)

    def add_writer(self, fileobj: HasFileno, callback: Callback) -> None:
        """See `Reactor.add_writer`."""
        watch = self._watch(fileobj)
        watch.writer = callback
        self._update(watch)

    def remove_reader(self, fileobj: HasFileno) -> None:
        """See `Reactor.remove_reader`."""
        watch = self._find(fileobj)
        if watch is not None and watch.reader is not None:
            watch.reader = None
            self._update(watch)

    def remove_writer(self, fileobj: HasFileno) -> None:
        """See `Reactor.remove_writer`."""
        watch = self._find(fileobj)
        if watch is not None and watch.writer is not None:
            watch.writer = None
            self._update(watch)

    def call_at(self, when: float, callback: Callback) -> Timer:
        """See `Reactor.call_at`."""
        timer = Timer(self, callback)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def timer_cancelled(self) -> None:
        """Account for a timer that was cancelled while it was still in the heap."""
        self._cancelled += 1
        if self._cancelled > _CANCELLED_MAX and self._cancelled * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def run_until(self, predicate: Callable[[], bool], timeout: float) -> bool:
        """See `Reactor.run_until`."""
        if self._running:
            raise HarnessError("the reactor was run from inside one of its own callbacks")
        if self._closed:
            raise HarnessError("the reactor was run after it was closed")
        self._running = True
        try:
            return self._run_until(predicate, self.now() + timeout)
        finally:
            self._running = False

    def close(self) -> None:
        """See `Reactor.close`."""
        if not self._closed:
            self._closed = True
            for watch in self._watches.values():
                watch.reader = watch.writer = None
            self._watches.clear()
            self._timers.clear()
            self._selector.close()

    def _run_until(self, predicate: Callable[[], bool], deadline: float) -> bool:
        late_passes = 0
        while not predicate():
            now = self.now()
            wake = min(deadline, self._next_timer(deadline))
            busy = self._dispatch(wake - now if wake > now else 0)
            if now >= deadline:
                late_passes += 1
                if predicate():
                    return True
                if not busy or late_passes >= _LATE_PASSES:
                    return False
        return True

    def _dispatch(self, wait: float) -> bool:
        """Wait for I/O, then run what is ready and the timers that are due; tells whether there was any I/O."""
        ready = self._selector.select(wait)
        for key, events in ready:
            watch: _Watch = key.data
            if events & _READ:
                callback = watch.reader
                if callback is not None:
                    callback()
            if events & _WRITE:
                callback = watch.writer
                if callback is not None:
                    callback()
        if self._timers:
            self._run_timers()
        return bool(ready)

    def _run_timers(self) -> None:
        now = self.now()
        last = self._timer_count  # timers made by these callbacks wait for the next pass
        while self._timers and self._timers[0][0] <= now and self._timers[0][1] <= last:
            timer = heapq.heappop(self._timers)[2]
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                callback()

    def _next_timer(self, default: float) -> float:
        while self._timers:
            when, _, timer = self._timers[0]
            if timer.callback is not None:
                return when
            heapq.heappop(self._timers)
            self._cancelled -= 1
        return default

    def _watch(self, fileobj: HasFileno) -> _Watch:
        fd = _descriptor(fileobj)
        if fd < 0:
            raise ValueError(f"{fileobj!r} is closed and cannot be watched")
        watch = self._watches.get(fd)
        if watch is not None and watch.fileobj is not fileobj and _descriptor(watch.fileobj) != fd:
            # The old object was closed while it was watched, and its number now belongs to another.
            self._forget(watch)
            watch = None
        return watch if watch is not None else _Watch(fileobj, fd)

    def _find(self, fileobj: HasFileno) -> _Watch | None:
        fd = _descriptor(fileobj)
        if fd >= 0:
            return self._watches.get(fd)
        for watch in self._watches.values():
            if watch.fileobj is fileobj:
                self._forget(watch)  # closed while it was watched: the kernel dropped both directions
                break
        return None

    def _update(self, watch: _Watch) -> None:
        events = (_READ if watch.reader is not None else 0) | (_WRITE if watch.writer is not None else 0)
        if not events:
            self._forget(watch)
        elif watch.fd not in self._watches:
            self._selector.register(watch.fd, events, watch)
            self._watches[watch.fd] = watch
        else:
            self._selector.modify(watch.fd, events, watch)

    def _forget(self, watch: _Watch) -> None:
        watch.reader = watch.writer = None
        if self._watches.pop(watch.fd, None) is not None:
            self._selector.unregister(watch.fd)  # also copes with a descriptor that was closed already


def _descriptor(fileobj: HasFileno) -> int:
    """Return the descriptor, -1 for an object that was closed."""
    if isinstance(fileobj, int):
        return fileobj
    try:
        return fileobj.fileno()
    except ValueError:
        return -1
