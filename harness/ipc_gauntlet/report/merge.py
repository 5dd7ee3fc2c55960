"""Reports of the parts of one run, made into one.

What a report of one part cannot know, the merged one says: that a requirement has no case that applied anywhere, and
that a part is missing. A missing part is an error of the whole run: what was not run must not look as if it passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.model import Report, summaries_of, summarize
from ipc_gauntlet.verdict import ExitStatus, Verdict, exit_status

SHARD = "shard"
"""Name of the part in a report's selection."""

DURATIONS = "durations"
"""Name of what a run was cut by, in a report's selection: the digest of what `--durations` named."""

MARK = "untestable"
"""Stands in the place of a module in the id of a result that says that a requirement could not be tested."""

_CUT = (SHARD, DURATIONS)
"""What the selection says of the part and not of the run."""

UNTESTABLE = (MARK, "unsupported")
"""Reasons of results that say that a case could not be tried here."""


def merge(reports: Sequence[Report], *, strict: bool = False) -> Report:
    """Make one report of several parts.

    Args:
        reports: Of one run, in any order.
        strict: Whether SHOULD counts like MUST for the exit status.

    Raises:
        UsageError: They are not parts of one run, or a case is in more than one of them.
    """
    if not reports:
        raise UsageError("there is no report to merge")
    first = reports[0]
    for other in reports[1:]:
        _same_run(first, other)
    results = _together(reports)
    missing = _missing(reports)
    complete = not missing and not any(report.not_run or report.error for report in reports)
    scope = {name: patterns for name, patterns in first.selection.items() if name not in _CUT}
    if complete and not set(scope) - {"transport"}:
        results += list(nowhere_tested(results, first))
    order = {suite.name: rank for report in reports for rank, suite in enumerate(report.suites)}
    cases = sorted(
        results, key=lambda result: (order.get(result.suite, len(order)), result.requirement, result.id)
    )
    errors = list(dict.fromkeys([*(report.error for report in reports if report.error), *missing]))
    suites, requirements = summaries_of(cases)
    return msgspec.structs.replace(
        first,
        selection=scope,
        started=min(report.started for report in reports),
        duration_s=round(
            max(report.started + report.duration_s for report in reports) - min(r.started for r in reports), 3
        ),
        cpu_s=round(sum(report.cpu_s for report in reports), 3),
        interrupted=any(report.interrupted for report in reports),
        error="; ".join(errors),
        exit_status=int(_status(reports, cases, errors, strict)),
        summary=summarize(cases),
        suites=suites,
        requirements=requirements,
        cases=tuple(cases),
        not_run=tuple(name for report in reports for name in report.not_run),
        warnings=tuple(dict.fromkeys(text for report in reports for text in report.warnings)),
    )


def nowhere_tested(results: Iterable[CaseResult], report: Report) -> Iterable[CaseResult]:
    """Failures of requirements that are a MUST and that no part could test, as a run that is not split has them."""
    by_requirement: dict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        by_requirement[result.requirement].append(result)
    for ended in by_requirement.values():
        one = ended[0]
        blamed = dict.fromkeys(result.message for result in ended if result.reason in UNTESTABLE)
        if one.level != "MUST" or not blamed or any(r.verdict is not Verdict.not_applicable for r in ended):
            continue
        yield untestable_result(one, len(ended), "; ".join(blamed), f"--seed {report.seed}")


def untestable_result(one: CaseResult, cases: int, seen: str, replay: str) -> CaseResult:
    """The failure of a requirement of which nothing shows whether it holds.

    Args:
        one: Any result of the requirement.
        cases: How many cases it has.
        seen: Why none applied.
        replay: Options of the replay command.
    """
    name = f"{one.suite}/{MARK}/{one.requirement}/all"
    return CaseResult(
        id=name,
        suite=one.suite,
        requirement=one.requirement,
        level=one.level,
        profile=one.profile,
        title=f"{one.requirement} can be tested",
        description=f"At least one of the {cases} cases of {one.requirement} applies to the implementation.",
        verdict=Verdict.fail,
        reason=MARK,
        message=f"{one.requirement} is a MUST of profile {one.profile}, and nothing shows whether it holds",
        role="both",
        replay=f"ipc-gauntlet replay {name} {replay}",
        required=one.required,
        expected=f"at least one of the {cases} cases of {one.requirement} to apply",
        seen=seen,
    )


def _same_run(first: Report, other: Report) -> None:
    def facts(report: Report) -> dict[str, object]:
        return {
            "implementation": report.implementation,
            "seed": report.seed,
            "requirement set": report.requirements_set,
            "version of ipc-gauntlet": report.tool.version,
            "selection": {k: v for k, v in report.selection.items() if k not in _CUT},
            "the file of --durations": report.selection.get(DURATIONS, ()),
        }

    here, there = facts(first), facts(other)
    for name, value in here.items():
        if there[name] != value:
            raise UsageError(
                f"these reports are not parts of one run: {name} differs ({_named(first)} and {_named(other)}); "
                "give every part the same --seed and options"
            )


def _together(reports: Sequence[Report]) -> list[CaseResult]:
    owner: dict[str, Report] = {}
    for report in reports:
        for result in report.cases:
            if result.id in owner:
                raise UsageError(
                    f"case {result.id} is in two reports: {_named(owner[result.id])} and {_named(report)}"
                )
            owner[result.id] = report
    return [result for report in reports for result in report.cases]


def _missing(reports: Sequence[Report]) -> list[str]:
    """One sentence for each part that should be there."""
    parts = [text for report in reports for text in report.selection.get(SHARD, ())]
    counts = {part.partition("/")[2] for part in parts}
    if len(counts) > 1:
        raise UsageError(
            f"these reports are not parts of one run: they were split into {' and '.join(sorted(counts))}"
        )
    there = {part.partition("/")[0] for part in parts}
    count = int(counts.pop()) if counts else 0
    return [f"part {n}/{count} is missing" for n in range(1, count + 1) if str(n) not in there]


def _status(
    reports: Sequence[Report], cases: Sequence[CaseResult], errors: Sequence[str], strict: bool
) -> ExitStatus:
    if any(report.interrupted for report in reports):
        return ExitStatus.interrupted
    results = [(case.verdict, case.level) for case in cases]
    status = exit_status(results, strict=strict)
    return ExitStatus.harness if errors and status is ExitStatus.ok else status


def _named(report: Report) -> str:
    part = " ".join(report.selection.get(SHARD, ()))
    return f"run {report.run}" + (f", part {part}" if part else "")
