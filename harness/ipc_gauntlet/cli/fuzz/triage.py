"""`ipc-gauntlet fuzz triage`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import campaign_option, store_from, store_option
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.campaign.records import FindingStatus
    from ipc_gauntlet.fuzz.triage.campaign import Done


@click.command("triage", short_help="Run findings of a campaign again and make their inputs smaller.")
@click.argument("names", nargs=-1, metavar="[SIGNATURE]...")
@click.option(
    "--time", "budget", default="60s", show_default=True, metavar="TIME", help="For all of them: 60s, 10m."
)
@click.option(
    "--mark",
    type=click.Choice(["new", "fixed", "ignored"]),
    help="Only say of the named findings where they stand: fixed and ignored ones do not count as open.",
)
@click.option(
    "--driver",
    metavar="CMD",
    help="The implementation under test, for findings about one (default: the campaign's).",
)
@campaign_option
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Campaigns do this at their end; do it again with more time, or where a campaign was killed.

    Without names: the findings that have not been triaged. Each is run five times, made smaller by its wire schema and
    byte by byte, and written as a regression case into the campaign's folder.

    Exit status: 0 all of them showed again; 1 some did not; 2 wrong use; 3 it could not be done.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.fuzz.campaign.lock import Lock
    from ipc_gauntlet.fuzz.campaign.orders import duration
    from ipc_gauntlet.fuzz.campaign.places import campaign
    from ipc_gauntlet.fuzz.triage.campaign import Asked, triage_all
    from ipc_gauntlet.fuzz.triage.saved import find

    store = store_from(values)
    folder = campaign(store, values["campaign"])
    only = frozenset(one.signature for one in find(values["names"], store, folder.name))
    console = make_console(ctx)
    if values["mark"] is not None:
        if not only:
            raise UsageError("--mark needs the names of findings")
        _mark(console, folder, only, values["mark"])
        return
    seconds = duration(values["budget"])
    if not seconds:
        raise UsageError("triage needs an end: --time 60s")
    with Lock(folder):
        asked = Asked(only=only, driver=values["driver"])
        done = triage_all(folder, seconds, asked=asked, told=lambda one: _print(console, one))
    if not done:
        put(console, f"the campaign {folder.name} has no findings that wait for triage")
    ctx.exit(0 if all(one.result is not None and one.result.shown for one in done) else 1)


def _mark(console: Console, folder: Path, signatures: Iterable[str], status: FindingStatus) -> None:
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.fuzz.campaign.rest import refresh
    from ipc_gauntlet.fuzz.campaign.state import State

    with State.open(folder, writable=True) as state:
        for signature in sorted(signatures):
            state.mark(signature, status=status)
            put(console, (f"{status.upper():<14}", "bold"), (signature, "bold"))
    refresh(folder)


def _print(console: Console, done: Done) -> None:
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.report.text import one_line

    if done.result is None:
        put(
            console,
            ("NOT EXECUTED  ", "bold magenta"),
            (done.signature, "bold"),
            f"  {one_line(done.trouble, 200)}",
        )
        return
    result = done.result
    style = "bold red" if result.shown else "bold yellow"
    put(console, (f"{result.reproduced:<14}", style), (done.signature, "bold"), f"  {result.case.target}")
    put(console, f"    {one_line(result.case.message, 160)}")
    before = f"from {result.case.minimised_from} " if result.case.minimised_from else ""
    rest = "" if result.complete else "; more time may make it smaller"
    put(
        console,
        (f"    {before}to {len(result.case.data)} bytes in {result.executions} executions{rest}", "dim"),
    )
