"""The requirement catalogue as the harness sees it.

The texts live in packages that announce themselves with the entry-point group `ipc_gauntlet.corpora`; the harness
never imports them by name. Such a package has a function `suites()` that returns objects with the members of
`SuiteInfo` (a user's own package can add requirements of its own).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points

import msgspec

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.verdict import Level, Profile

GROUP = "ipc_gauntlet.corpora"


class Mutant(msgspec.Struct, frozen=True):
    """A named defect that violates a requirement; `not_expressible` says why no implementation with it can be made."""

    id: str
    defect: str
    not_expressible: str = ""


class Failure(msgspec.Struct, frozen=True):
    """How a violation shows in a result: at which stages, and with which classes of reason."""

    stages: tuple[str, ...]
    reasons: tuple[str, ...]


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One normative requirement.

    Args:
        id: `REPL-01`.
        suite: Name of the suite and of its folder.
        level: `MUST` or `SHOULD`.
        profile: The least profile that has to meet it.
        statement: What is required.
        source: Where that comes from.
        principle: The goal it serves, in a few words.
        observation: Stimulus and expected result.
        modes: How it can be observed, as letters.
        cves: Published vulnerabilities that violate it.
        mutants: Defects that violate it.
        failure: How cases of it fail; None where that is not said.
    """

    id: str
    suite: str
    level: Level
    profile: Profile
    statement: str
    source: str
    principle: str = ""
    observation: str = ""
    modes: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    failure: Failure | None = None


class RequirementSet(msgspec.Struct, frozen=True, kw_only=True):
    """A published list of requirements that does not change any more.

    Args:
        name: `sipc-2026.1`.
        title: One line for people.
        order: The newest has the highest.
        statements: Ids in the set, with a hash of each statement.
        left_out: Ids of the same catalogue that are not in the set.
    """

    name: str
    title: str = ""
    order: int = 0
    statements: dict[str, str]
    left_out: tuple[str, ...] = ()


class SuiteInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A group of requirements; `name` is its folder's name."""

    name: str
    code: str
    title: str
    requirements: tuple[Requirement, ...]


class Catalogue:
    """Requirements by id, in reading order.

    Args:
        suites: The groups; two of the same name are joined.

    Raises:
        HarnessError: Two requirements have the same id.
    """

    def __init__(self, suites: Iterable[SuiteInfo]) -> None:
        self.suites = tuple(suites)
        self._by_id: dict[str, Requirement] = {}
        for suite in self.suites:
            for requirement in suite.requirements:
                if requirement.id in self._by_id:
                    raise HarnessError(f"the catalogue has two requirements {requirement.id}")
                self._by_id[requirement.id] = requirement

    def __contains__(self, requirement_id: object) -> bool:
        """Whether there is such a requirement."""
        return requirement_id in self._by_id

    def __getitem__(self, requirement_id: str) -> Requirement:
        """Look a requirement up; KeyError when there is none."""
        return self._by_id[requirement_id]

    def get(self, requirement_id: str) -> Requirement | None:
        """Look a requirement up; None when there is none."""
        return self._by_id.get(requirement_id)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """All requirements in reading order."""
        return tuple(self._by_id.values())

    @property
    def suite_names(self) -> tuple[str, ...]:
        """Names of the suites in reading order."""
        return tuple(dict.fromkeys(suite.name for suite in self.suites))


@cache
def load_catalogue() -> Catalogue:
    """Read the catalogues of all installed corpora.

    Raises:
        HarnessError: A corpora package cannot be read, or two define the same requirement.
    """
    found: list[SuiteInfo] = []
    for entry in entry_points(group=GROUP):
        try:
            suites = entry.load().suites()
            found += msgspec.convert(suites, list[SuiteInfo], from_attributes=True)
        except (ImportError, AttributeError, OSError, ValueError, msgspec.ValidationError) as error:
            raise HarnessError(f"cannot read the requirements of {entry.value}: {error}") from error
    return Catalogue(found)


@cache
def load_sets() -> tuple[RequirementSet, ...]:
    """Read the requirement sets of all installed corpora that publish some, the oldest first.

    Raises:
        HarnessError: A corpora package cannot be read.
    """
    found: list[RequirementSet] = []
    for entry in entry_points(group=GROUP):
        try:
            package = entry.load()
            sets: tuple[object, ...] = getattr(package, "requirement_sets", tuple)()
            ids = [item.id for suite in package.suites() for item in suite.requirements] if sets else []
            found += [
                msgspec.structs.replace(
                    one, left_out=tuple(name for name in ids if name not in one.statements)
                )
                for one in msgspec.convert(sets, list[RequirementSet], from_attributes=True)
            ]
        except (ImportError, AttributeError, OSError, ValueError, msgspec.ValidationError) as error:
            raise HarnessError(f"cannot read the requirement sets of {entry.value}: {error}") from error
    return tuple(sorted(found, key=lambda one: one.order))
