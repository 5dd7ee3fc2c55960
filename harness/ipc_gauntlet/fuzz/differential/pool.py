"""The inputs that the engine driver works with, and which of them is worth the next tries.

An input is worth more if it shows something that executions seldom show, if it is short, and if it was tried less often. One
whose children break the implementation's process is worth little: each of them costs two restarts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from random import Random

_LEAST_PICKS = 16
_RARITY = 0.8
_EFFORT = 32
_BREAKS_COST = 1 << 16


@dataclass(slots=True)
class Entry:
    """One input.

    Attributes:
        data: The input.
        shown: Features that it shows; at least one.
        tried: How often it was chosen, and more.
    """

    data: bytes
    shown: tuple[int, ...]
    tried: int = 0

    def broke(self) -> None:
        """Something made from it has broken the implementation's process."""
        self.tried += _BREAKS_COST


class Pool:
    """Inputs with weights.

    Args:
        rng: Where choices come from.
        shown: How often each feature was shown by all executions.
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
        self._until_weighed = 0

    def pick(self) -> Entry:
        """Choose an input by weight."""
        if not self._until_weighed:
            self._cumulated = list(accumulate(map(self._weight, self.entries)))
            # Weights change slowly once there are many inputs.
            self._until_weighed = max(_LEAST_PICKS, 2 * len(self.entries))
        self._until_weighed -= 1
        weights = self._cumulated
        found = self.entries[min(bisect_right(weights, self._draw() * weights[-1]), len(weights) - 1)]
        found.tried += 1
        return found

    def any(self) -> Entry:
        """Choose an input, each as likely as the others."""
        return self.entries[int(self._draw() * len(self.entries))]

    def _weight(self, entry: Entry) -> float:
        rarest = min(self._shown.get(feature, 0) for feature in entry.shown)
        effort = _EFFORT + len(entry.data)
        return 1 / (effort * sqrt(1 + entry.tried / 8) * float((1 + rarest) ** _RARITY))
