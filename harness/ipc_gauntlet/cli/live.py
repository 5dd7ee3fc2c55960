"""What a person sees while a run goes on: a line for each suite.

On a terminal all lines are there from the beginning and change in place; elsewhere a line appears when its suite is
complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import LABELS, Grid, count_cell, put
from ipc_gauntlet.events import AnyEvent, CaseFinished, CaseStarted, RunFinished, RunStarted
from ipc_gauntlet.report.text import one_line
from ipc_gauntlet.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_BAR = 20


class Tally:
    """Counts of one suite."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts = dict.fromkeys(Verdict, 0)

    def add(self, verdict: Verdict) -> None:
        """Count a result; one that was not planned (an untestable requirement) makes the total larger."""
        self.counts[verdict] += 1
        self.total = max(self.total, self.done)

    @property
    def done(self) -> int:
        """Cases with a verdict."""
        return sum(self.counts.values())

    @property
    def complete(self) -> bool:
        """Whether all cases have a verdict."""
        return self.done >= self.total


def header(console: Console, event: RunStarted) -> None:
    """Say what is tested."""
    facts = event.implementation
    name = f"{facts.name} {facts.version}".strip()
    profile = facts.profile if facts.profile == facts.claimed else f"{facts.profile} (claims {facts.claimed})"
    put(console, ("ipc-gauntlet ", "bold"), event.version, "  testing ", (one_line(name), "bold"))
    if facts.profile:
        put(
            console,
            f"  profile {profile}; transports {', '.join(facts.transports)}; "
            f"credentials {', '.join(facts.credentials) or 'none'}",
        )
    if event.suites:
        workers = f"{event.workers} workers" if event.workers else "one process"
        scope = f"requirement set {event.requirements_set}, " if event.requirements_set else ""
        total = sum(event.suites.values())
        put(console, f"  {scope}{total} cases in {workers}, ", (f"seed {event.seed}", "bold"))
    put(console, "")


class LiveView:
    """Consumes events on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tallies: dict[str, Tally] = {}
        self._running: dict[str, None] = {}
        self._live: Live | None = None

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        match event:
            case RunStarted():
                header(self._console, event)
                self._tallies = {name: Tally(total) for name, total in event.suites.items()}
                self._begin()
            case CaseStarted():
                self._running[event.case] = None
            case CaseFinished():
                self._running.pop(event.result.id, None)
                self._tallies.setdefault(event.result.suite, Tally(0)).add(event.result.verdict)
            case RunFinished():
                self.stop()

    def stop(self) -> None:
        """Leave the lines as they are and give the terminal back."""
        if self._live is not None:
            self._running.clear()
            self._live.stop()
            self._live = None

    def _begin(self) -> None:
        from rich.live import Live

        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _render(self) -> RenderableType:
        from rich.text import Text

        width = self._console.width
        lines = suite_grid(self._tallies, bars=True).lines(width)
        # The thread that refreshes the screen reads while the run goes on: take a copy first.
        running = list(self._running)[:3]
        lines += [Text(f"  → {name}"[:width], style="dim") for name in running]
        return Text("\n").join(lines)


class Lines:
    """Consumes events in a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tallies: dict[str, Tally] = {}

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        match event:
            case RunStarted():
                header(self._console, event)
                self._tallies = {name: Tally(total) for name, total in event.suites.items()}
            case CaseFinished() if event.result.suite in self._tallies:
                tally = self._tallies[event.result.suite]
                complete = tally.complete
                tally.add(event.result.verdict)
                if tally.complete and not complete:
                    self._line(event.result.suite, tally)
            case RunFinished():
                for name, tally in self._tallies.items():
                    if not tally.complete:
                        self._line(name, tally)

    def stop(self) -> None:
        """Nothing to give back."""

    def _line(self, name: str, tally: Tally) -> None:
        counts = [f"{count} {LABELS[verdict]}" for verdict, count in tally.counts.items() if count]
        missing = [] if tally.complete else [f"{tally.total - tally.done} not run"]
        put(self._console, f"  {name:<16} {', '.join([*counts, *missing])}")


def suite_grid(tallies: Mapping[str, Tally], *, bars: bool) -> Grid:
    """The table of suites with a column for each verdict that occurs."""
    shown = [verdict for verdict in Verdict if any(tally.counts[verdict] for tally in tallies.values())]
    grid = Grid(right=range(2 if bars else 1, 3 + len(shown)))
    grid.add("", *([""] if bars else []), *((LABELS[verdict], "dim") for verdict in shown), ("of", "dim"))
    for name, tally in list(tallies.items()):
        cells = [count_cell(tally.counts[verdict], verdict) for verdict in shown]
        grid.add(name, *([_bar(tally)] if bars else []), *cells, (str(tally.total), "dim"))
    return grid


def _bar(tally: Tally) -> tuple[str, str]:
    filled = _BAR * tally.done // tally.total if tally.total else _BAR
    bad = tally.counts[Verdict.fail] or tally.counts[Verdict.error]
    style = "red" if bad else "yellow" if tally.counts[Verdict.inconclusive] else "green"
    return "━" * filled + "─" * (_BAR - filled), style
