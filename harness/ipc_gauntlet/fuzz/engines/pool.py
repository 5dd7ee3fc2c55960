"""The inputs that an engine works with, and which of them is worth the next tries.

An input is worth more if it shows something that executions seldom show, if it is short, if it takes few edges to run,
and if it was tried less often. Nothing here depends on time: the same inputs in the same order are chosen alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from random import Random

_PICKS_FOR_EACH = 2
_LEAST_PICKS = 16
_RARITY = 0.8
_EFFORT = 32


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

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry) -> None:
        """Take an input in."""
        self.entries.append(entry)
        if self._cumulated:
            # Good until all are weighed again.
            self._cumulated.append(self._cumulated[-1] + self._weight(entry))

    def pick(self) -> Entry:
        """Choose an input by weight."""
        if not self._until_weighed:
            self._weigh()
        self._until_weighed -= 1
        weights = self._cumulated
        found = self.entries[min(bisect_right(weights, self._draw() * weights[-1]), len(weights) - 1)]
        found.picked += 1
        return found

    def any(self) -> Entry:
        """Choose an input, each as likely as the others."""
        return self.entries[int(self._draw() * len(self.entries))]

    def _weigh(self) -> None:
        self._cumulated = list(accumulate(map(self._weight, self.entries)))
        # Weights change slowly once there are many inputs.
        self._until_weighed = max(_LEAST_PICKS, _PICKS_FOR_EACH * len(self.entries))

    def _weight(self, entry: Entry) -> float:
        shown = self._shown
        rarest = min(shown.get(feature, 0) for feature in entry.shown)
        effort = _EFFORT + len(entry.data) + entry.cost / 4
        return 1 / (effort * sqrt(1 + entry.picked / 8) * float((1 + rarest) ** _RARITY))
