"""Makes an input smaller that does something, as long as it still does it. Pure: what "does it" means is a function.

Three passes take turns until none helps:

1. structure: what the target's wire schema calls smaller, with the lengths and checksums around it put right;
2. bytes: leave out blocks, halving their size down to one byte, so that in the end no single byte can go (`ddmin`,
   Zeller and Hildebrandt 2002); and leave out a block while lowering a byte before it, as length prefixes want it;
3. values: blocks and then bytes become zero, or as small as they can be.

Every accepted step makes the input smaller in one order: first by length, then byte by byte. So it ends, and the result
depends on the input and the function only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ipc_gauntlet.fuzz.triage.budget import Budget, Exhausted

Fails = Callable[[bytes], bool]
"""Whether an input still does it."""

Smaller = Callable[[bytes], Iterable[bytes]]
"""Candidates of a wire schema, the smallest first."""

_PREFIX_REACH = 8
_PREFIX_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Minimised:
    """What came of it.

    Attributes:
        data: The smallest input found.
        executions: How many inputs were tried.
        complete: Whether every pass came to its end; else the budget did.
    """

    data: bytes
    executions: int
    complete: bool


def simpler(left: bytes, right: bytes) -> bool:
    """Whether the left input is smaller than the right one: shorter, or as long and less byte by byte."""
    return (len(left), left) < (len(right), right)


class _Search:
    """The best input so far, and the inputs that were tried already."""

    def __init__(self, data: bytes, fails: Fails, budget: Budget) -> None:
        self.best = data
        self._fails = fails
        self._budget = budget
        self._tried: set[bytes] = {data}
        self.executions = 0

    def take(self, candidate: bytes) -> bool:
        """Try an input; it becomes the best one if it is smaller and still does it."""
        if candidate in self._tried or not simpler(candidate, self.best):
            return False
        self._budget.spend()
        self._tried.add(candidate)
        self.executions += 1
        if not self._fails(candidate):
            return False
        self.best = candidate
        return True


def minimise(data: bytes, fails: Fails, *, budget: Budget, smaller: Smaller | None = None) -> Minimised:
    """Make an input smaller.

    Args:
        data: An input that does it; that is not tried again.
        fails: Whether another one does it too.
        budget: When to stop, with the best so far.
        smaller: The wire schema's candidates, if there is a schema.

    Returns:
        An input that does it, not larger than the first.
    """
    search = _Search(data, fails, budget)
    try:
        while True:
            before = search.best
            if smaller is not None:
                _by_structure(search, smaller)
            _without_blocks(search)
            _with_lower_prefix(search)
            _with_lower_values(search)
            if search.best == before:
                return Minimised(search.best, search.executions, complete=True)
    except Exhausted:
        return Minimised(search.best, search.executions, complete=False)


def ddmin(data: bytes, fails: Fails, budget: Budget | None = None) -> bytes:
    """Leave out bytes until none can go alone.

    Args:
        data: An input that does it.
        fails: Whether another one does it too.
        budget: When to stop; by default at the end.

    Returns:
        What is left: it does it, and does no more when any one byte is left out.
    """
    search = _Search(data, fails, budget or Budget())
    with contextlib.suppress(Exhausted):
        _without_blocks(search)
    return search.best


def _by_structure(search: _Search, smaller: Smaller) -> None:
    """Take the schema's first candidate that does it, and ask again for that one."""
    while any(search.take(bytes(candidate)) for candidate in smaller(search.best)):
        pass


def _without_blocks(search: _Search) -> None:
    size = max(len(search.best) // 2, 1)
    while search.best:
        shrunk = _without_blocks_of(search, size)
        if size == 1 and not shrunk:
            return
        size = max(min(size // 2, len(search.best)), 1)


def _without_blocks_of(search: _Search, size: int) -> bool:
    # From the end: what follows a block is often of no use without it, and goes first.
    shrunk = False
    place = len(search.best)
    while place > 0:
        begin = max(place - size, 0)
        if search.take(search.best[:begin] + search.best[place:]):
            shrunk = True
        place = min(begin, len(search.best))
    return shrunk


def _with_lower_prefix(search: _Search) -> None:
    """Leave out a block while a byte shortly before it is lowered by as much, or by one (an element of a list)."""
    if len(search.best) > _PREFIX_LONGEST:
        return
    while any(search.take(candidate) for candidate in _lower_prefix(search.best)):
        pass


def _lower_prefix(data: bytes) -> Iterator[bytes]:
    # Lengths mostly stand in front, and what they count comes right after: the first blocks go first.
    size = max(len(data) // 2, 1)
    while size:
        for begin in range(1, len(data) - size + 1):
            rest = data[:begin] + data[begin + size :]
            for place in range(begin - 1, max(begin - 1 - _PREFIX_REACH, -1), -1):
                for less in (size, 1):
                    if data[place] >= less:
                        yield rest[:place] + bytes([data[place] - less]) + rest[place + 1 :]
        size //= 2


def _with_lower_values(search: _Search) -> None:
    size = len(search.best)
    while size >= 1:
        for begin in range(0, len(search.best), size):
            block = search.best[begin : begin + size]
            search.take(search.best[:begin] + bytes(len(block)) + search.best[begin + len(block) :])
        size //= 2
    for place in range(len(search.best)):
        _lower_byte(search, place)


def _lower_byte(search: _Search, place: int) -> None:
    """Halve the distance to zero while that works, then go down by one: few tries for most bytes."""

    def put(value: int) -> bool:
        return search.take(search.best[:place] + bytes([value]) + search.best[place + 1 :])

    low = 0
    while low < (here := search.best[place]):
        middle = (low + here) // 2
        if not put(middle):
            low = middle + 1
