"""What a person sees of a hunt: a line for each mutant that was not killed, a table of suites, and what is missing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import Grid, put
from ipc_gauntlet.engine.kills.hunt import Watcher
from ipc_gauntlet.report.kills import Fate, KillReport, MutantResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_WIDTH = 100

STYLES = {
    Fate.killed: "green",
    Fate.not_run: "dim",
    Fate.crashed: "bold magenta",
    Fate.timed_out: "bold magenta",
}


class View(Watcher):
    """Shows a hunt while it goes on.

    Args:
        console: Where.
        verbose: Whether killed mutants get a line too.
    """

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._bar: Progress | None = None

    def began(self, mutants: int, collection: str) -> None:
        """Say what is hunted; on a terminal a bar follows."""
        put(self._console, ("ipc-gauntlet kills ", "bold"), f"{mutants} mutants of {collection}")
        if self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"), console=self._console
            )
            self._bar.add_task("", total=mutants)
            self._bar.start()

    def caught(self, result: MutantResult) -> None:
        """A mutant has faced its cases."""
        if not result.killed or self._verbose:
            put(self._console, *_line(result))
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, description=result.id)

    def phase(self, text: str) -> None:
        """Something else begins."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=text)
        else:
            put(self._console, (f"  {text}", "dim"))

    def stop(self) -> None:
        """Give the terminal back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _line(result: MutantResult) -> list[str | tuple[str, str]]:
    style = STYLES.get(result.fate, "bold red")
    by = f"  [{result.killed_by[0].rpartition('/')[0]}]" if result.killed_by else ""
    return [f"  {result.id:<12} ", (f"{result.fate.value:<16} ", style), f"{result.reason}{by}"]


def print_report(console: Console, report: KillReport, troubles: Sequence[str]) -> None:
    """Print what a hunt came to."""
    put(console, "")
    _print_suites(console, report.mutants)
    _print_alive(console, report.mutants)
    for title, names in (
        ("case functions that kill nothing", report.dead_cases),
        ("requirements without a mutant", report.requirements_without_mutant),
        ("defects of the catalogue without a mutant", report.defects_without_mutant),
    ):
        if names:
            put(console, (f"{len(names)} {title}", "bold yellow"))
            _print_names(console, names)
    for one in report.unflawed_failing:
        put(
            console,
            ("unflawed  ", "bold red"),
            f"{one.case}: {one.verdict} {one.reason} at stage {one.stage or '-'}",
        )
    for trouble in troubles:
        put(console, ("trouble  ", "bold magenta"), trouble)
    killed = sum(result.killed for result in report.mutants)
    word = ("INTERRUPTED", "yellow") if report.interrupted else _word(report)
    excused = f", {len(report.not_expressible)} defects not expressible" if report.not_expressible else ""
    put(
        console,
        word,
        f"  {killed} of {len(report.mutants)} mutants killed{excused}; "
        f"{report.duration_s:.1f} s, seed {report.seed}",
    )


def _word(report: KillReport) -> tuple[str, str]:
    return ("ALL KILLED", "bold green") if report.exit_status == 0 else ("NOT ALL KILLED", "bold red")


def _print_suites(console: Console, results: Sequence[MutantResult]) -> None:
    grid = Grid(right=(1, 2))
    grid.add("", ("killed", "dim"), ("of", "dim"))
    for suite in dict.fromkeys(result.suite for result in results):
        mine = [result for result in results if result.suite == suite]
        killed = sum(result.killed for result in mine)
        grid.add(suite, (str(killed), "green" if killed == len(mine) else "red"), str(len(mine)))
    if results:
        grid.print(console)
        put(console, "")


def _print_alive(console: Console, results: Sequence[MutantResult]) -> None:
    for result in results:
        if result.killed:
            continue
        put(console, *_line(result))
        put(console, (f"    defect: {result.defect}", "dim"))
        for one in result.failing[:4]:
            put(console, (f"    {one.case}: {one.verdict} {one.reason} at stage {one.stage or '-'}", "dim"))


def _print_names(console: Console, names: Sequence[str]) -> None:
    """As many on a line as fit."""
    lines = textwrap.wrap(" ".join(names), _WIDTH, break_long_words=False, break_on_hyphens=False)
    for line in lines:
        put(console, f"  {line}")
