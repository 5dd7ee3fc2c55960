"""`ipc-gauntlet fuzz run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import choose_targets_options, quoted, store_from, store_option
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.campaign.orders import Wishes

INTERRUPTED = 130

_TRIAGE_SECONDS = 60.0


@click.command("run", short_help="Fuzz targets: a new campaign, or one that goes on.")
@choose_targets_options
@click.option(
    "--time", metavar="TIME", help="Budget for all targets: 60s, 90m, 8h, 2d, forever (default: 5m)."
)
@click.option(
    "-n", "--jobs", type=click.IntRange(1, 256), metavar="N", help="Slices at once (default: one per core)."
)
@click.option(
    "--engine",
    "engines",
    multiple=True,
    metavar="NAME",
    help="portable, atheris, hypothesis, driver, or MODULE:ATTRIBUTE (repeatable: they take turns; default: portable).",
)
@click.option("--name", metavar="NAME", help="Of the campaign; one that exists goes on (default: default).")
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.toml",
    help="Read all of this from a file; options given here count more.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="Of every random choice (default: 1)."
)
@click.option(
    "--slice", "slice_time", metavar="TIME", help="Longest time for one target at a stretch (default: 30s)."
)
@click.option(
    "--hang",
    type=click.FloatRange(0.05, 600),
    metavar="S",
    help="One execution may take so long (default: 0.5).",
)
@click.option(
    "--memory",
    type=click.IntRange(0),
    metavar="MB",
    help="A slice may use so much, 0 for no limit (default: 512).",
)
@click.option("--driver", metavar="CMD", help="An implementation under test, for the engine driver.")
@click.option(
    "--dictionary",
    "dictionaries",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Tokens for all targets, in the format of AFL and libFuzzer (repeatable).",
)
@click.option("--no-canary", is_flag=True, help="Do not look first whether planted defects are found.")
@click.option("--stop-at-first", is_flag=True, help="End with the first finding.")
@click.option("--no-triage", is_flag=True, help="Leave findings as they were found (see fuzz triage).")
@click.option("--fresh", is_flag=True, help="Forget what this campaign did before; the corpus stays.")
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Look for inputs with which message parsers do what they must not.

    All targets share the time; who finds something new gets more of it. A campaign that was stopped or killed goes on
    when it is run again under its name: what is left of its budget is used up, and after that another one is added.

    Exit status: 0 nothing found; 1 findings; 2 wrong use; 3 it could not do its work, or a target is blind
    or had too little time; 130 stopped by Ctrl-C, which a second one does at once.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.interrupt import stopping
    from ipc_gauntlet.cli.fuzz.run_view import RunView
    from ipc_gauntlet.cli.fuzz.summary import print_summary
    from ipc_gauntlet.fuzz.campaign.run import Order, run

    store_path = values["store_path"]
    store = store_from(values)
    console = make_console(ctx)
    view = RunView(console)
    try:
        order = Order(
            store=store,
            wishes=_wishes(values),
            fresh=values["fresh"],
            triage_seconds=0.0 if values["no_triage"] else _TRIAGE_SECONDS,
        )
        status = run(order, view, stopping)
    except KeyboardInterrupt:  # before it began, or for the third time
        ctx.exit(INTERRUPTED)
    finally:
        view.stop()
    print_summary(console, status, options_for(store_path))
    ctx.exit(status.exit_status)


def options_for(store_path: Path | None) -> str:
    """What a command needs to find the same store: nothing, or ` --store DIR`."""
    if store_path is None:
        return ""
    return f" --store {quoted(str(store_path))}"


def _wishes(values: dict[str, Any]) -> Wishes:
    from ipc_gauntlet.fuzz.campaign.dictionary import read_dictionaries
    from ipc_gauntlet.fuzz.campaign.orders import Wishes, duration, over, read_file

    said = Wishes(
        name=values["name"],
        seconds=None if values["time"] is None else duration(values["time"]),
        jobs=values["jobs"],
        seed=values["seed"],
        engines=values["engines"],
        patterns=values["patterns"],
        modules=values["modules"],
        slice_seconds=None if values["slice_time"] is None else duration(values["slice_time"]),
        hang_seconds=values["hang"],
        memory_mb=values["memory"],
        driver=values["driver"],
        dictionary=read_dictionaries(values["dictionaries"]),
        canary=False if values["no_canary"] else None,
        stop_at_first=True if values["stop_at_first"] else None,
    )
    return said if values["plan_path"] is None else over(said, read_file(values["plan_path"]))
