"""`ipc-gauntlet fuzz pr`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import choose_targets_options, store_from, store_option, targets_from
from ipc_gauntlet.cli.fuzz.report import asked_for, report_options, write
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.campaign.status import Status
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.registry import Found

_TRIAGE_SECONDS = 60.0
_CANARIES_FROM = 60.0


@click.command("pr", short_help="Fuzz the targets that a pull request changes.")
@click.option(
    "--base",
    default="origin/main",
    show_default=True,
    metavar="COMMIT",
    help="What the work is to be merged into.",
)
@choose_targets_options
@click.option(
    "--time", default="60s", show_default=True, metavar="TIME", help="Budget for all targets together."
)
@click.option(
    "-n", "--jobs", type=click.IntRange(1, 256), metavar="N", help="Slices at once (default: one per core)."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, metavar="N")
@click.option(
    "--no-canary",
    is_flag=True,
    help="Do not look first whether planted defects are found (nor in runs under a minute).",
)
@report_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Fuzz the targets whose measured code, module or other files differ from BASE, in the checkout around this folder.

    A finding that the code of BASE shows as well is told and does not count. Exit status: 0 nothing new, or no target
    changed; 1 new findings; 2 wrong use; 3 it could not do its work, or a target is blind or had too little time.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.fuzz.scale.changes import changed, top, touched

    console = make_console(ctx)
    root = top(Path.cwd())
    found = touched(targets_from(values), root, changed(root, values["base"]))
    if not found:
        click.echo(f"no fuzz target has changed since {values['base']}")
        ctx.exit(0)
    click.echo(f"changed since {values['base']}: {', '.join(one.target.name for one in found)}")
    store, paths = store_from(values), asked_for(values)
    status = _fuzz(console, store, found, values)
    if status.findings_total and status.exit_status != 130:
        status = _judge(console, store, root, values["base"])
    _report(store, paths)
    ctx.exit(_conclude(console, status))


def _fuzz(console: Console, store: Store, found: list[Found], values: dict[str, Any]) -> Status:
    from ipc_gauntlet.cli.fuzz.interrupt import stopping
    from ipc_gauntlet.cli.fuzz.run_view import RunView
    from ipc_gauntlet.fuzz.campaign.orders import duration
    from ipc_gauntlet.fuzz.campaign.run import Order, run
    from ipc_gauntlet.fuzz.scale.changes import wishes_for

    view = RunView(console)
    wishes = wishes_for(
        found, duration(values["time"]), values["jobs"], values["seed"], canary=_has_time(values)
    )
    try:
        return run(Order(store=store, wishes=wishes, fresh=True), view, stopping)
    finally:
        view.stop()


def _has_time(values: dict[str, Any]) -> bool:
    """Whether canaries fly: in a short run they would leave no time for anything else."""
    from ipc_gauntlet.fuzz.campaign.orders import duration

    return not values["no_canary"] and duration(values["time"]) >= _CANARIES_FROM


def _judge(console: Console, store: Store, root: Path, base: str) -> Status:
    """Look which findings are new, and make these small."""
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.fuzz.campaign.rest import at_rest
    from ipc_gauntlet.fuzz.campaign.state import State
    from ipc_gauntlet.fuzz.campaign.status import write as write_status
    from ipc_gauntlet.fuzz.scale.changes import base_tree, known_before, set_aside
    from ipc_gauntlet.fuzz.triage.campaign import triage_all

    folder = store.campaigns / "pr"
    with State.open(folder, writable=True) as state, base_tree(root, base) as tree:
        known = known_before(folder, state.findings(), state.plan().targets, root, tree)
        set_aside(state, sorted(known))
        for signature in sorted(known):
            put(console, (f"  {signature}: {base} shows it as well", "dim"))
        triage_all(folder, _TRIAGE_SECONDS, state=state)
        status = at_rest(state)
        write_status(folder, status)
        return status


def _report(store: Store, paths: dict[str, Path]) -> None:
    import datetime

    from ipc_gauntlet.fuzz.report.gather import gather

    if paths:
        write(gather(store.campaigns / "pr", datetime.datetime.now(datetime.UTC)), paths)


def _conclude(console: Console, status: Status) -> int:
    from ipc_gauntlet.cli.fuzz.summary import print_summary

    print_summary(console, status)
    return status.exit_status
