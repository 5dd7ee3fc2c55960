"""Requests that may block run beside the reader, in order where order means something.

Two `send`s on one connection must reach the stack in the order in which they came, and a connection whose peer does
not read must not keep others waiting. So each key (a connection, a listener) has a lane: a thread that lives while
there is work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]


class Lanes:
    """Jobs by key: one at a time and in order within a key, at the same time across keys.

    Args:
        spawn: Starts a thread under a name.
    """

    def __init__(self, spawn: Callable[[str, Job], object]) -> None:
        self._spawn = spawn
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Job]] = {}

    def put(self, key: str, job: Job) -> None:
        """Run a job when the key's earlier jobs are done; never blocks. The job must not raise."""
        with self._lock:
            lane = self._waiting.get(key)
            if lane is not None:
                lane.append(job)
                return
            self._waiting[key] = deque([job])
        self._spawn(f"lane {key}", lambda: self._drain(key))

    def _drain(self, key: str) -> None:
        while True:
            with self._lock:
                if not self._waiting[key]:
                    del self._waiting[key]
                    return
                job = self._waiting[key].popleft()
            job()
