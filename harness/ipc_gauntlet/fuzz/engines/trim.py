"""Leaves out of an input what is not needed for what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_FROM = 8
_TRIES = 32
_PATIENCE = 256
_SELDOM = 4

Ranges = Callable[[bytes], Iterator[tuple[int, int]]]
"""The pieces of an input that may be left out, from where to where; those worth trying first come first."""


class Trimmer:
    """Tries shorter inputs, a few for each; where that never helps, it is tried seldom.

    Args:
        ranges: What may be left out.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._asked = 0
        self._in_vain = 0

    def trim(self, data: bytes, good: Callable[[bytes], bytes | None]) -> bytes:
        """A shorter input, or the same.

        Args:
            data: The input.
            good: Tries an input; answers what of it still shows what it has to, None if nothing does.
        """
        self._asked += 1
        if len(data) < _FROM or (self._in_vain > _PATIENCE and self._asked % _SELDOM):
            return data
        shorter = self._shortened(data, good)
        self._in_vain = self._in_vain + 1 if shorter == data else 0
        return shorter

    def _shortened(self, data: bytes, good: Callable[[bytes], bytes | None]) -> bytes:
        tries = _TRIES
        tried: set[bytes] = {data}
        again = True
        while again:
            again = False
            for start, end in self._ranges(data):
                candidate = data[:start] + data[end:]
                if candidate in tried:
                    continue
                if not tries:
                    return data
                tries -= 1
                tried.add(candidate)
                found = good(candidate)
                if found is not None and len(found) < len(data):
                    data, again = found, True
                    break
        return data


def halves(data: bytes) -> Iterator[tuple[int, int]]:
    """Pieces of bytes of which nothing is known: halves, quarters, and so on, from behind."""
    size = len(data) // 2
    while size:
        for start in range(len(data) - size, -1, -size):
            yield start, start + size
        size //= 2
