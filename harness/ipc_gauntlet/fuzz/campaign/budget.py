"""Who is fuzzed next, and for how long: pure functions of what is known, so that the same results give the same choice.

Every target gets a first slice before any gets a second. After that a part of the time, the floor, is shared by weight
alone, and the rest follows what pays: new features for each CPU second, lately. A target that stops paying falls back to
its floor at once; one that begins to pay gets more from its next slice on.

The choice is stride scheduling: each target has a `passed`, which grows by the time that it is given over its share, and
the smallest is next. A target that was given less than its floor comes before all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLOOR = 0.2
"""Part of the time that is shared by weight, whatever pays."""

SHORTEST = 0.5
"""No slice fuzzes for less, in seconds: it costs as much to start one."""

FIRST_PART = 0.5
"""Part of a short budget that first slices may use; canaries and what pays get the rest."""


FIRST_LONGEST = 5.0
"""Longest first slice, in seconds: long enough to see what pays, and with many targets the last one soon has its turn."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A target that can be given time.

    Attributes:
        target: Its name.
        weight: How much it matters.
        given: Seconds it was given, running slices included.
        passed: See the module.
        pay: New features for each CPU second, lately.
        slices: Slices ended or running.
        running: Slices running.
    """

    target: str
    weight: float = 1.0
    given: float = 0.0
    passed: float = 0.0
    pay: float = 0.0
    slices: int = 0
    running: int = 0


def shares(candidates: Sequence[Candidate]) -> list[float]:
    """The part of the time that each should get from now on; they add up to 1."""
    weights = sum(one.weight for one in candidates)
    pays = sum(one.weight * one.pay for one in candidates)
    if pays <= 0:
        return [one.weight / weights for one in candidates]
    return [FLOOR * one.weight / weights + (1 - FLOOR) * one.weight * one.pay / pays for one in candidates]


def choose(candidates: Sequence[Candidate], seconds: float) -> int:
    """Who is next.

    Args:
        candidates: All targets that can be fuzzed, in the order of the plan; not empty.
        seconds: Length of a slice.

    Returns:
        Its place among the candidates.
    """
    places = range(len(candidates))
    fresh = [place for place in places if candidates[place].slices == 0]
    if fresh:
        return fresh[0]
    weights = sum(one.weight for one in candidates)
    total = sum(one.given for one in candidates)
    lacking = [FLOOR * one.weight / weights * total - one.given for one in candidates]
    starved = [place for place in places if lacking[place] > seconds]
    if starved:
        return max(starved, key=lambda place: (lacking[place], -place))
    return min(places, key=lambda place: (candidates[place].passed, candidates[place].running, place))


def advance(candidate: Candidate, share: float, seconds: float) -> float:
    """Its `passed` after it was given some more seconds."""
    return candidate.passed + seconds / max(share, 1e-9)


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much time there is.

    Attributes:
        longest: Length of a slice when there is time enough, in seconds.
        left: Seconds that are left of the budget, None if it has no end.
        reserve: Seconds at the end that first slices leave alone.
        jobs: Slices at once.
        fresh: Targets that had no slice yet.
        targets: All targets.
        overhead: Seconds that a slice takes beyond those in which it fuzzes.
    """

    longest: float
    left: float | None
    reserve: float = 0.0
    jobs: int
    fresh: int
    targets: int
    overhead: float = 0.0


def slice_seconds(room: Room) -> float:
    """How long the next slice fuzzes: short while targets wait for their first slice and the budget is small."""
    if room.left is None:
        return min(room.longest, FIRST_LONGEST) if room.fresh else room.longest
    left = max(room.left, 0.0)
    # Several rounds after the first, so that there is something to shift.
    wanted = max(left * room.jobs / (4 * max(room.targets, 1)), 2.0)
    if room.fresh:
        wanted = min(max(left - room.reserve, 0.0) * room.jobs / room.fresh - room.overhead, FIRST_LONGEST)
    return max(SHORTEST, min(room.longest, wanted, left))
