"""A result in words: what was required, what was done, what was expected and seen, the wire around it, how to repeat it.

The same lines go to the terminal, to JUnit, to pytest and to the files of single cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.text import one_line, visible
from ipc_gauntlet.verdict import Verdict

HEADLINES: Mapping[Verdict, str] = {
    Verdict.pass_: "PASS",
    Verdict.fail: "FAIL",
    Verdict.inconclusive: "INCONCLUSIVE",
    Verdict.not_applicable: "NOT APPLICABLE",
    Verdict.error: "ERROR",
}


def headline(result: CaseResult) -> str:
    """Verdict, id and requirement in one line."""
    return f"{HEADLINES[result.verdict]}  {result.id}  [{result.requirement}, {result.level}]"


def explanation(result: CaseResult, *, trace_lines: int = 0) -> list[str]:
    """Explain a result.

    Args:
        result: The result.
        trace_lines: How many lines of the trace to show at most; 0 for all.

    Returns:
        Lines without anything that a terminal would obey.
    """
    return [visible(line) for line in _lines(result, trace_lines)]


def _lines(result: CaseResult, trace_lines: int) -> Iterator[str]:
    yield headline(result)
    if result.description:
        yield from _field("case", result.description)
    if result.required is not None:
        yield from _field("required", result.required.statement)
        yield from _field("source", result.required.source)
    yield from _field("where", _where(result))
    for line in result.done:
        yield from _field("done", line)
    for line in result.fired:
        yield from _field("fired", line)
    yield from _outcome(result)
    for line in result.notes:
        yield from _field("note", line)
    yield from _block("wire", _cut(result.trace, trace_lines))
    for label, text in sorted(result.stderr.items()):
        yield from _block(f"stderr of the {label}'s driver", tuple(text.splitlines()[-20:]))
    if result.verdict is Verdict.error:
        yield from _block("traceback", tuple(result.detail.splitlines()[-25:]))
    if result.replay:
        yield from _field("replay", result.replay)


def _outcome(result: CaseResult) -> Iterator[str]:
    if result.expected:
        yield from _field("expected", result.expected)
    if result.seen:
        yield from _field("seen", result.seen)
    elif result.message:
        yield from _field("because", result.message)
    if result.reason and result.verdict is not Verdict.pass_:
        yield from _field("reason", result.reason + (f", at stage {result.stage}" if result.stage else ""))


def _where(result: CaseResult) -> str:
    parts = [result.transport, result.credential]
    if result.role:
        parts.append("judging both roles" if result.role == "both" else f"judging the {result.role}")
    return ", ".join(part for part in parts if part)


def _field(name: str, text: str) -> Iterator[str]:
    if text:
        yield f"  {name + ':':<10}{one_line(text)}"


def _block(name: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield f"  {name}:"
        for line in lines:
            yield "    " + line.rstrip().replace("\n", "\\n")


def _cut(lines: tuple[str, ...], most: int) -> tuple[str, ...]:
    if not most or len(lines) <= most:
        return lines
    return (*lines[:most], f"… {len(lines) - most} more; see the report")
