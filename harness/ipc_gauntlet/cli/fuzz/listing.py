"""`ipc-gauntlet fuzz list`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import choose_targets_options, store_from, store_option, targets_from
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.campaign.status import Status
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.registry import Found


@click.command("list", short_help="List targets, engines and campaigns.")
@choose_targets_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """List what can be fuzzed here, with what, and the campaigns there are."""
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.fuzz.campaign.places import all_campaigns, standing_or_none

    store = store_from(values)
    targets = targets_from(values)
    campaigns = [now for folder in all_campaigns(store) if (now := standing_or_none(folder)) is not None]
    if values["as_json"]:
        _print_json(targets, campaigns, store)
        return
    console = make_console(ctx)
    _print_targets(console, targets, store)
    _print_engines(console)
    _print_campaigns(console, campaigns)


def _engines() -> dict[str, str]:
    """Why each engine cannot run here; empty if it can."""
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.engines.base import NAMES, engine

    found = {}
    for name in NAMES:
        try:
            engine(name)
        except UsageError as error:
            found[name] = str(error)
        else:
            found[name] = ""
    return found


def _print_json(targets: list[Found], campaigns: list[Status], store: Store) -> None:
    import msgspec

    whole = {
        "targets": [
            {
                "name": one.target.name,
                "layer": one.target.layer,
                "title": one.target.title,
                "module": one.source.module,
                "measured": one.target.measured,
                "structured": one.target.structure is not None,
                "reference_parser": one.target.reference_parser,
                "corpus": len(store.paths(one.target.name)),
            }
            for one in targets
        ],
        "engines": [{"name": name, "missing": missing} for name, missing in _engines().items()],
        "campaigns": [
            {
                "name": one.name,
                "phase": one.phase,
                "elapsed": one.elapsed,
                "targets": len(one.targets),
                "executions": sum(target.executions for target in one.targets),
                "findings": one.findings_total,
                "blind": [target.target for target in one.blind],
                "uncounted": [target.target for target in one.uncounted],
                "exit_status": one.exit_status,
            }
            for one in campaigns
        ],
    }
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")


def _print_targets(console: Console, targets: list[Found], store: Store) -> None:
    from ipc_gauntlet.cli.console import Grid

    grid = Grid(right=(2,))
    grid.add("target", ("layer", "dim"), ("corpus", "dim"), "")
    for one in targets:
        target = one.target
        grid.add(
            (target.name, "bold"), target.layer, str(len(store.paths(target.name))), (target.title, "dim")
        )
    grid.print(console)


def _print_engines(console: Console) -> None:
    from ipc_gauntlet.cli.console import Grid, put

    put(console, "")
    grid = Grid()
    for name, missing in _engines().items():
        grid.add(f"engine {name}", (missing, "yellow") if missing else ("ready", "green"))
    grid.print(console)


def _print_campaigns(console: Console, campaigns: list[Status]) -> None:
    from ipc_gauntlet.cli.console import Grid, put
    from ipc_gauntlet.cli.fuzz.figures import clock, count, plural

    put(console, "")
    if not campaigns:
        put(console, "  no campaigns yet: ipc-gauntlet fuzz run --time 60s")
        return
    grid = Grid(right=(2, 3))
    for one in campaigns:
        found = (plural(one.findings_total, "finding"), "bold red" if one.findings_total else "green")
        executions = count(sum(target.executions for target in one.targets))
        blind = (f"{len(one.blind)} blind", "bold red" if one.blind else "dim")
        grid.add(
            f"campaign {one.name}", one.phase, clock(one.elapsed), f"{executions} executions", found, blind
        )
    grid.print(console)
