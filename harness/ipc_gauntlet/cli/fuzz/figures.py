"""How numbers of a campaign are written for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import Grid
from ipc_gauntlet.fuzz.campaign.records import CLOSED

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.campaign.records import TargetState
    from ipc_gauntlet.fuzz.campaign.status import Status


def count(number: float) -> str:
    """`812`, `42.1k`, `3.07M`, `1.2G`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= limit:
            value = number / (1e3 if unit == "k" else limit)
            return (
                f"{value:.2f}{unit}"
                if value < 10
                else f"{value:.1f}{unit}"
                if value < 100
                else f"{value:.0f}{unit}"
            )
    return f"{number:.0f}"


def clock(seconds: float) -> str:
    """`0:07`, `12:34`, `3:04:05`, `2d 3:04:05`."""
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    text = f"{hours}:{minutes:02}:{left:02}" if hours or days else f"{minutes}:{left:02}"
    return f"{days}d {text}" if days else text


def plural(number: int, word: str) -> str:
    """`1 finding`, `3 findings`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def findings_of(status: Status) -> dict[str, int]:
    """How many open findings each target has."""
    found: dict[str, int] = {}
    for finding in status.findings:
        if finding.status not in CLOSED:
            found[finding.target] = found.get(finding.target, 0) + 1
    return found


def target_grid(status: Status, shown: Sequence[TargetState], *, wide: bool, live: bool = False) -> Grid:
    """The table of targets.

    Args:
        status: Of the campaign.
        shown: Which targets get a line.
        wide: Whether there is room for everything.
        live: Whether it stands alone: why something is blind is not told elsewhere.
    """
    found = findings_of(status)
    busy = {one.target: one.doing for one in status.running}
    heads = ["executions", "exec/s", "edges", *(["corpus", "since new"] if wide else []), "found", "canary"]
    grid = Grid(right=range(1, len(heads)))
    grid.add("target", *((head, "dim") for head in heads), "")
    for target in shown:
        doing = busy.get(target.target, "")
        edges = f"{target.edges}/{target.edges_total}" if target.edges_total else "-"
        middle: list[str | tuple[str, str]] = [str(target.corpus), _last_new(target)] if wide else []
        grid.add(
            (target.target, "bold" if doing else ""),
            count(target.executions),
            count(status.rates.get(target.target, 0)),
            (edges, "bold red" if target.executions and not target.edges_total else ""),
            *middle,
            (str(found.get(target.target, 0) or "-"), "bold red" if target.target in found else "dim"),
            _canary(target),
            _note(target, doing, live=live),
        )
    return grid


def _last_new(target: TargetState) -> tuple[str, str]:
    if not target.executions:
        return "-", "dim"
    return clock(target.last_new), "green" if target.last_new < 10 else ""


def _canary(target: TargetState) -> tuple[str, str]:
    if target.canary == "caught":
        return "caught", "green"
    if target.canary == "missed":
        return "MISSED", "bold red"
    return ("none", "yellow") if target.canary.startswith("none") else ("-", "dim")


def _note(target: TargetState, doing: str, *, live: bool) -> tuple[str, str]:
    if target.blind:
        return f"BLIND: {target.blind}" if live else "BLIND", "bold red"
    words = {"plants": "canary", "confirm": "looks again"}
    return words.get(doing, doing if doing != "fuzz" else "fuzzing"), "dim"
