"""A bounded number of threads for handlers that take time."""

import threading
from collections import deque
from collections.abc import Callable


class Workers:
    """Runs tasks in threads that are started when needed and leave when they have nothing to do.

    Args:
        limit: Most threads at once; further tasks wait.
        linger: Seconds a thread without a task stays.
    """

    def __init__(self, limit: int = 32, linger: float = 0.2) -> None:
        self._limit = limit
        self._linger = linger
        self._tasks: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task` soon. It must handle its own errors."""
        with self._changed:
            self._tasks.append(task)
            if self._idle >= len(self._tasks):
                self._changed.notify()
            elif self._threads < self._limit:
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
            task()

    def drain(self, seconds: float) -> bool:
        """Wait until every thread has left; False if some have not within `seconds`."""
        with self._changed:
            self._linger = 0.0
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._threads == 0, seconds)
