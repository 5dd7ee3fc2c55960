"""Inputs with weights, which of them is worth the next tries: what the pools of all engines that mutate have in common.

An input is worth more if it shows something that executions seldom show, if it costs little, and if it was tried less often.
Nothing here depends on time: the same inputs in the same order are chosen alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from random import Random
from typing import Generic, TypeVar

EFFORT = 32
"""What it costs to change and run the shortest input, in bytes of a longer one."""
_PICKS_FOR_EACH = 2
_LEAST_PICKS = 16
_RARITY = 0.8


@dataclass(slots=True)
class Candidate:
    """One input.

    Attributes:
        data: The input.
        shown: Features that it shows; at least one.
        picked: How often it was chosen.
    """

    data: bytes
    shown: tuple[int, ...]
    picked: int = 0

    @property
    def effort(self) -> float:
        """What it costs to change and run it, in no unit: by the clock no run would be like another."""
        return EFFORT + len(self.data)


_One = TypeVar("_One", bound=Candidate)


class Weighted(Generic[_One]):
    """Inputs with weights.

    Args:
        rng: Where choices come from.
        shown: How often each feature was shown, or some of the times.

    Attributes:
        entries: All inputs, in the order in which they came.
    """

    def __init__(self, rng: Random, shown: Mapping[int, int]) -> None:
        self._draw = rng.random
        self._shown = shown
        self.entries: list[_One] = []
        self._cumulated: list[float] = []
        self._until_weighed = 0

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: _One) -> None:
        """Take an input in."""
        self.entries.append(entry)
        self._until_weighed = 0

    def pick(self) -> _One:
        """Choose an input by weight."""
        found = self.drawn()
        found.picked += 1
        return found

    def drawn(self) -> _One:
        """An input by weight, which does not count as chosen yet."""
        if not self._until_weighed:
            self._cumulated = list(accumulate(map(self._weight, self.entries)))
            # Weights change slowly once there are many inputs.
            self._until_weighed = max(_LEAST_PICKS, _PICKS_FOR_EACH * len(self.entries))
        self._until_weighed -= 1
        weights = self._cumulated
        return self.entries[min(bisect_right(weights, self._draw() * weights[-1]), len(weights) - 1)]

    def any(self) -> _One:
        """Choose an input, each as likely as the others."""
        return self.entries[int(self._draw() * len(self.entries))]

    def _weight(self, entry: _One) -> float:
        shown = self._shown
        rarest = min(shown.get(feature, 0) for feature in entry.shown)
        return 1 / (entry.effort * sqrt(1 + entry.picked / 8) * float((1 + rarest) ** _RARITY))
