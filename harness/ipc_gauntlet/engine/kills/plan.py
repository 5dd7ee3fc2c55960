"""Which cases a mutant has to face, and in which order.

Rule of this file: it is pure, and the same in the controlling process and in the one that runs the cases. A step is
worth running only for what is still unknown: whether the mutant dies, or whether a case function ever kills anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.kills.judge import Attempt, kills
from ipc_gauntlet.requirements import Failure
from ipc_gauntlet.verdict import Verdict


class Why(StrEnum):
    """For what a case is run."""

    first = "first"
    more = "more"
    elsewhere = "elsewhere"
    probe = "probe"


class Step(msgspec.Struct, frozen=True):
    """One case to run.

    Args:
        case: The case.
        why: For what: `first` for the few variants that show each function and both roles, `more` for the others,
            `elsewhere` for cases of other requirements, `probe` to find out whether a function kills anything.
    """

    case: FoundCase
    why: Why


_HOPELESS = 4
"""So many errors and nothing else: what does not run at all will not run in the next case either."""


class Progress:
    """What is known about a mutant while its steps are run.

    Args:
        hungry: Functions that have not killed any mutant yet.
    """

    def __init__(self, hungry: Iterable[str]) -> None:
        self.hungry = frozenset(hungry)
        self.killed = False
        self.failed_elsewhere = False
        self._killing: set[str] = set()
        self._errors = 0
        self._results = 0

    @property
    def hopeless(self) -> bool:
        """Whether the mutant does not run at all."""
        return self._errors == self._results >= _HOPELESS

    def add(self, attempt: Attempt, requirement: str, failure: Failure | None) -> None:
        """A case has a result.

        Args:
            attempt: The result.
            requirement: The one that the mutant violates.
            failure: How cases of that requirement fail.
        """
        self._results += 1
        self._errors += attempt.verdict is Verdict.error
        if kills(attempt, requirement, failure):
            self.killed = True
            self._killing.add(attempt.function)
        if attempt.requirement != requirement and attempt.verdict is Verdict.fail:
            self.failed_elsewhere = True

    def needs(self, step: Step) -> bool:
        """Whether a step is still worth running."""
        if self.hopeless:
            return False
        hungry = step.case.function in self.hungry and step.case.function not in self._killing
        match step.why:
            case Why.first:
                return not self.killed or hungry
            case Why.more:
                return not self.killed
            case Why.elsewhere:
                return not self.killed and not self.failed_elsewhere
            case Why.probe:
                return hungry


def few_variants(cases: Sequence[FoundCase]) -> list[FoundCase]:
    """The first variant of each role of one function."""
    chosen: dict[str, FoundCase] = {}
    for case in cases:
        chosen.setdefault(case.role, case)
    return list(chosen.values())


def by_function(cases: Iterable[FoundCase]) -> dict[str, list[FoundCase]]:
    """Group variants by function, in order."""
    groups: dict[str, list[FoundCase]] = {}
    for case in cases:
        groups.setdefault(case.function, []).append(case)
    return groups


def own_steps(cases: Sequence[FoundCase]) -> list[Step]:
    """All cases of a mutant's requirement: a few variants of each function first, cases that wait for time last."""
    groups = by_function(cases)
    first = [case for group in groups.values() for case in few_variants(group)]
    known = {case.id for case in first}
    rest = [case for group in groups.values() for case in _most_different_first(group, known)]
    return [
        *(Step(case, Why.first) for case in _quick_first(first)),
        *(Step(case, Why.more) for case in _quick_first(rest)),
    ]


def other_steps(cases: Sequence[FoundCase], requirement: str) -> list[Step]:
    """A few variants of each function of the suite's other requirements."""
    others = [case for case in cases if case.requirement != requirement]
    found = [case for group in by_function(others).values() for case in few_variants(group)]
    return [Step(case, Why.elsewhere) for case in _quick_first(found)]


def probe_steps(cases: Sequence[FoundCase], functions: Collection[str]) -> list[Step]:
    """Every variant of some functions."""
    return [Step(case, Why.probe) for case in cases if case.function in functions]


def _quick_first(cases: Sequence[FoundCase]) -> list[FoundCase]:
    return sorted(cases, key=lambda case: case.spec.timing)


def _most_different_first(group: Sequence[FoundCase], known: Collection[str]) -> Iterator[FoundCase]:
    """The remaining variants, those that bring most that was not tried before them first."""
    seen = {word for case in group if case.id in known for word in _words(case)}
    left = [case for case in group if case.id not in known]
    while left:
        best = max(left, key=lambda case: len(_words(case) - seen))
        left.remove(best)
        seen |= _words(best)
        yield best


def _words(case: FoundCase) -> set[str]:
    return set(case.id.rpartition("/")[2].split("-"))
