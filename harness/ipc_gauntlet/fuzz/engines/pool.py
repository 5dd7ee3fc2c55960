"""The inputs that an engine works with, and which of them is worth the next tries.

An input is worth more if it shows something that executions seldom show, if it is short, if it takes few edges to run,
and if it was tried less often. Inputs that cost several times what is usual get a quarter of the time, all together: they are
kept for what a loop does when it goes round often, which is rare, and there are more of them the longer a campaign lasts;
without a limit it would do ever less. Nothing here depends on time: the same inputs in the same order are chosen alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import inf, sqrt
from random import Random
from statistics import median_low

_PICKS_FOR_EACH = 2
_LEAST_PICKS = 16
_RARITY = 0.8
_EFFORT = 32
_USUAL = 4.0
_ASKED_EVERY = 8
_PART_OF_DEAR = 0.25
_DRAWS = 8


@dataclass(slots=True)
class Entry:
    """One input.

    Attributes:
        data: The input.
        cost: How many edges it takes.
        shown: Features that it shows.
        picked: How often it was chosen.
    """

    data: bytes
    cost: int
    shown: tuple[int, ...]
    picked: int = 0

    @property
    def effort(self) -> float:
        """What it costs to change and run it, in no unit: by the clock no run would be like another."""
        return _EFFORT + len(self.data) + self.cost / 4


class Pool:
    """Inputs with weights.

    Args:
        rng: Where choices come from.
        shown: How often each feature was shown, or some of the times.
    """

    def __init__(self, rng: Random, shown: Mapping[int, int]) -> None:
        self._draw = rng.random
        self._shown = shown
        self.entries: list[Entry] = []
        self._cumulated: list[float] = []
        self._until_weighed = 0
        self._usual = inf
        self._spent = self._spent_on_dear = 0.0

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry) -> None:
        """Take an input in."""
        self.entries.append(entry)
        if not len(self.entries) % _ASKED_EVERY:
            self._usual = _USUAL * median_low(one.effort for one in self.entries)
        if self._cumulated:
            # Good until all are weighed again.
            self._cumulated.append(self._cumulated[-1] + self._weight(entry))

    def pick(self) -> Entry:
        """Choose an input by weight; one that costs much only while such inputs have not had their part."""
        found = self._drawn()
        for _ in range(_DRAWS):
            if found.effort <= self._usual or self._spent_on_dear <= _PART_OF_DEAR * self._spent:
                break
            found = self._drawn()
        effort = found.effort
        self._spent += effort
        if effort > self._usual:
            self._spent_on_dear += effort
        found.picked += 1
        return found

    def _drawn(self) -> Entry:
        if not self._until_weighed:
            self._weigh()
        self._until_weighed -= 1
        weights = self._cumulated
        return self.entries[min(bisect_right(weights, self._draw() * weights[-1]), len(weights) - 1)]

    def any(self) -> Entry:
        """Choose an input to take pieces of: the shorter one of two, each as likely as the others."""
        entries, draw = self.entries, self._draw
        one, other = entries[int(draw() * len(entries))], entries[int(draw() * len(entries))]
        return one if len(one.data) <= len(other.data) else other

    def energy(self, entry: Entry) -> float:
        """What part of the usual number of tries an input is worth: less, if it costs more than is usual."""
        return min(1.0, self._usual / entry.effort)

    def _weigh(self) -> None:
        self._cumulated = list(accumulate(map(self._weight, self.entries)))
        # Weights change slowly once there are many inputs.
        self._until_weighed = max(_LEAST_PICKS, _PICKS_FOR_EACH * len(self.entries))

    def _weight(self, entry: Entry) -> float:
        shown = self._shown
        rarest = min(shown.get(feature, 0) for feature in entry.shown)
        rare = float((1 + rarest) ** _RARITY)
        return 1 / (entry.effort * sqrt(1 + entry.picked / 8) * rare)
