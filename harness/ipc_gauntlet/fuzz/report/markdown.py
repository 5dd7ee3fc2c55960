"""A summary in Markdown, for the page of a CI job and for pull requests."""

from __future__ import annotations

from ipc_gauntlet.fuzz.report.charts import clock, short
from ipc_gauntlet.fuzz.report.model import CampaignReport, FindingReport, TargetReport
from ipc_gauntlet.report.markdown import cell


def markdown(report: CampaignReport) -> bytes:
    """Render a report: findings first, then the targets, blind ones marked."""
    blind = report.blind()
    lines = [f"## Fuzzing: {cell(report.name)}", "", _headline(report), ""]
    if report.findings:
        lines += ["| kind | target | what | seen | reproduced |", "|---|---|---|---|---|"]
        lines += [_finding(finding) for finding in report.findings]
        lines.append("")
    if blind:
        lines += ["**Blind targets, whose fuzzing does not count:**", ""]
        lines += [f"- `{cell(target.state.target)}`: {cell(target.state.blind)}" for target in blind]
        lines.append("")
    if uncounted := report.uncounted():
        lines += ["**Targets that had too little time to count:**", ""]
        lines += [f"- `{cell(target.state.target)}`: {cell(target.state.uncounted)}" for target in uncounted]
        lines.append("")
    if looked_at := [target for target in report.targets if target.state.warnings]:
        lines += ["**To look at:**", ""]
        lines += [
            f"- `{cell(target.state.target)}`: {cell(text)}"
            for target in looked_at
            for text in target.state.warnings
        ]
        lines.append("")
    lines += [
        "| target | executions | edges | corpus | since last new | canary |",
        "|---|--:|--:|--:|--:|---|",
    ]
    lines += [_target(target) for target in report.targets]
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _headline(report: CampaignReport) -> str:
    executions = short(sum(target.state.executions for target in report.targets))
    found = f"**{len(report.findings)} findings**" if report.findings else "No findings"
    return (
        f"{found} in {executions} executions over {len(report.targets)} targets and {clock(report.seconds)}."
    )


def _finding(finding: FindingReport) -> str:
    state = finding.state
    return (
        f"| {cell(state.kind)} | {cell(state.target)} | {cell(state.message)} | {state.count} "
        f"| {cell(state.reproduced or 'not tried')} |"
    )


def _target(target: TargetReport) -> str:
    state = target.state
    return (
        f"| {cell(state.target)}{' (blind)' if state.blind else ''} | {short(state.executions)} "
        f"| {state.edges}/{state.edges_total} | {state.corpus} | {clock(state.last_new)} | {cell(state.canary)} |"
    )
