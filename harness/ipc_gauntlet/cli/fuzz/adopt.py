"""`ipc-gauntlet fuzz adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ipc_gauntlet.cli.fuzz.options import (
    campaign_option,
    execution_from,
    execution_options,
    quoted,
    store_from,
    store_option,
    targets_option,
)
from ipc_gauntlet.cli.options import no_color_option


@click.command("adopt", short_help="Make a regression case of a finding.")
@click.argument("name", metavar="SIGNATURE|FILE")
@click.option(
    "--expect",
    metavar="ANSWER",
    help="accepted, rejected, rejected:REASON, or no-finding (default: what the target answers now if the finding "
    "is fixed, else no-finding).",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where to write it (default: the corpora of a checkout of this project, else the store).",
)
@campaign_option
@targets_option
@execution_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Write a finding as one JSON file that pytest and `fuzz replay` run from now on.

    Adopt it when it is fixed: then the file also says what the right answer is, and if the target names a parser of
    the driver protocol it becomes a case for anybody's implementation.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.cli.fuzz.run import options_for
    from ipc_gauntlet.fuzz.triage.case import make_case, write_case
    from ipc_gauntlet.fuzz.triage.packaged import home
    from ipc_gauntlet.fuzz.triage.replaying import expectation_now, replay
    from ipc_gauntlet.fuzz.triage.saved import find
    from ipc_gauntlet.fuzz.triage.targets import is_remote

    store_path, given = values["store_path"], values["modules"]
    store = store_from(values)
    console = make_console(ctx)
    saved = find([values["name"]], store, values["campaign"])[0]
    targets = execution_from(values, saved.campaign)
    parser = targets.get(saved.case.target).case_parser
    expect: str | None = values["expect"]
    if expect is None:
        asked = make_case(saved.case)
        if is_remote(asked) and not targets.settings.driver:
            expect = saved.case.expect
        else:
            _, outcome = next(replay([asked], targets))
            expect = expectation_now(outcome)
            put(console, f"now: {outcome.now}")
    path = write_case(make_case(saved.case, expect=expect, parser=parser), values["folder"] or home(store))
    put(console, ("ADOPTED  ", "bold green"), f"{path}", f"  expects {expect}")
    where = options_for(store_path) + _targets_options(saved.campaign, given, saved.case.target)
    put(console, f"ipc-gauntlet fuzz replay {path}{where}")


def _targets_options(campaign: Path | None, given: tuple[str, ...], name: str) -> str:
    """What `replay` needs to find the target again: nothing if it is installed, else its module or file."""
    from ipc_gauntlet.fuzz.campaign.state import read_plan
    from ipc_gauntlet.fuzz.registry import find

    if any(one.target.name == name for one in find((), ())):
        return ""
    modules = dict.fromkeys((*(read_plan(campaign).modules if campaign is not None else ()), *given))
    return "".join(f" --targets {quoted(module)}" for module in modules)
