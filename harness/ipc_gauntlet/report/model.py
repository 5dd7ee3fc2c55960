"""The JSON report as values; `docs/report.schema.json` is made from these types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ipc_gauntlet.events import (
    AnyEvent,
    CaseFinished,
    CaseResult,
    Implementation,
    RunFinished,
    RunStarted,
    Warned,
)
from ipc_gauntlet.verdict import Level, Profile, Verdict, combined

SCHEMA = "urn:ipc-gauntlet:report:1"
"""Names the format; a change that breaks readers changes the number."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What made the report."""

    name: str
    version: str
    platform: str


class Summary(msgspec.Struct, frozen=True, rename={"pass_": "pass"}):
    """How many cases ended how."""

    pass_: int = 0
    fail: int = 0
    inconclusive: int = 0
    not_applicable: int = 0
    error: int = 0

    @property
    def total(self) -> int:
        """All cases."""
        return self.pass_ + self.fail + self.inconclusive + self.not_applicable + self.error


class SuiteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One suite; `name` is its folder's name."""

    name: str
    summary: Summary


class RequirementSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement: the heaviest verdict among its cases, and the counts."""

    id: str
    suite: str
    level: Level
    profile: Profile
    verdict: Verdict
    summary: Summary


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Args:
        schema: The format's name.
        tool: What made the report.
        run: Id of the run.
        implementation: What was tested.
        seed: Reproduces every random choice.
        selection: The patterns that chose the cases, by option name.
        requirements_set: Name of the requirement set that the run is about; empty for the whole catalogue.
        started: Seconds since the epoch.
        duration_s: Wall time in seconds.
        cpu_s: Processor time of the tester and all processes it started, in seconds.
        interrupted: Whether the run was stopped from outside; then `not_run` names what is missing.
        error: Why the run could not be done, if it could not.
        exit_status: Exit status of the command.
        summary: Counts of all cases.
        suites: Counts by suite.
        requirements: Verdicts by requirement.
        cases: All results, by suite, requirement and id.
        not_run: Ids of chosen cases without a result.
        warnings: What a person should know.
    """

    schema: str
    tool: Tool
    run: str
    implementation: Implementation
    seed: int
    selection: dict[str, tuple[str, ...]] = {}
    requirements_set: str = ""
    started: float
    duration_s: float
    cpu_s: float
    interrupted: bool
    error: str
    exit_status: int
    summary: Summary
    suites: tuple[SuiteSummary, ...]
    requirements: tuple[RequirementSummary, ...]
    cases: tuple[CaseResult, ...]
    not_run: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class ReportBuilder:
    """A consumer of events that knows the report once the run is over."""

    def __init__(self) -> None:
        self._start: RunStarted | None = None
        self._end: RunFinished | None = None
        self._warnings: list[str] = []
        self.results: list[CaseResult] = []

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        match event:
            case RunStarted():
                self._start = event
            case CaseFinished():
                self.results.append(without_bulk(event.result))
            case Warned():
                self._warnings.append(event.message)
            case RunFinished():
                self._end = event

    def report(self) -> Report:
        """The report of a run that is over.

        Raises:
            ValueError: It is not.
        """
        if self._start is None or self._end is None:
            raise ValueError("the run is not over")
        start, end = self._start, self._end
        order = {name: rank for rank, name in enumerate(start.suites)}
        cases = sorted(
            self.results,
            key=lambda result: (order.get(result.suite, len(order)), result.requirement, result.id),
        )
        suites, requirements = summaries_of(cases)
        return Report(
            schema=SCHEMA,
            tool=Tool(name="ipc-gauntlet", version=start.version, platform=start.platform),
            run=start.run,
            implementation=start.implementation,
            seed=start.seed,
            selection=start.selection,
            requirements_set=start.requirements_set,
            started=start.at,
            duration_s=end.duration_s,
            cpu_s=end.cpu_s,
            interrupted=end.interrupted,
            error=end.error,
            exit_status=end.exit_status,
            summary=summarize(cases),
            suites=suites,
            requirements=requirements,
            cases=tuple(cases),
            not_run=end.not_run,
            warnings=tuple(self._warnings),
        )


def summarize(results: Iterable[CaseResult]) -> Summary:
    """Count verdicts."""
    counts = dict.fromkeys(Verdict, 0)
    for result in results:
        counts[result.verdict] += 1
    return Summary(**{verdict.name: count for verdict, count in counts.items()})


def summaries_of(
    cases: Sequence[CaseResult],
) -> tuple[tuple[SuiteSummary, ...], tuple[RequirementSummary, ...]]:
    """Counts by suite and verdicts by requirement, in the order of the cases."""
    return tuple(_suites(cases)), tuple(_requirements(cases))


def without_bulk(result: CaseResult) -> CaseResult:
    """A passed case without trace and stderr, which nobody reads and which make reports large."""
    if result.verdict not in (Verdict.pass_, Verdict.not_applicable):
        return result
    return msgspec.structs.replace(result, trace=(), stderr={})


def from_events(events: Iterable[AnyEvent]) -> Report:
    """Make the report of a stored stream of events; ValueError when the stream has no end."""
    builder = ReportBuilder()
    for event in events:
        builder(event)
    return builder.report()


def _suites(cases: Iterable[CaseResult]) -> Iterable[SuiteSummary]:
    groups: dict[str, list[CaseResult]] = {}
    for result in cases:
        groups.setdefault(result.suite, []).append(result)
    return [SuiteSummary(name=name, summary=summarize(results)) for name, results in groups.items()]


def _requirements(cases: Iterable[CaseResult]) -> Iterable[RequirementSummary]:
    groups: dict[str, list[CaseResult]] = {}
    for result in cases:
        groups.setdefault(result.requirement, []).append(result)
    return [
        RequirementSummary(
            id=name,
            suite=results[0].suite,
            level=results[0].level,
            profile=results[0].profile,
            verdict=combined(result.verdict for result in results),
            summary=summarize(results),
        )
        for name, results in groups.items()
    ]
