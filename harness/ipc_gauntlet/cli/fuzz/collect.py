"""`ipc-gauntlet fuzz collect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import store_from, store_option, targets_option
from ipc_gauntlet.cli.fuzz.report import asked_for, report_options, write
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.scale.collect import Collected


@click.command("collect", short_help="Put the parts of a campaign together.")
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--name", metavar="NAME", help="Of the campaign (default: that of the parts).")
@targets_option
@click.option(
    "--driver",
    metavar="CMD",
    help="The implementation under test, to run its findings again here; never taken from results.",
)
@report_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Take over what parts of a campaign found; FOLDERS hold their results at any depth.

    Inputs are run here before they join the corpus. Modules of targets are the installed ones and those named here, or in
    the campaign that is there: none that results name is imported. Collecting a result twice changes nothing. Exit status:
    0 nothing found; 1 findings; 2 wrong use; 3 a part is missing or could not do its work, or a target is not known here, is
    blind or had too little time.
    """
    import datetime

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.report.gather import gather
    from ipc_gauntlet.fuzz.scale.collect import Ours, collect

    console = make_console(ctx)
    options = options_for(values["store_path"])
    store, paths = store_from(values), asked_for(values)
    ours = Ours(modules=values["modules"], driver=values["driver"])
    collected = collect(values["folders"], store, values["name"], click.echo, ours)
    if paths:
        write(gather(collected.folder, datetime.datetime.now(datetime.UTC)), paths)
    ctx.exit(conclude(console, collected, options))


def conclude(console: Console, collected: Collected, options: str) -> int:
    """Print what came of collecting.

    Returns:
        The exit status.
    """
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.cli.fuzz.summary import print_summary
    from ipc_gauntlet.fuzz.campaign.status import read

    status = read(collected.folder)
    print_summary(console, status, options)
    refused = f", {collected.misbehaved} misbehave and are kept as findings" if collected.misbehaved else ""
    refused += f", {collected.refused} refused" if collected.refused else ""
    put(console, f"  {len(collected.parts)} parts, {collected.added} inputs joined the corpus{refused}")
    for text in collected.missing:
        put(console, (f"  {text}", "bold red"))
    return 3 if collected.missing and status.exit_status == 0 else status.exit_status
