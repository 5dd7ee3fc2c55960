"""The inputs that an engine works with, and which of them is worth the next tries.

An input is worth more if it was the first to show something that few others show, if it is short, if it takes few edges
to run, and if it was tried less often. Nothing here depends on time: the same inputs in the same order are chosen alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from random import Random

_PICKS_FOR_EACH = 2
_LEAST_PICKS = 16


@dataclass(slots=True)
class Entry:
    """One input.

    Attributes:
        data: The input.
        cost: How many edges it takes.
        shown: Features that it was the first to show.
        picked: How often it was chosen.
        depth: How many inputs it descends from.
        answered: Whether what it compares was answered.
    """

    data: bytes
    cost: int
    shown: tuple[int, ...]
    picked: int = 0
    depth: int = 0
    answered: bool = False


class Pool:
    """Inputs with weights.

    Args:
        rng: Where choices come from.
    """

    def __init__(self, rng: Random) -> None:
        self._draw = rng.random
        self.entries: list[Entry] = []
        self._holders: dict[int, int] = {}
        self._cumulated: list[float] = []
        self._until_weighed = 0
        self._length = 1.0
        self._cost = 1.0

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry, features: Iterable[int]) -> None:
        """Take an input in.

        Args:
            entry: The input.
            features: Everything that it shows.
        """
        holders = self._holders
        for feature in features:
            holders[feature] = holders.get(feature, 0) + 1
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
        count = len(self.entries)
        self._length = sum(len(entry.data) for entry in self.entries) / count + 1
        self._cost = sum(entry.cost for entry in self.entries) / count + 1
        self._cumulated = list(accumulate(map(self._weight, self.entries)))
        # Weights change slowly once there are many inputs.
        self._until_weighed = max(_LEAST_PICKS, _PICKS_FOR_EACH * count)

    def _weight(self, entry: Entry) -> float:
        holders = self._holders
        rarity = sum(1 / holders[feature] for feature in entry.shown)
        quick = 1 / (0.5 + entry.cost / self._cost) + 1 / (0.5 + len(entry.data) / self._length)
        return (0.1 + rarity) * quick / sqrt(1 + entry.picked / 8)
