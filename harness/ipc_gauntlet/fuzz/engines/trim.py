"""Leaves out of an input what is not needed for what it shows."""

from __future__ import annotations

from collections.abc import Callable

_FROM = 8
_TRIES = 32
_PATIENCE = 16
_SELDOM = 8


class Trimmer:
    """Tries shorter inputs, a few for each; where that never helps, it is tried seldom."""

    def __init__(self) -> None:
        self._asked = 0
        self._in_vain = 0

    def trim(self, data: bytes, good: Callable[[bytes], bool]) -> bytes:
        """A shorter input, or the same.

        Args:
            data: The input.
            good: Whether an input still shows what it has to.
        """
        self._asked += 1
        if len(data) < _FROM or (self._in_vain > _PATIENCE and self._asked % _SELDOM):
            return data
        shorter = _shortened(data, good)
        self._in_vain = self._in_vain + 1 if shorter == data else 0
        return shorter


def _shortened(data: bytes, good: Callable[[bytes], bool]) -> bytes:
    tries, size = _TRIES, len(data) // 2
    while size:
        # From behind, so that what is left out does not move what is yet to be tried.
        for at in range(len(data) - size, -1, -size):
            if not tries:
                return data
            tries -= 1
            candidate = data[:at] + data[at + size :]
            if good(candidate):
                data = candidate
        size = min(size, len(data)) // 2
    return data
