"""How fast a cost grows with the size of an input. Pure arithmetic over a few points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

LIMIT = 1.4
"""Exponents up to this are honest: 1 is linear, n log n comes to less than 1.2 between the sizes used here."""
_SUSPECT = 1.3
"""Measured exponents up to this may be noise, or caches that no longer hold the input."""


def sizes(top: int, count: int = 5) -> list[int]:
    """Sizes to measure at: the top one, and halves of it, the smallest first.

    Args:
        top: The largest, in bytes.
        count: How many.
    """
    found = [top >> step for step in range(count)]
    return sorted({size for size in found if size >= 1})


def exponent_of_counts(costs: Sequence[float]) -> float:
    """The exponent of a cost that was counted exactly, at sizes that double.

    Growths from size to size are compared, not the costs: then what an execution costs in any case does not matter. Of
    several doublings the slowest counts, so that one step (a buffer that doubles, a second fragment) is no growth.

    Args:
        costs: At least three, the one of the smallest size first.

    Returns:
        0 where it does not grow all the way.
    """
    growths = [after - before for before, after in itertools.pairwise(costs)]
    if len(growths) < 2 or any(growth <= 0 for growth in growths[-3:]):
        return 0.0
    pairs = list(itertools.pairwise(growths))[-2:]
    return min(math.log2(after / before) for before, after in pairs)


def exponent_of_times(costs: Sequence[float]) -> float:
    """The exponent of a cost that was measured, at sizes that double.

    The smaller of the last two doublings, so that one outlier is no growth. Where both are beyond what noise and caches
    do, the work that is linear is taken away first: twice a size costs that work twice, and what it costs more is all of
    a higher power. Quadratic work shows in it long before it outweighs what is done for every byte.

    Args:
        costs: At least three, the one of the smallest size first.

    Returns:
        0 where it does not grow.
    """
    last = costs[-3:]
    if len(last) < 3 or min(last) <= 0:
        return 0.0
    slower = min(math.log2(after / before) for before, after in itertools.pairwise(last))
    if slower <= _SUSPECT:
        return max(slower, 0.0)
    less, more = (after - 2 * before for before, after in itertools.pairwise(last))
    return max(slower, min(math.log2(more / less), 2.0))
