"""What a campaign came to: the table, the findings and how to see each again, and what was blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import put
from ipc_gauntlet.cli.fuzz.figures import clock, count, plural, target_grid
from ipc_gauntlet.fuzz.campaign.guards import NO_CANARY
from ipc_gauntlet.fuzz.campaign.records import CLOSED
from ipc_gauntlet.report.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.campaign.status import Status

_MOST = 30
_PAIRS = 10
_WIDE = 110
_LONGEST = 140


def print_summary(console: Console, status: Status, options: str = "") -> None:
    """Print what is known at the end of a campaign, or now.

    Args:
        console: Where.
        status: Of the campaign.
        options: What commands need to find it: ` --store DIR`, or nothing.
    """
    put(console, "")
    wide = not console.is_terminal or console.width >= _WIDE
    target_grid(status, status.targets, wide=wide).print(console)
    put(console, "")
    _print_findings(console, status, options)
    _print_blind(console, status)
    _print_warnings(console, status)
    _print_notes(console, status)
    _print_last(console, status, options)


def _print_findings(console: Console, status: Status, options: str) -> None:
    open_ones = [one for one in status.findings if one.status not in CLOSED]
    for finding in open_ones[:_MOST]:
        put(console, ("FOUND  ", "bold red"), (finding.signature, "bold"), f"  {finding.target}")
        again = f", reproduced {finding.reproduced}" if finding.reproduced else ""
        put(console, f"    {one_line(finding.message, 200)}")
        facts = f"{finding.kind}, {plural(finding.size, 'byte')}, seen {_times(finding.count)}"
        put(console, (f"    {facts}, first after {clock(finding.first_at)}{again}", "dim"))
        put(console, f"    ipc-gauntlet fuzz show {finding.signature}{options}")
        put(console, f"    ipc-gauntlet fuzz replay {finding.signature}{options}")
    if len(open_ones) > _MOST:
        put(
            console,
            f"and {len(open_ones) - _MOST} more: ipc-gauntlet fuzz status {status.name} --json{options}",
        )
    if open_ones:
        put(console, "")
    once: dict[str, list[str]] = {}
    for one in status.findings:
        if one.status == "unreproduced":
            once.setdefault(one.message, []).append(one.target)
    _print_about(console, ("took too long once, and not again", "yellow"), once)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{count(number)} times"


def _print_blind(console: Console, status: Status) -> None:
    about: dict[str, list[str]] = {}
    for target in status.blind:
        about.setdefault(target.blind, []).append(target.target)
    _print_about(console, ("BLIND", "bold red"), about)
    about = {}
    for target in status.uncounted:
        about.setdefault(target.uncounted, []).append(target.target)
    _print_about(console, ("does not count", "bold yellow"), about)


def _print_warnings(console: Console, status: Status) -> None:
    about: dict[str, list[str]] = {}
    for target in status.targets:
        for warning in target.warnings:
            about.setdefault(warning, []).append(target.target)
    _print_about(console, ("look at", "yellow"), about)


def _print_notes(console: Console, status: Status) -> None:
    """What engines said beside numbers, and how two implementations judged."""
    about: dict[str, list[str]] = {}
    for target in status.targets:
        for note in target.notes:
            about.setdefault(note, []).append(target.target)
    _print_about(console, ("note", "dim"), about)
    for target in status.targets:
        if not target.pairs:
            continue
        put(console, ("  verdicts  ", "dim"), (target.target, "bold"), "  reference / implementation")
        pairs = sorted(target.pairs.items(), key=lambda one: (-one[1], one[0]))
        for pair, number in pairs[:_PAIRS]:
            put(console, f"    {count(number):>8}  {one_line(pair, _LONGEST)}")
        if len(pairs) > _PAIRS:
            put(console, (f"    {len(pairs) - _PAIRS} more in the report", "dim"))
        put(console, "")


def _print_about(console: Console, word: tuple[str, str], about: dict[str, list[str]]) -> None:
    """One line for each thing that there is to say, however many targets it is about."""
    text, style = word
    for what, names in about.items():
        who = names[0] if len(names) == 1 else f"{len(names)} targets"
        put(console, (f"  {text}  ", style), (who, "bold"), f"  {one_line(what, _LONGEST)}")
        if len(names) > 1:
            put(console, (f"  {' ' * len(text)}  {one_line(', '.join(names), _LONGEST)}", "dim"))
    if about:
        put(console, "")


def _print_last(console: Console, status: Status, options: str) -> None:
    executions = sum(target.executions for target in status.targets)
    open_ones = sum(one.status not in CLOSED for one in status.findings)
    put(
        console,
        _word(status),
        f"  {count(executions)} executions on {plural(len(status.targets), 'target')} in {clock(status.elapsed)}; "
        f"{plural(open_ones, 'open finding')}, {len(status.blind)} blind{_unsure(status)}",
    )
    if status.message:
        put(console, (f"  {one_line(status.message)}", "yellow"))
    if status.phase in ("stopped", "killed"):
        put(console, f"  go on with: ipc-gauntlet fuzz run --name {status.name}{options}")
    put(console, (f"  report: ipc-gauntlet fuzz report {status.name} --html report.html{options}", "dim"))


def _unsure(status: Status) -> str:
    """How many targets were fuzzed without anybody knowing whether a bug would have been found."""
    early = f", {len(status.uncounted)} without time enough to count" if status.uncounted else ""
    without = sum(
        not target.blind and any(warning.startswith(NO_CANARY) for warning in target.warnings)
        for target in status.targets
    )
    return early + (f", {without} without a canary" if without else "")


def _word(status: Status) -> tuple[str, str]:
    if status.phase == "running":
        return "RUNNING", "bold"
    if status.phase == "stopped":
        return "STOPPED", "yellow"
    if status.phase in ("failed", "killed"):
        return status.phase.upper(), "bold magenta"
    if status.exit_status == 1:
        return "FINDINGS", "bold red"
    if status.blind:
        return "BLIND", "bold red"
    return ("NOT COUNTED", "bold yellow") if status.exit_status == 3 else ("NOTHING FOUND", "bold green")
