"""A summary in Markdown, for the page of a CI job.

What drivers and peers said is text: nothing of it is a mark, a link, a mention or the end of a cell.
"""

from __future__ import annotations

from ipc_gauntlet.report.model import Report, RequirementSummary
from ipc_gauntlet.verdict import ExitStatus, Verdict

_LONGEST = 160
_ESCAPED = {c: f"&#{ord(c)};" for c in "&<>|`*_[]@\\~#"}
_WORDS = {
    ExitStatus.ok: "passes",
    ExitStatus.failed: "**fails**",
    ExitStatus.harness: "**could not be tested**",
}
_MOST = 40


def cell(text: str) -> str:
    """Text for a cell of a table, without meaning to Markdown or HTML."""
    plain = " ".join(text.split())
    plain = plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
    return "".join(_ESCAPED.get(c, c) if c.isprintable() else "\ufffd" for c in plain)


def markdown(report: Report) -> bytes:
    """Render a report: what the run came to, counts by suite, and each requirement with something to look at."""
    facts = report.implementation
    word = (
        "**interrupted**" if report.interrupted else _WORDS.get(ExitStatus(report.exit_status), "**failed**")
    )
    lines = [
        f"## {cell(facts.name)} {cell(facts.version)} {word}",
        "",
        f"{report.summary.total} cases on {cell(report.tool.platform)}, seed {report.seed}, {report.duration_s:.0f} s.",
        "",
    ]
    if report.error:
        lines += [f"**{cell(report.error)}**", ""]
    shown = [verdict for verdict in Verdict if getattr(report.summary, verdict.name)]
    lines += [
        f"| suite | {' | '.join(verdict.value.replace('_', ' ') for verdict in shown)} |",
        f"|---|{'--:|' * len(shown)}",
    ]
    for suite in report.suites:
        counts = " | ".join(str(getattr(suite.summary, verdict.name) or "") for verdict in shown)
        lines.append(f"| {cell(suite.name)} | {counts} |")
    lines += ["", *_requirements(report)]
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _requirements(report: Report) -> list[str]:
    fine = (Verdict.pass_, Verdict.not_applicable)
    bad = [item for item in report.requirements if item.verdict not in fine]
    if not bad:
        return []
    statements = {result.requirement: result.required.statement for result in report.cases if result.required}
    lines = ["| requirement | level | verdict | cases | what it asks |", "|---|---|---|--:|---|"]
    lines += [_row(item, statements.get(item.id, "")) for item in bad[:_MOST]]
    if len(bad) > _MOST:
        lines.append(f"| and {len(bad) - _MOST} more | | | | |")
    return lines


def _row(item: RequirementSummary, statement: str) -> str:
    count = getattr(item.summary, item.verdict.name)
    return f"| {cell(item.id)} | {item.level} | {item.verdict.value} | {count} of {item.summary.total} | {cell(statement)} |"
