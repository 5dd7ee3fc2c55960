"""Choosing cases by patterns. A pattern that matches nothing is an error, never an empty success."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

import msgspec

from ipc_gauntlet.requirements import Requirement

_GLOB = frozenset("*?[")


class Choosable(Protocol):
    """What a pattern can be held against."""

    @property
    def id(self) -> str:
        """Full name of the case."""

    @property
    def suite(self) -> str:
        """Name of its suite."""

    @property
    def requirement(self) -> str:
        """Id of its requirement."""

    @property
    def transport(self) -> str:
        """Transport it runs on."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns with `*`, `?` and `[…]`. A case is chosen when each kind that has patterns has one that matches.

    Args:
        suites: Patterns for suite names.
        requirements: Patterns for requirement ids; case does not matter.
        cases: Patterns for case ids; without `*?[` also the beginning of an id up to a `/`.
        transports: Names of transports (no patterns).
        requirements_set: Name of the requirement set that the run is about; empty for the whole catalogue.
        left_out: Ids of requirements that are not in that set.
    """

    suites: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    requirements_set: str = ""
    left_out: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any pattern."""
        return bool(self.suites or self.requirements or self.cases or self.transports)

    def chooses(self, case: Choosable) -> bool:
        """Whether a case is chosen."""
        return (
            _any(suite_matches, self.suites, case.suite)
            and _any(requirement_matches, self.requirements, case.requirement)
            and _any(case_matches, self.cases, case.id)
            and (not self.transports or case.transport in {*self.transports, "none"})
            and case.requirement not in self.left_out
        )

    def as_dict(self) -> dict[str, tuple[str, ...]]:
        """The patterns by option name, without the empty ones."""
        named = {
            "suite": self.suites,
            "requirement": self.requirements,
            "case": self.cases,
            "transport": self.transports,
        }
        return {name: patterns for name, patterns in named.items() if patterns}


def suite_matches(pattern: str, suite: str) -> bool:
    """Whether a pattern names a suite."""
    return fnmatchcase(suite, pattern.strip("/"))


def requirement_matches(pattern: str, requirement: str) -> bool:
    """Whether a pattern names a requirement; `repl-*` and `REPL-*` mean the same."""
    return fnmatchcase(requirement.upper(), pattern.upper())


def case_matches(pattern: str, case_id: str) -> bool:
    """Whether a pattern names a case, or a folder, module or function that contains it."""
    pattern = pattern.rstrip("/")
    if _GLOB.isdisjoint(pattern):
        return case_id == pattern or case_id.startswith(pattern + "/")
    return fnmatchcase(case_id, pattern)


def unmatched(
    selection: Selection, cases: Sequence[Choosable], known_requirements: Collection[str]
) -> list[str]:
    """Explain every pattern that matches nothing.

    Args:
        selection: The patterns.
        cases: All cases there are, chosen or not.
        known_requirements: Ids in the catalogue, covered by a case or not.

    Returns:
        One sentence for each pattern without a match; if all match but no case has them all, one sentence for that.
    """
    suites = sorted({case.suite for case in cases})
    covered = sorted({case.requirement for case in cases})
    ids = [case.id for case in cases]
    problems = [
        _nothing("suite", pattern, suites)
        for pattern in selection.suites
        if not _some(suite_matches, pattern, suites)
    ]
    for pattern in selection.requirements:
        if _some(requirement_matches, pattern, covered):
            continue
        if _some(requirement_matches, pattern, known_requirements):
            problems.append(f"--requirement {pattern}: in the catalogue, but no case covers it yet")
        else:
            problems.append(_nothing("requirement", pattern, [*known_requirements, *covered]))
    problems += [
        _nothing("case", pattern, _prefixes(ids, pattern.count("/") + 1))
        for pattern in selection.cases
        if not _some(case_matches, pattern, ids)
    ]
    if not problems and selection and not any(selection.chooses(case) for case in cases):
        given = "; ".join(f"--{name} {' '.join(patterns)}" for name, patterns in selection.as_dict().items())
        scope = f" and belongs to the set {selection.requirements_set}" if selection.left_out else ""
        problems.append(f"each pattern matches something, but no case matches all of them{scope}: {given}")
    return problems


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` for a word that is close to a known one, else nothing."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(by_lower[name] for name in close)}?" if close else ""


def _any(matches: Callable[[str, str], bool], patterns: Sequence[str], value: str) -> bool:
    return not patterns or any(matches(pattern, value) for pattern in patterns)


def _some(matches: Callable[[str, str], bool], pattern: str, values: Iterable[str]) -> bool:
    return any(matches(pattern, value) for value in values)


def _nothing(kind: str, pattern: str, known: Sequence[str]) -> str:
    hint = suggest(pattern, known)
    if not hint and kind == "suite":
        hint = f"; there are: {', '.join(known)}"
    return f"--{kind} {pattern}: no {kind} matches{hint}"


def _prefixes(ids: Iterable[str], length: int) -> list[str]:
    """The ids' beginnings that have as many segments as the pattern, each once."""
    return list(dict.fromkeys("/".join(case_id.split("/")[:length]) for case_id in ids))


def choose_requirements(
    selection: Selection, cases: Sequence[Choosable], requirements: Sequence[Requirement]
) -> tuple[list[Requirement], list[str]]:
    """Choose requirements by their own suite and id, or by a case that covers them.

    Returns:
        The chosen ones, and one sentence for each pattern that matches nothing.
    """
    suites = sorted({item.suite for item in requirements})
    problems = [
        _nothing("suite", pattern, suites)
        for pattern in selection.suites
        if not _some(suite_matches, pattern, suites)
    ]
    ids = [item.id for item in requirements]
    problems += [
        _nothing("requirement", pattern, ids)
        for pattern in selection.requirements
        if not _some(requirement_matches, pattern, ids)
    ]
    by_case = Selection(cases=selection.cases)
    problems += unmatched(by_case, cases, ids)
    covered = {case.requirement for case in cases if by_case.chooses(case)}
    chosen = [
        item
        for item in requirements
        if _any(suite_matches, selection.suites, item.suite)
        and _any(requirement_matches, selection.requirements, item.id)
        and (not selection.cases or item.id in covered)
    ]
    return chosen, problems
