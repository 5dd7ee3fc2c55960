"""What all commands write to: colours on a terminal, plain text in a pipe, no escape sequences when not wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ipc_gauntlet.cli.options import wants_color
from ipc_gauntlet.report.text import columns, one_line
from ipc_gauntlet.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

STYLES: Mapping[Verdict, str] = {
    Verdict.pass_: "green",
    Verdict.fail: "bold red",
    Verdict.inconclusive: "yellow",
    Verdict.not_applicable: "dim",
    Verdict.error: "bold magenta",
}

LABELS: Mapping[Verdict, str] = {
    Verdict.pass_: "pass",
    Verdict.fail: "fail",
    Verdict.inconclusive: "inconclusive",
    Verdict.not_applicable: "n/a",
    Verdict.error: "error",
}

_PIPE_WIDTH = 160


def make_console(ctx: click.Context) -> Console:
    """The console of a command.

    Args:
        ctx: The command's context, for `--no-color`.

    Returns:
        A console on standard output; `console.is_terminal` says whether a person watches.
    """
    from rich.console import Console

    color = wants_color(ctx) and not os.environ.get("NO_COLOR")
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Console(
        color_system="auto" if color and terminal else None,
        force_terminal=terminal and color,
        width=None if terminal else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )


def put(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one line made of texts and `(text, style)` pairs; whatever is in them is shown, not obeyed."""
    from rich.text import Text

    console.print(Text.assemble(*parts), soft_wrap=True)


class Grid:
    """Lines in aligned columns.

    Args:
        right: Numbers of columns that are aligned to the right.
        indent: Spaces in front of each line.
    """

    def __init__(self, *, right: Iterable[int] = (), indent: int = 2) -> None:
        self._right = frozenset(right)
        self._indent = " " * indent
        self._rows: list[Sequence[tuple[str, str]]] = []

    def add(self, *cells: str | tuple[str, str]) -> None:
        """Add a line; a cell is a text or a `(text, style)` pair."""
        pairs = [(cell, "") if isinstance(cell, str) else cell for cell in cells]
        self._rows.append([(one_line(text), style) for text, style in pairs])

    def lines(self, width: int = 0) -> list[Text]:
        """The lines; the last column is cut where a width is given."""
        from rich.text import Text

        count = max((len(row) for row in self._rows), default=0)
        widths = [
            max((columns(row[place][0]) for row in self._rows if place < len(row)), default=0)
            for place in range(count)
        ]
        found = []
        for row in self._rows:
            line = Text(self._indent)
            for place, (text, style) in enumerate(row):
                gap = " " * (widths[place] - columns(text))
                last = place == len(row) - 1
                line.append(gap if place in self._right else "")
                line.append(text, style=style)
                line.append("" if last else ("" if place in self._right else gap) + "  ")
            line.rstrip()
            if width:
                line.truncate(width, overflow="ellipsis")
            found.append(line)
        return found

    def print(self, console: Console) -> None:
        """Print the lines; on a terminal each stays on one line."""
        for line in self.lines(console.width if console.is_terminal else 0):
            console.print(line, soft_wrap=True)


def count_cell(count: int, verdict: Verdict) -> tuple[str, str]:
    """A cell with a count: coloured when it is not zero, a dot when it is."""
    return (str(count), STYLES[verdict]) if count else ("·" if _can_encode("·") else ".", "dim")


def _can_encode(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
