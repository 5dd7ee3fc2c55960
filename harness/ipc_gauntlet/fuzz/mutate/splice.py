"""Two inputs made into one."""

from __future__ import annotations

from random import Random


def splice(first: bytes, second: bytes, rng: Random, longest: int) -> bytes:
    """The beginning of one input and the end of another, mostly joined where the two begin to differ.

    Args:
        first: Gives the beginning.
        second: Gives the end.
        rng: Where choices come from.
        longest: The result is not longer, in bytes.
    """
    if not first or not second:
        return (first or second)[:longest]
    if rng.random() < 0.5:
        # Same place in both: fields that have a fixed place keep it.
        low, high = _differing(first, second)
        at = low + int(rng.random() * (high - low + 1))
        return (first[:at] + second[at:])[:longest]
    cut = int(rng.random() * (len(first) + 1))
    rest = int(rng.random() * (len(second) + 1))
    return (first[:cut] + second[rest:])[:longest]


def _differing(first: bytes, second: bytes) -> tuple[int, int]:
    """The first and the last place at which two inputs differ, within the shorter one."""
    shorter = min(len(first), len(second))
    low = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    high = next((i for i in range(shorter, low, -1) if first[i - 1] != second[i - 1]), low)
    return low, high
