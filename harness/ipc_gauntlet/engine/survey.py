"""The cases there are, without any implementation: as if one offered everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.lint import FEATURES, KINDS, NOTIFICATIONS, ROLES
from ipc_gauntlet.engine.prepare import TRANSPORTS
from ipc_gauntlet.engine.sessions import find_cases
from ipc_gauntlet.engine.settings import Command, Settings
from ipc_gauntlet.engine.workdir import private_directory
from ipc_gauntlet.events import Implementation
from ipc_gauntlet.requirements import Catalogue
from ipc_gauntlet.verdict import PROFILES


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFunction:
    """A case function with its variants.

    Args:
        id: `replay/records/duplicated_record`.
        spec: What it declares.
        title: One line.
        description: Its docstring.
        variants: Names of its own parameter sets; empty when it has none.
        cases: Full names of all variants, on everything an implementation could offer.
    """

    id: str
    spec: CaseSpec
    title: str
    description: str
    variants: tuple[str, ...]
    cases: tuple[str, ...]

    @property
    def suite(self) -> str:
        """Name of the suite."""
        return self.id.partition("/")[0]


def all_cases(packages: Sequence[str], catalogue: Catalogue) -> list[FoundCase]:
    """Every variant of every case, on all transports and with all kinds of credentials.

    Raises:
        HarnessError: The suites cannot be collected.
    """
    with private_directory() as workdir:
        return find_cases(_everything(str(workdir)), packages, catalogue)


def functions(cases: Sequence[FoundCase]) -> list[CaseFunction]:
    """Group variants by function, in the order in which they come."""
    groups: dict[str, list[FoundCase]] = {}
    for case in cases:
        groups.setdefault(case.function, []).append(case)
    return [
        CaseFunction(
            id=name,
            spec=group[0].spec,
            title=group[0].title,
            description=group[0].description,
            variants=tuple(dict.fromkeys(case.params for case in group if case.params)),
            cases=tuple(case.id for case in group),
        )
        for name, group in groups.items()
    ]


def _everything(workdir: str) -> Settings:
    nobody = Command(argv=("none",), name="none")
    return Settings(
        client=nobody,
        server=nobody,
        implementation=Implementation(
            name="everything",
            profile=PROFILES[-1],
            roles=tuple(ROLES),
            transports=TRANSPORTS,
            credentials=tuple(sorted(KINDS)),
            features=tuple(FEATURES),
            observes=tuple(NOTIFICATIONS),
            wire="sipc/1",
        ),
        statement={"credentials": [{"kind": kind} for kind in sorted(KINDS)]},
        transports=TRANSPORTS,
        seed=0,
        workdir=workdir,
    )
