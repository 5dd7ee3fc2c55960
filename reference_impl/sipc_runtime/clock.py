"""Time for the runtime: what the monotonic clock says, what the wall says, and who is to be called when.

Rule of this package: no other module asks the operating system for the time. `SystemClock` is the real one;
`VirtualClock` moves only when it is told to, and has fired everything that became due when `advance` returns.
"""

import heapq
import itertools
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Protocol

Callback = Callable[[], None]


class Alarm:
    """One call that a clock will make. Made by `Clock.call_at`."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Do not make the call. Nothing happens if it has been made, or is being made now."""
        self.callback = None


class Clock(Protocol):
    """Where the runtime gets time from. All methods may be called from any thread."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never steps. For every time-out."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; may step. For the validity of credentials only."""

    def call_at(self, when: float, callback: Callback) -> Alarm:
        """Call `callback` once `monotonic()` has reached `when`.

        The callback must not block: all alarms share one thread.
        """

    def wait(self, condition: threading.Condition, deadline: float) -> None:
        """Wait once on `condition`, which the caller holds, until it is notified or `deadline` has passed."""


class _Alarms:
    """A heap of alarms; cancelled ones are dropped when they come up, or when they are the majority."""

    __slots__ = ("_entries", "_order")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()

    def add(self, alarm: Alarm) -> None:
        if len(self._entries) >= 256:
            live = [entry for entry in self._entries if entry[2].callback is not None]
            if len(live) * 2 < len(self._entries):
                heapq.heapify(live)
                self._entries = live
        heapq.heappush(self._entries, (alarm.when, next(self._order), alarm))

    def next_due(self) -> float:
        """When the earliest live alarm is due; infinity without one."""
        entries = self._entries
        while entries and entries[0][2].callback is None:
            heapq.heappop(entries)
        return entries[0][0] if entries else math.inf

    def pop(self) -> Alarm:
        return heapq.heappop(self._entries)[2]


class SystemClock:
    """The clocks of the operating system, and a thread that makes the calls.

    The thread starts with the first alarm and stays until `close`; it does not keep a process alive.
    """

    def __init__(self) -> None:
        self._alarms = _Alarms()
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0
        self._closed = False

    def monotonic(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds of `time.time`."""
        return time.time()

    def call_at(self, when: float, callback: Callback) -> Alarm:
        """See `Clock.call_at`."""
        alarm = Alarm(when, callback)
        with self._changed:
            self._alarms.add(alarm)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="sipc-clock", daemon=True)
                self._thread.start()
            elif when < self._wakes_at:
                self._changed.notify()
        return alarm

    def wait(self, condition: threading.Condition, deadline: float) -> None:
        """See `Clock.wait`."""
        remaining = deadline - time.monotonic()
        if remaining > 0:
            condition.wait(min(remaining, threading.TIMEOUT_MAX))

    def close(self) -> None:
        """End the thread; alarms that are set now or later never ring."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (alarm := self._take()) is not None:
            _ring(alarm)

    def _take(self) -> Alarm | None:
        """The next alarm, once it is due; None when the thread should end."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                self._wakes_at = self._alarms.next_due()
                if self._wakes_at <= now:
                    return self._alarms.pop()
                self._changed.wait(None if self._wakes_at == math.inf else self._wakes_at - now)
            return None


class VirtualClock:
    """A clock that stands still until `advance` is called.

    Args:
        monotonic: The first monotonic time, in seconds.
        wall: The first wall time, in seconds since 1970.
    """

    # Sums of binary fractions are not exact: an alarm this close to the target counts as reached, and it is
    # then told its own due time, so that no timer ever sees a time before its own.
    _ROUNDING_S = 1e-7

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_900_000_000.0) -> None:
        self._now = monotonic
        self._wall_offset = wall - monotonic
        self._alarms = _Alarms()
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """The virtual time."""
        return self._now

    def wall(self) -> float:
        """The virtual wall time; `step_wall` moves it alone."""
        return self._now + self._wall_offset

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward (or back) without any time passing."""
        self._wall_offset += seconds

    def call_at(self, when: float, callback: Callback) -> Alarm:
        """See `Clock.call_at`. The call is made by the thread that calls `advance`."""
        alarm = Alarm(when, callback)
        with self._lock:
            self._alarms.add(alarm)
        return alarm

    def wait(self, condition: threading.Condition, deadline: float) -> None:
        """See `Clock.wait`."""

        def wake() -> None:
            with condition:
                condition.notify_all()

        alarm = self.call_at(deadline, wake)
        # The alarm first: were it set after looking at the time, another thread could advance in between.
        if deadline > self._now:
            condition.wait()
        alarm.cancel()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass. Alarms that become due are rung in order, each at its own time."""
        target = self._now + seconds
        while True:
            with self._lock:
                due = self._alarms.next_due()
                if due > target + self._ROUNDING_S:
                    break
                alarm = self._alarms.pop()
                self._now = max(self._now, due)
            _ring(alarm)
        self._now = max(self._now, target)


def _ring(alarm: Alarm) -> None:
    callback, alarm.callback = alarm.callback, None
    if callback is None:
        return
    try:
        callback()
    except Exception:  # noqa: BLE001 - one failing callback must not end everybody's timers
        traceback.print_exc(file=sys.stderr)


SYSTEM_CLOCK = SystemClock()
"""The clock that everything uses unless it is given another."""
