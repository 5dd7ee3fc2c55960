"""`ipc-gauntlet fuzz status`."""

from __future__ import annotations

import sys
from typing import Any

import click

from ipc_gauntlet.cli.fuzz.options import store_from, store_option
from ipc_gauntlet.cli.options import no_color_option


@click.command("status", short_help="How a campaign stands.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: what status.json says.")
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Show a campaign that runs or has run (default: the one that was active last).

    Exit status: 0 it could be shown, whatever it says; 2 there is none.
    """
    import msgspec

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.cli.fuzz.summary import print_summary
    from ipc_gauntlet.fuzz.campaign.places import campaign, standing

    store_path = values["store_path"]
    found = standing(campaign(store_from(values), values["name"]))
    if values["as_json"]:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        return
    print_summary(make_console(ctx), found, options_for(store_path))
