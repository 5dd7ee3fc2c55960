"""`ipc-gauntlet fuzz fix-check`."""

from __future__ import annotations

import time
from typing import Any

import click

from ipc_gauntlet.cli.fuzz.options import (
    campaign_option,
    execution_from,
    execution_options,
    store_from,
    store_option,
    targets_option,
)
from ipc_gauntlet.cli.options import no_color_option

_STYLES = {"FIXED": "bold green", "STILL FAILING": "bold red"}


@click.command("fix-check", short_help="Is a finding really fixed, and what lies around it too?")
@click.argument("name", metavar="SIGNATURE|FILE")
@click.option(
    "--seconds",
    type=click.FloatRange(0, 3600),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Time for inputs around those that failed.",
)
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="Of their choice.")
@campaign_option
@targets_option
@execution_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Run every saved input of a finding again, and then inputs around them, and say FIXED, STILL FAILING or FIXED BUT A NEIGHBOUR FAILS.

    Around: each byte a little different, missing, or there twice; the input cut at each place; fields changed by the
    wire schema; pieces of the other inputs. Findings that are known otherwise do not count here. When it is fixed, the
    campaign says so from then on.

    Exit status: 0 fixed; 1 not; 2 wrong use; 3 inputs could not be executed.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.triage.budget import Budget
    from ipc_gauntlet.fuzz.triage.fixing import check_fix
    from ipc_gauntlet.fuzz.triage.saved import find, others
    from ipc_gauntlet.report.text import one_line

    options = options_for(values["store_path"])
    console = make_console(ctx)
    saved = find([values["name"]], store_from(values), values["campaign"])[0]
    targets = execution_from(values, saved.campaign)
    budget = Budget(seconds=values["seconds"], executions=0 if values["seconds"] else 1, clock=time.monotonic)
    check = check_fix(saved.inputs, targets, budget, known=others(saved), seed=values["seed"])
    put(
        console,
        (check.word, _STYLES.get(check.word, "bold yellow")),
        f"  {saved.signature}  {saved.case.target}",
    )
    for case, outcome in check.outcomes:
        if not outcome.good:
            put(console, f"    {outcome.word}: {len(case.data)} bytes: {one_line(outcome.now, 160)}")
    if check.word == "STILL FAILING":
        ctx.exit(1)
    good = len(check.outcomes)
    put(
        console, f"    {good} saved inputs: {check.outcomes[0][1].now}; {check.neighbours} inputs around them"
    )
    if check.neighbour is not None:
        what = "the same finding" if check.is_same else f"another finding, {check.neighbour.signature}"
        put(console, f"    {what}: {one_line(check.neighbour.message, 160)}")
        put(console, f"    {check.neighbour.data[:64].hex()}")
        ctx.exit(1)
    if saved.campaign is not None:
        from ipc_gauntlet.fuzz.campaign.rest import refresh
        from ipc_gauntlet.fuzz.campaign.state import State

        with State.open(saved.campaign, writable=True) as state:
            state.mark(saved.signature, status="fixed")
        refresh(saved.campaign)
    put(console, f"    keep it: ipc-gauntlet fuzz adopt {values['name']}{options}")
