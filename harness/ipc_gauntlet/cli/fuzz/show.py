"""`ipc-gauntlet fuzz show`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import (
    campaign_option,
    store_from,
    store_option,
    targets_option,
    tell_damaged,
)
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.campaign.records import FindingState
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.target import Target


@click.command("show", short_help="Everything about a finding; without a name: all findings.")
@click.argument("name", required=False, metavar="[SIGNATURE|FILE]")
@campaign_option
@targets_option
@click.option("--json", "as_json", is_flag=True, help="Print the finding as JSON.")
@click.option(
    "--write",
    "write_to",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the input's bytes to this file.",
)
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Show what is required of a target, what happened instead, where, the bytes with what they mean, and how to go on.

    The beginning of a signature is enough where no other finding begins so.

    Exit status: 0; 2 wrong use; 3 some file cannot be read: it is named, and the rest is shown.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.finding_view import print_finding
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.triage.saved import find
    from ipc_gauntlet.fuzz.work import write_whole

    options = options_for(values["store_path"])
    store = store_from(values)
    console = make_console(ctx)
    if values["name"] is None:
        damaged = _print_all(console, store, values["campaign"], options)
        ctx.exit(tell_damaged(damaged))
    saved = find([values["name"]], store, values["campaign"])[0]
    if values["write_to"] is not None:
        write_whole(values["write_to"], saved.case.data)
    if values["as_json"]:
        sys.stdout.buffer.write(saved.case.to_json())
        ctx.exit(tell_damaged(saved.damaged))
    target = _target(values["modules"], saved.campaign, saved.case.target)
    state = _state(saved.campaign, saved.signature)
    print_finding(console, saved, target, state, store, options)
    ctx.exit(tell_damaged(saved.damaged))


def _target(modules: tuple[str, ...], campaign: Path | None, name: str) -> Target | None:
    """The target of a finding; None if it is gone, which is no reason not to show what is known."""
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.triage.campaign import targets_of
    from ipc_gauntlet.fuzz.triage.targets import Targets

    if campaign is None or modules:
        targets = Targets(modules)
    else:
        try:
            targets = targets_of(campaign)
        except UsageError:
            return None
    return targets.get(name) if name in targets else None


def _state(campaign: Path | None, signature: str) -> FindingState | None:
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.campaign.state import State

    if campaign is None:
        return None
    try:
        with State.open(campaign) as state:
            return next((one for one in state.findings() if one.signature == signature), None)
    except UsageError:
        return None


def _print_all(console: Console, store: Store, campaign: str | None, options: str) -> list[str]:
    """Print all findings of a campaign; return what is wrong with files that cannot be read."""
    from ipc_gauntlet.cli.console import Grid, put
    from ipc_gauntlet.fuzz.campaign.places import campaign as campaign_of
    from ipc_gauntlet.fuzz.triage.saved import readable

    folder = campaign_of(store, campaign)
    found, damaged = readable(folder)
    if not found:
        put(console, f"the campaign {folder.name} has no findings" + (" that can be read" if damaged else ""))
        return damaged
    grid = Grid(right=(3,), indent=0)
    for one in found:
        again = one.case.reproduced or "-"
        grid.add((one.signature, "bold"), one.case.target, again, f"{len(one.case.data)} B", one.case.message)
    grid.print(console)
    put(console, "")
    put(console, f"ipc-gauntlet fuzz show {found[0].signature}{options}")
    return damaged
