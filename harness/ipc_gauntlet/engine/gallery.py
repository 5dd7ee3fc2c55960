"""Several implementations side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ipc_gauntlet.engine.implementations import DEFAULT, bundled, modules
from ipc_gauntlet.report.files import write_atomically
from ipc_gauntlet.report.model import Report, Summary
from ipc_gauntlet.verdict import ExitStatus, Verdict


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One implementation's run.

    Args:
        name: Its bundled name.
        folder: Where its reports are.
        report: Its report.
    """

    name: str
    folder: str
    report: Report


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A MUST that an implementation does not meet, and how many cases say so."""

    implementation: str
    requirement: str
    statement: str
    cases: int


def exhibits(names: Sequence[str]) -> list[str]:
    """What to run: the given names, or the reference and then all others.

    Raises:
        UsageError: A name is unknown.
    """
    if names:
        for name in names:
            bundled(name)
        return list(dict.fromkeys(names))
    return sorted(modules(), key=lambda name: (name != DEFAULT, name))


def not_installed(report: Report) -> bool:
    """Whether an implementation could not be run only because the library it drives is not installed."""
    return "ModuleNotFoundError" in report.error


def findings(exhibit: Exhibit) -> list[Finding]:
    """The failed MUST requirements of an implementation, in reading order."""
    statements = {
        result.requirement: result.required.statement for result in exhibit.report.cases if result.required
    }
    return [
        Finding(
            implementation=exhibit.name,
            requirement=item.id,
            statement=statements.get(item.id, ""),
            cases=item.summary.fail,
        )
        for item in exhibit.report.requirements
        if item.level == "MUST" and item.verdict is Verdict.fail
    ]


def cell(report: Report, suite: str) -> str:
    """A suite in the table: `passed/failed`, with `?` for inconclusive and `!` for error; `-` if nothing applied."""
    summary = next((item.summary for item in report.suites if item.name == suite), Summary())
    if summary.total == summary.not_applicable:
        return "-"
    marks = ("?" if summary.inconclusive else "") + ("!" if summary.error else "")
    return f"{summary.pass_}/{summary.fail}{marks}"


def gallery_status(shown: Sequence[Exhibit]) -> ExitStatus:
    """Good when the reference is flawless and every implementation could be run; findings in others are the point."""
    for exhibit in shown:
        report, summary = exhibit.report, exhibit.report.summary
        if report.interrupted:
            return ExitStatus(report.exit_status)
        if not_installed(report):
            continue
        if report.error or summary.error:
            return ExitStatus.failed
        if exhibit.name == DEFAULT and (summary.fail or summary.inconclusive or not summary.pass_):
            return ExitStatus.failed
    return ExitStatus.ok


def write_gallery(path: Path, shown: Sequence[Exhibit]) -> None:
    """Write the comparison as JSON: counts for each implementation and suite, and all findings."""
    facts = {
        "implementations": {
            exhibit.name: {
                "error": exhibit.report.error,
                "suites": {suite.name: suite.summary for suite in exhibit.report.suites},
            }
            for exhibit in shown
        },
        "findings": [finding for exhibit in shown for finding in findings(exhibit)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n")
