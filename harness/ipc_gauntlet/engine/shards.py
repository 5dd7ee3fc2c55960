"""One run split over several machines: which part of the cases is this one's.

Every machine computes the same split from the same cases, so nobody has to tell anybody anything: cases are dealt out
from the longest to the shortest, each to the part that has least to do so far. How long a case takes is read from an
earlier report, if need be from what it took over another transport; without that, a case that measures time counts as
many others.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ipc_gauntlet.errors import UsageError

_MOST = 1000
_USUAL_S = 0.05
_TIMING_S = 1.0


class Weighed(Protocol):
    """What can be dealt out."""

    @property
    def id(self) -> str:
        """Full name of the case."""

    @property
    def measures_time(self) -> bool:
        """Whether it measures real time."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a run.

    Args:
        number: Which one, from 1.
        count: How many there are.
    """

    number: int
    count: int

    def __str__(self) -> str:
        """As on the command line."""
        return f"{self.number}/{self.count}"

    def choose(self, cases: Sequence[Weighed], durations: Mapping[str, float]) -> set[str]:
        """The ids of this part's cases.

        Args:
            cases: All cases of the run; their order does not matter.
            durations: Seconds that cases took before, by id; a case that is not there, over no transport, counts as usual.
        """
        anywhere: dict[str, float] = {}
        for name, seconds in durations.items():
            anywhere[_anywhere(name)] = max(anywhere.get(_anywhere(name), 0.0), seconds)
        known = {case.id: durations.get(case.id, anywhere.get(_anywhere(case.id))) for case in cases}
        order = sorted(
            ((_seconds(case, known[case.id]), case.id) for case in cases),
            key=lambda pair: (-pair[0], pair[1]),
        )
        loads = [(0.0, number) for number in range(1, self.count + 1)]
        mine: set[str] = set()
        for seconds, name in order:
            load, number = heapq.heappop(loads)
            heapq.heappush(loads, (load + seconds, number))
            if number == self.number:
                mine.add(name)
        return mine


def _anywhere(name: str) -> str:
    """The id of a case without its transport, which is what the last part of it begins with."""
    function, slash, variant = name.rpartition("/")
    return function + slash + variant.partition("-")[2]


def _seconds(case: Weighed, known: float | None) -> float:
    usual = _TIMING_S if case.measures_time else _USUAL_S
    # Nothing costs nothing: parts of the same number of cases that took no time are still of the same size.
    return max(usual if known is None else known, _USUAL_S / 10)


def parse_shard(text: str) -> Shard:
    """Read `2/5`.

    Raises:
        UsageError: It is not of that form, or there is no such part.
    """
    number, slash, count = text.partition("/")
    digits = number.isascii() and number.isdigit() and count.isascii() and count.isdigit()
    if not slash or not digits or not 1 <= int(number) <= int(count) <= _MOST:
        raise UsageError(f"--shard {text}: say which part of how many, such as 2/5 (at most {_MOST} parts)")
    return Shard(int(number), int(count))
