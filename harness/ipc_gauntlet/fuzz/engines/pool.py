"""The inputs that the engine portable works with.

Inputs that cost several times what is usual get a quarter of the time, all together: they are kept for what a loop does when it
goes round often, which is rare, and there are more of them the longer a campaign lasts; without a limit it would do ever less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from random import Random
from statistics import median_low

from ipc_gauntlet.fuzz.engines.weighted import EFFORT, Candidate, Weighted

_USUAL = 4.0
_ASKED_EVERY = 8
_PART_OF_DEAR = 0.25
_DRAWS = 8


@dataclass(slots=True)
class Entry(Candidate):
    """One input.

    Attributes:
        cost: How many edges it takes.
    """

    cost: int = 0

    @property
    def effort(self) -> float:
        """As for any, and what its edges cost."""
        return EFFORT + len(self.data) + self.cost / 4


class Pool(Weighted[Entry]):
    """Inputs with weights; see `Weighted`."""

    def __init__(self, rng: Random, shown: Mapping[int, int]) -> None:
        super().__init__(rng, shown)
        self._usual = inf
        self._spent = self._spent_on_dear = 0.0

    def add(self, entry: Entry) -> None:
        """Take an input in."""
        self.entries.append(entry)
        if self._cumulated:
            # Good until all are weighed again: that would be too dear for each that is new.
            self._cumulated.append(self._cumulated[-1] + self._weight(entry))
        if not len(self.entries) % _ASKED_EVERY:
            self._usual = _USUAL * median_low(one.effort for one in self.entries)

    def pick(self) -> Entry:
        """Choose an input by weight; one that costs much only while such inputs have not had their part."""
        found = self.drawn()
        for _ in range(_DRAWS):
            if found.effort <= self._usual or self._spent_on_dear <= _PART_OF_DEAR * self._spent:
                break
            found = self.drawn()
        effort = found.effort
        self._spent += effort
        if effort > self._usual:
            self._spent_on_dear += effort
        found.picked += 1
        return found

    def any(self) -> Entry:
        """Choose an input to take pieces of: the shorter one of two, each as likely as the others."""
        one, other = super().any(), super().any()
        return one if len(one.data) <= len(other.data) else other

    def energy(self, entry: Entry) -> float:
        """What part of the usual number of tries an input is worth: less, if it costs more than is usual."""
        return min(1.0, self._usual / entry.effort)
