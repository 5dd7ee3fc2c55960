"""The end of a run on the screen: failures explained, failing suites by requirement, one line that says it all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import LABELS, STYLES, Grid, count_cell, put
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.explain import HEADLINES, explanation
from ipc_gauntlet.report.model import Report, RequirementSummary
from ipc_gauntlet.report.text import one_line, visible
from ipc_gauntlet.verdict import NOT_VERIFIABLE, ExitStatus, Verdict

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 12
_TRACE = 24
_ALSO = 6


def print_outcome(console: Console, report: Report, *, verbose: bool = False) -> None:
    """Print everything about a run that is over.

    Args:
        console: Where.
        report: The run's report.
        verbose: Whether every failure is explained, instead of one for each kind.
    """
    put(console, "")
    groups = _groups(report.cases, verbose)
    shown = groups if verbose else groups[:_SHOWN]
    for group in shown:
        _explain(console, group)
    if len(groups) > len(shown):
        put(
            console,
            "",
            (f"  … and {len(groups) - len(shown)} more kinds of failures (-v shows all)\n", "dim"),
        )
    _print_requirements(console, report)
    for warning in report.warnings:
        put(console, ("warning: ", "yellow"), one_line(warning))
    _print_unverified(console, report)
    if report.error:
        put(console, ("error: ", "bold red"), visible(report.error))
    if report.interrupted:
        put(console, (f"interrupted; {len(report.not_run)} cases were not run", "bold yellow"))
    _print_numbers(console, report)


def _print_unverified(console: Console, report: Report) -> None:
    """What this machine could not show, by requirement and reason: a pass says nothing about it."""
    found: dict[tuple[str, str], int] = {}
    for result in report.cases:
        if result.reason == NOT_VERIFIABLE:
            key = (result.requirement, result.message)
            found[key] = found.get(key, 0) + 1
    for (requirement, why), count in sorted(found.items()):
        put(
            console,
            ("not verifiable here: ", "yellow"),
            f"{requirement} ({count} cases): {one_line(why, 200)}",
        )


def _groups(results: Iterable[CaseResult], verbose: bool) -> list[list[CaseResult]]:
    """Results that need explaining; those of one function with one reason tell the same story."""
    groups: dict[tuple[str, ...], list[CaseResult]] = {}
    for result in results:
        if result.verdict in (Verdict.pass_, Verdict.not_applicable):
            continue
        function = result.id.rpartition("/")[0]
        key = (result.id,) if verbose else (function, result.verdict, result.reason)
        groups.setdefault(key, []).append(result)
    weight = {Verdict.fail: 0, Verdict.error: 1, Verdict.inconclusive: 2}
    return sorted(groups.values(), key=lambda group: (group[0].level != "MUST", weight[group[0].verdict]))


def _explain(console: Console, group: Sequence[CaseResult]) -> None:
    first, *others = group
    lines = explanation(first, trace_lines=_TRACE)
    put(console, (lines[0], STYLES[first.verdict]))
    for line in lines[1:]:
        name, colon, rest = line.partition(":")
        if colon and line.startswith("  ") and not line.startswith("   "):
            put(console, (name + colon, "bold"), rest)
        else:
            put(console, (line, "dim"))
    if others:
        variants = [result.id.rpartition("/")[2] for result in others[:_ALSO]]
        more = f" and {len(others) - _ALSO} more" if len(others) > _ALSO else ""
        put(console, ("  likewise:", "bold"), f" {', '.join(variants)}{more}")
    put(console, "")


def _print_requirements(console: Console, report: Report) -> None:
    """For each suite in which not all is well: its requirements and how their cases ended."""
    bad = {
        item.suite
        for item in report.requirements
        if item.verdict not in (Verdict.pass_, Verdict.not_applicable)
    }
    for suite in report.suites:
        if suite.name not in bad:
            continue
        rows = [item for item in report.requirements if item.suite == suite.name]
        put(console, (suite.name, "bold"))
        _requirement_grid(rows, report).print(console)
        put(console, "")


def _requirement_grid(rows: Sequence[RequirementSummary], report: Report) -> Grid:
    statements = {result.requirement: result.required.statement for result in report.cases if result.required}
    shown = [verdict for verdict in Verdict if any(getattr(row.summary, verdict.name) for row in rows)]
    grid = Grid(right=range(2, 2 + len(shown)))
    grid.add("", "", *((LABELS[verdict], "dim") for verdict in shown), "")
    for row in rows:
        counts = [count_cell(getattr(row.summary, verdict.name), verdict) for verdict in shown]
        grid.add(
            (row.id, STYLES[row.verdict]), (row.level, "dim"), *counts, (statements.get(row.id, ""), "dim")
        )
    return grid


def _print_numbers(console: Console, report: Report) -> None:
    total = report.summary.total
    parts: list[str | tuple[str, str]] = [(verdict_word(report), _word_style(report)), f"  {total} cases"]
    for verdict in Verdict:
        count = getattr(report.summary, verdict.name)
        if count:
            parts += [", ", (f"{count} {LABELS[verdict]}", STYLES[verdict])]
    put(console, *parts)
    ran = total - report.summary.not_applicable
    rate = f", {ran / report.cpu_s:.0f} cases per CPU second" if ran and report.cpu_s >= 0.01 else ""
    put(console, f"  {report.duration_s:.1f} s, {report.cpu_s:.1f} s of CPU{rate}; seed {report.seed}")


def verdict_word(report: Report) -> str:
    """One word for a whole run."""
    if report.interrupted:
        return "INTERRUPTED"
    if report.exit_status == ExitStatus.ok:
        return "PASS" if report.summary.pass_ else "NOTHING TESTED"
    if report.exit_status == ExitStatus.harness:
        return "ERROR"
    failed = report.summary.fail
    return HEADLINES[Verdict.fail] if failed else HEADLINES[Verdict.inconclusive]


def _word_style(report: Report) -> str:
    return {"PASS": "bold green", "FAIL": "bold red", "ERROR": "bold magenta"}.get(
        verdict_word(report), "bold yellow"
    )
