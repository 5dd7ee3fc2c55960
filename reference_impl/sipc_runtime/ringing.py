"""The one alarm of a connection: it rings at the earliest timer, and never holds up the clock's thread for long."""

import math
import threading
from collections.abc import Callable

from sipc_runtime.clock import Alarm, Clock
from sipc_runtime.workers import CONNECTION_THREADS

# So long a timer waits for a connection that is busy, before it leaves the clock's thread to the others.
PATIENCE_S = 0.1


class ConnectionAlarm:
    """Rings when a connection's timer is due.

    Attributes:
        at: When it rings, in monotonic seconds; infinity if it is not set.

    Args:
        clock: Whose time.
        lock: The endpoint's lock; held while `ring` is called, and by whoever calls a method.
        ring: What is to be done.
        told: Called after each ringing, without the lock.
        stuck: The lock was not to be had in time. Called without it.
    """

    __slots__ = ("_alarm", "_clock", "_lock", "_ring", "_stuck", "_told", "at")

    def __init__(
        self,
        clock: Clock,
        lock: threading.Lock,
        ring: Callable[[], None],
        told: Callable[[], None],
        stuck: Callable[[], None],
    ) -> None:
        self.at = math.inf
        self._clock = clock
        self._lock = lock
        self._ring = ring
        self._told = told
        self._stuck = stuck
        self._alarm: Alarm | None = None

    def set(self, due: float) -> None:
        """Ring at `due` instead of later."""
        self.cancel()
        self.at = due
        self._alarm = self._clock.call_at(due, self._on_time)

    def cancel(self) -> None:
        """Do not ring."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _on_time(self) -> None:
        # A verifier or key store that does not come back holds the lock of its own connection, and nothing else.
        if not self._lock.acquire(timeout=PATIENCE_S):
            self._stuck()
            CONNECTION_THREADS.submit(self._late)
            return
        try:
            self._now()
        finally:
            self._lock.release()
        self._told()

    def _late(self) -> None:
        with self._lock:
            self._now()
        self._told()

    def _now(self) -> None:
        self.at = math.inf
        self._ring()
