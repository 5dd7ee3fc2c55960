"""Which mutants a hunt is about. A pattern that matches nothing is an error, never an empty success."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ipc_gauntlet.engine.mutants import Collection, Specimen
from ipc_gauntlet.engine.selection import requirement_matches, suggest, suite_matches
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.requirements import Catalogue, Requirement, RequirementSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Patterns with `*`, `?` and `[…]`; a mutant is chosen when each kind that has patterns has one that matches.

    Args:
        mutants: For ids of mutants.
        requirements: For ids of requirements.
        suites: For names of suites.
    """

    mutants: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any pattern."""
        return bool(self.mutants or self.requirements or self.suites)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    Args:
        mutants: The mutants.
        requirements: Requirements that should have one; empty where single mutants were chosen by name.
        complete: Ids of requirements all of whose mutants were chosen: only of them one can say which cases are dead.
        filtered: Whether there were any patterns.
    """

    mutants: tuple[Specimen, ...]
    requirements: tuple[Requirement, ...]
    complete: frozenset[str]
    filtered: bool


def to_come(catalogue: Catalogue, sets: Iterable[RequirementSet], cased: Iterable[str]) -> frozenset[str]:
    """Requirements that no published set has and no case is about: of suites that are only begun.

    Args:
        catalogue: All requirements.
        sets: The published sets; of a catalogue without any, nothing is to come.
        cased: Ids of requirements that have cases.
    """
    published, left_out = set(cased), set()
    for one in sets:
        published |= one.statements.keys()
        left_out |= set(one.left_out)
    return frozenset(item.id for item in catalogue.requirements if item.id in left_out - published)


def choose(
    collection: Collection,
    wanted: Wanted,
    catalogue: Catalogue,
    suites: frozenset[str],
    unborn: frozenset[str] = frozenset(),
) -> Choice:
    """Choose mutants.

    Args:
        collection: All there are.
        wanted: The patterns.
        catalogue: The requirements.
        suites: Suites that have cases; requirements of others are no concern of a hunt.
        unborn: Requirements that are none either, unless they have a mutant; see `to_come`.

    Raises:
        UsageError: A pattern matches nothing, or a mutant names an unknown requirement.
    """
    for one in collection.mutants:
        if one.facts.requirement not in catalogue:
            known = [item.id for item in catalogue.requirements]
            hint = suggest(one.facts.requirement, known)
            raise UsageError(
                f"{collection.name}: mutant {one.facts.id} violates {one.facts.requirement}, "
                f"which is no requirement{hint}"
            )
    _check(collection, wanted, catalogue)
    unborn -= {one.facts.requirement for one in collection.mutants}
    unborn -= {one.requirement for one in collection.elsewhere}
    requirements = [
        item
        for item in catalogue.requirements
        if item.suite in suites
        and item.id not in unborn
        and _any(requirement_matches, wanted.requirements, item.id)
        and _any(suite_matches, wanted.suites, item.suite)
    ]
    in_scope = {item.id for item in requirements}
    mutants = tuple(
        one
        for one in collection.mutants
        if one.facts.requirement in in_scope and _any(_mutant_matches, wanted.mutants, one.facts.id)
    )
    if wanted and not mutants and (wanted.mutants or not requirements):
        raise UsageError("each pattern matches something, but no mutant matches all of them")
    chosen = {one.facts.id for one in mutants}
    missing = {one.facts.requirement for one in collection.mutants if one.facts.id not in chosen}
    return Choice(
        mutants,
        () if wanted.mutants else tuple(requirements),
        frozenset(one.facts.requirement for one in mutants) - missing,
        bool(wanted),
    )


def _check(collection: Collection, wanted: Wanted, catalogue: Catalogue) -> None:
    problems = []
    for kind, matches, patterns, known in (
        ("mutant", _mutant_matches, wanted.mutants, _known(collection)),
        ("requirement", requirement_matches, wanted.requirements, [one.id for one in catalogue.requirements]),
        ("suite", suite_matches, wanted.suites, list(catalogue.suite_names)),
    ):
        problems += [
            f"--{kind} {pattern}: no {kind} matches{suggest(pattern, known)}"
            for pattern in patterns
            if not any(matches(pattern, name) for name in known)
        ]
    if problems:
        raise UsageError("\n".join(problems))


def _known(collection: Collection) -> list[str]:
    return [
        *(one.facts.id for one in collection.mutants),
        *(one.id for one in collection.elsewhere),
    ]


def _mutant_matches(pattern: str, mutant: str) -> bool:
    return fnmatchcase(mutant.upper(), pattern.upper())


def _any(matches: Callable[[str, str], bool], patterns: tuple[str, ...], value: str) -> bool:
    return not patterns or any(matches(pattern, value) for pattern in patterns)
