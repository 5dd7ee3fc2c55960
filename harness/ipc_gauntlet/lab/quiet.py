"""When nothing moves any more.

A black box does not say "that was all", so the end of a wait is a silence: no byte, no notification. How long it has to
last depends on what is known: where the operating system shows that both drivers sleep and used no CPU time meanwhile,
a short one will do, because a process that sleeps has nothing left to say until something new reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ipc_gauntlet.driver.idleness import cpu_time, sleeps


class Stillness:
    """A silence that is being waited for.

    Args:
        activity: A value that changes whenever something moves.
        pids: The processes that could make something move.
        began: The time now, in seconds.
        full_s: How long a silence has to last.
        proven_s: How long it has to last where both processes are known to sleep.
    """

    def __init__(
        self,
        activity: Callable[[], object],
        pids: Sequence[int | None],
        *,
        began: float,
        full_s: float,
        proven_s: float,
    ) -> None:
        self._activity = activity
        self._pids = [pid for pid in pids if pid is not None]
        self._full, self._proven = full_s, proven_s
        self._seen = activity()
        self._since = began
        self._sample: list[int] | None = None
        self._sampled = began

    def moved(self) -> bool:
        """Whether something moved since the last look; cheap."""
        return self._activity() != self._seen

    def next_look(self) -> float:
        """When to look again if nothing moves until then."""
        return min(self._sampled + self._proven / 2, self._since + self._full)

    def look(self, now: float) -> bool:
        """Whether it has been still for long enough.

        CPU time is read in the middle of a short silence and at its end: most silences are broken before the first.
        """
        activity = self._activity()
        if activity != self._seen:
            self._seen, self._since, self._sampled, self._sample = activity, now, now, None
            return False
        if now - self._since >= self._full:
            return True
        if now - self._sampled < self._proven / 2:
            return False
        before, self._sample, self._sampled = self._sample, self._cpu(), now
        rested = self._sample is not None and self._sample == before and now - self._since >= self._proven
        return rested and all(sleeps(pid) for pid in self._pids)

    def _cpu(self) -> list[int] | None:
        used = [cpu_time(pid) for pid in self._pids]
        return None if None in used else [value for value in used if value is not None]
