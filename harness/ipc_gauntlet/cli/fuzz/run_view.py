"""What a person sees while a campaign runs: on a terminal a table that changes in place, in a pipe a line now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipc_gauntlet.cli.console import put
from ipc_gauntlet.cli.fuzz.figures import clock, count, plural, target_grid
from ipc_gauntlet.report.text import one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from ipc_gauntlet.fuzz.campaign.records import TargetState
    from ipc_gauntlet.fuzz.campaign.status import Status

_WIDE = 110
_AROUND = 6
_FIRST_LINES = 10.0
_LATER_LINES = 60.0
_BAR = 24


class RunView:
    """Is told what happens, and shows it.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._live: Live | None = None
        self._line_at = -1.0
        self._began = 0.0

    def status(self, now: Status) -> None:
        """A second has passed, or something has happened."""
        first, self._status = self._status is None, now
        if first:
            self._began = now.elapsed
            self._header(now)
        if now.phase != "running":
            self.stop()
        elif self._console.is_terminal:
            if self._live is None:
                self._start()
        elif now.elapsed >= self._line_at:
            pause = _FIRST_LINES if now.elapsed - self._began < _LATER_LINES else _LATER_LINES
            if self._line_at >= 0:
                put(self._console, *_line(now))
            self._line_at = now.elapsed + pause

    def said(self, text: str) -> None:
        """One line that a person should know."""
        style = "bold red" if text.startswith("found") else "yellow"
        at = f"{clock(self._status.elapsed)}  " if self._status is not None else ""
        put(self._console, (f"  {at}", "dim"), (one_line(text, 400), style))

    def stop(self) -> None:
        """Take the table away and give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _header(self, now: Status) -> None:
        again = f", goes on after {clock(now.elapsed)}" if now.elapsed > 1 else ""
        put(
            self._console,
            ("ipc-gauntlet fuzz ", "bold"),
            f" campaign {now.name}{again}: {plural(len(now.targets), 'target')}, {plural(now.jobs, 'job')}, "
            f"{' and '.join(now.engines)}; "
            f"{'until stopped' if now.seconds_left is None else clock(now.seconds_left + 0.5)}",
        )

    def _start(self) -> None:
        from rich.live import Live

        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _render(self) -> RenderableType:
        from rich.text import Text

        now = self._status
        if now is None:
            return Text("")
        width, room = self._console.width, max(self._console.height - _AROUND, 3)
        shown = most_telling(now, room)
        lines = target_grid(now, shown, wide=width >= _WIDE, live=True).lines(width)
        if left_out := len(now.targets) - len(shown):
            lines.append(Text(f"  and {plural(left_out, 'more target')}", style="dim"))
        lines.append(Text(""))
        lines.append(Text.assemble(*_line(now)))
        lines[-1].truncate(width, overflow="ellipsis")
        return Text("\n").join(lines)


def most_telling(now: Status, room: int) -> list[TargetState]:
    """The targets that get a line: all if there is room; else what runs, what is blind and what found something first."""
    if len(now.targets) <= room:
        return list(now.targets)
    busy = {one.target for one in now.running}
    found = {one.target for one in now.findings}
    ranked = sorted(
        range(len(now.targets)),
        key=lambda place: (
            now.targets[place].target not in busy,
            not now.targets[place].blind,
            now.targets[place].target not in found,
            -now.targets[place].slices,
            place,
        ),
    )
    return [now.targets[place] for place in sorted(ranked[: room - 1])]


def _line(now: Status) -> list[str | tuple[str, str]]:
    executions = sum(target.executions for target in now.targets)
    rate = sum(one.rate for one in now.running if one.doing == "fuzz")
    begun = sum(bool(target.slices or target.executions) for target in now.targets)
    blind = len(now.blind)
    parts: list[str | tuple[str, str]] = [f"  {clock(now.elapsed)}"]
    parts.append("" if now.seconds_left is None else f", {clock(now.seconds_left)} left")
    parts.append(f"   {begun}/{len(now.targets)} targets, {count(executions)} executions, {count(rate)}/s, ")
    parts.append(f"{count(sum(target.edges for target in now.targets))} edges, ")
    parts.append(f"{count(sum(target.corpus for target in now.targets))} inputs, ")
    parts.append((plural(now.findings_total, "finding"), "bold red" if now.findings_total else "green"))
    if blind:
        parts.append((f", {blind} blind", "bold red"))
    return parts
