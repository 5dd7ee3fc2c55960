"""Cases as the run knows them before any of them has run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.engine.places import Gate, Place
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.events import CaseResult, Required
from ipc_gauntlet.requirements import Catalogue, Requirement
from ipc_gauntlet.seeds import derive_bytes
from ipc_gauntlet.verdict import Verdict

_JUDGES = {"c2s": "server", "s2c": "client"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCase:
    """One collected variant of a case function.

    Args:
        id: Full name.
        function: Name without the variant.
        nodeid: pytest's name for it.
        module: Its file.
        spec: What the function declares.
        place: Where it runs.
        params: The function's own parameters in the name; may be empty.
        description: The function's docstring.
        role: The role it judges, as far as that is known beforehand.
        gate: Why it is not run; None when it is.
    """

    id: str
    function: str
    nodeid: str
    module: str
    spec: CaseSpec
    place: Place
    params: str = ""
    description: str
    role: str = ""
    gate: Gate | None = None

    @property
    def suite(self) -> str:
        """Name of the suite."""
        return self.id.partition("/")[0]

    @property
    def requirement(self) -> str:
        """Id of the requirement."""
        return self.spec.requirement

    @property
    def transport(self) -> str:
        """Transport it runs on."""
        return self.place.transport

    @property
    def measures_time(self) -> bool:
        """Whether it measures real time."""
        return self.spec.timing

    @property
    def title(self) -> str:
        """One line for people."""
        return self.spec.title or self.function.rpartition("/")[2].replace("_", " ")


def judged_role(spec: CaseSpec, params: dict[str, object]) -> str:
    """The role a case judges: declared, or from its parameter `role` or `direction` (`c2s` judges the server)."""
    if spec.role:
        return spec.role
    role = params.get("role")
    if isinstance(role, str):
        return role
    return _JUDGES.get(str(params.get("direction", "")), "both")


def blank_result(case: FoundCase, requirement: Requirement, verdict: Verdict, replay: str) -> CaseResult:
    """A result with everything that is known about a case without running it."""
    return CaseResult(
        id=case.id,
        suite=case.suite,
        requirement=requirement.id,
        level=requirement.level,
        profile=requirement.profile,
        title=case.title,
        description=case.description,
        verdict=verdict,
        transport=case.place.transport,
        credential=case.place.credential,
        role=case.role,
        timing=case.spec.timing,
        replay=f"ipc-gauntlet replay {case.id} {replay}".rstrip(),
        required=Required(requirement.statement, requirement.source),
    )


def gated_result(case: FoundCase, gate: Gate, requirement: Requirement, replay: str) -> CaseResult:
    """The result of a case that is not run."""
    blank = blank_result(case, requirement, Verdict.not_applicable, replay)
    reason = "untestable" if gate.untestable else "not-applicable"
    return msgspec.structs.replace(blank, reason=reason, message=gate.why)


def in_reading_order(cases: Iterable[FoundCase], catalogue: Catalogue) -> list[FoundCase]:
    """Cases by suite and requirement as in the catalogue, then by name."""
    rank = {requirement.id: index for index, requirement in enumerate(catalogue.requirements)}
    return sorted(cases, key=lambda case: (rank.get(case.requirement, len(rank)), case.id))


def in_running_order(cases: Iterable[FoundCase], settings: Settings, catalogue: Catalogue) -> list[FoundCase]:
    """Cases in the order in which they run.

    It depends on the seed and each case's own name only, so that leaving a case out moves no other.
    """
    if not settings.shuffle:
        return in_reading_order(cases, catalogue)
    return sorted(cases, key=lambda case: derive_bytes(settings.seed, "order", case.id, length=8))
