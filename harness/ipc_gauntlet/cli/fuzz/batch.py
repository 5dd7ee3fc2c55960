"""`ipc-gauntlet fuzz batch`."""

from __future__ import annotations

from typing import Any

import click

from ipc_gauntlet.cli.fuzz.options import store_from, store_option
from ipc_gauntlet.cli.fuzz.plan import part_options, wishes_from
from ipc_gauntlet.cli.fuzz.report import asked_for, report_options, write
from ipc_gauntlet.cli.options import no_color_option


@click.command("batch", short_help="Fuzz for a while in one CI job, and report.")
@part_options
@report_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Fuzz all targets in one job, and write reports; the corpus in the store is what the next job begins with.

    Unlike `run` it begins a new campaign each time, with a random seed that it prints. Exit status: 0 nothing found;
    1 findings; 2 wrong use; 3 it could not do its work, or a target is blind or had too little time; 130 stopped.
    """
    import datetime

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.interrupt import stopping
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.cli.fuzz.run_view import RunView
    from ipc_gauntlet.cli.fuzz.summary import print_summary
    from ipc_gauntlet.fuzz.campaign.run import Order, run
    from ipc_gauntlet.fuzz.report.gather import gather

    console = make_console(ctx)
    options = options_for(values["store_path"])
    store, paths, wishes = store_from(values), asked_for(values), wishes_from(values)
    view = RunView(console)
    try:
        status = run(Order(store=store, wishes=wishes, fresh=True), view, stopping)
    except KeyboardInterrupt:
        ctx.exit(130)
    finally:
        view.stop()
    if paths:
        write(gather(store.campaigns / status.name, datetime.datetime.now(datetime.UTC)), paths)
    print_summary(console, status, options)
    click.echo(f"  seed {wishes.seed}")
    ctx.exit(status.exit_status)
