"""`ipc-gauntlet fuzz work`."""

from __future__ import annotations

from pathlib import Path

import click

from ipc_gauntlet.cli.options import no_color_option


@click.command("work", short_help="Fuzz one part of a campaign.")
@click.argument("part", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the result.",
)
@no_color_option
@click.pass_context
def command(ctx: click.Context, part: Path, out: Path) -> None:
    """Fuzz the part of a campaign that `fuzz plan` wrote, next to the corpus that it wrote.

    Killed or stopped, it goes on when it is run again with the same folder. Exit status: 0 it did its work, whatever it
    found, which `fuzz collect` tells; 2 wrong use; 3 it could not do its work; 130 stopped by Ctrl-C.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.interrupt import stopping
    from ipc_gauntlet.cli.fuzz.run_view import RunView
    from ipc_gauntlet.fuzz.scale.parts import read
    from ipc_gauntlet.fuzz.scale.worked import work

    view = RunView(make_console(ctx))
    try:
        worked = work(read(part), part.parent, out, view, stopping)
    except KeyboardInterrupt:  # before it began, or for the third time
        ctx.exit(130)
    finally:
        view.stop()
    if worked.message:
        click.echo(worked.message, err=True)
    click.echo(f"part {worked.part.number}/{worked.part.count}: {out}")
    ctx.exit(0 if worked.exit_status == 1 else worked.exit_status)
