"""`ipc-gauntlet fuzz oracles`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import (
    choose_targets_options,
    execution_from,
    execution_options,
    store_from,
    store_option,
)
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.oracles.examine import Examined


@click.command("oracles", short_help="Look for inputs that cost too much, are kept, or are answered wrongly.")
@choose_targets_options
@click.option(
    "--time", "budget", default="5m", show_default=True, metavar="TIME", help="For all targets: 60s, 10m."
)
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="Of random choices.")
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write each finding there, for `fuzz show` and `fuzz replay`.",
)
@execution_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Examine targets for what one execution does not show; campaigns do it at their end.

    Time or memory that grows faster than the input (repeated, filled and nested pieces of the corpus at sizes that
    double; lines and allocations are counted, CPU time confirms); memory that is kept after thousands of rejections;
    another class of error than the vectors and regression cases of installed corpora name.

    Exit status: 0 nothing found; 1 findings; 2 wrong use; 3 inputs could not be executed.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.campaign.orders import duration
    from ipc_gauntlet.fuzz.oracles.examine import examine
    from ipc_gauntlet.fuzz.registry import find

    store = store_from(values)
    patterns = values.pop("patterns")
    find(patterns, values["modules"])  # a pattern that matches nothing is told
    targets = execution_from(values)
    seconds = duration(values["budget"])
    if not seconds:
        raise UsageError("the oracles need an end: --time 60s")
    names = [name for name in targets.names() if not patterns or any(fnmatchcase(name, p) for p in patterns)]
    console = make_console(ctx)
    count = 0
    for name in names:
        one = examine(name, targets, store, seconds / len(names), values["seed"])
        _print(console, one, values["save"])
        count += len(one.findings)
    word = ("NOTHING FOUND", "bold green") if not count else ("FINDINGS", "bold red")
    put(console, word, f"  {count} on {len(names)} targets")
    ctx.exit(1 if count else 0)


def _print(console: Console, one: Examined, save: Path | None) -> None:
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.fuzz.triage.case import make_case, write_case
    from ipc_gauntlet.report.text import one_line

    facts = f"{one.families} families of inputs, {one.answers} known answers"
    put(console, (one.target, "bold"), (f"  {facts}", "dim"))
    for finding in one.findings:
        put(
            console,
            ("FOUND  ", "bold red"),
            (finding.signature, "bold"),
            f"  {one_line(finding.message, 240)}",
        )
        if save is not None:
            path = write_case(make_case(finding), save)
            put(console, f"    ipc-gauntlet fuzz show {path}")
