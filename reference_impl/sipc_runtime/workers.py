"""Threads that are used again: for connections, and a bounded number for handlers that take time."""

import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable


class Workers:
    """Runs tasks in threads that are started when needed and leave when they have nothing to do.

    Args:
        limit: Most threads at once; further tasks wait. None if somebody else bounds the tasks.
        linger: Seconds a thread without a task stays.
    """

    def __init__(self, limit: int | None = 32, linger: float = 0.2) -> None:
        self._limit = limit
        self._linger = linger
        self._tasks: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task` soon."""
        with self._changed:
            self._tasks.append(task)
            if self._idle >= len(self._tasks):
                self._changed.notify()
            elif self._limit is None or self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._work, name="sipc-worker", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                if not self._tasks:
                    self._changed.wait(self._linger)
                self._idle -= 1
                if not self._tasks:
                    self._threads -= 1
                    self._changed.notify_all()
                    return
                task = self._tasks.popleft()
            try:
                task()
            except Exception:  # noqa: BLE001 - one task's failure must not take a thread from the others
                traceback.print_exc(file=sys.stderr)


CONNECTION_THREADS = Workers(limit=None)
"""Where connections run. Making a thread costs several times as much as waking one."""
