"""When an engine looks up from its loop: about fifty times a second, without looking at the clock each time."""

from __future__ import annotations

import time
from collections.abc import Callable

_EVERY = 0.02
_MOST = 1 << 14
_FASTER = 4


class Pace:
    """Says after how many executions to look up again.

    Args:
        executions: The last one; 0 for no limit.
        clock: Seconds.

    Attributes:
        look_at: The number of executions at which to look up. Set it to 0 to look up at once.
    """

    def __init__(self, executions: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = executions
        self._clock = clock
        self._then = clock()
        self._at = 0
        self._count = 1
        self.look_at = 1

    def next(self, executions: int) -> None:
        """Look up again later.

        Args:
            executions: So far.
        """
        now = self._clock()
        took = max(now - self._then, 1e-6)
        wanted = int((executions - self._at) * _EVERY / took)
        # A slow execution slows down at once, quick ones speed up step by step.
        self._count = max(1, min(wanted, _FASTER * self._count, _MOST))
        self._then, self._at = now, executions
        self.look_at = executions + self._count
        if self._limit:
            self.look_at = min(self.look_at, max(self._limit, executions + 1))
