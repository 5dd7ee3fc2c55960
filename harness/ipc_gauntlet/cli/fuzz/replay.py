"""`ipc-gauntlet fuzz replay`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.fuzz.options import (
    campaign_option,
    choose_targets_options,
    execution_from,
    execution_options,
    store_from,
    store_option,
    tell_damaged,
)
from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.triage.case import Case
    from ipc_gauntlet.fuzz.triage.replaying import Outcome
    from ipc_gauntlet.fuzz.triage.targets import Targets

_STYLES = {"FIXED": "green", "STILL FAILING": "bold red", "CHANGED": "bold yellow"}


@click.command("replay", short_help="Run findings, regression cases and corpora again.")
@click.argument("names", nargs=-1, metavar="[SIGNATURE|FILE|FOLDER]...")
@click.option(
    "--all", "everything", is_flag=True, help="Also the findings of all campaigns (or of --campaign)."
)
@click.option("--no-corpus", is_flag=True, help="Leave out the corpora and the targets' seeds.")
@click.option("-v", "--verbose", is_flag=True, help="Also show what is as expected.")
@campaign_option
@choose_targets_options
@execution_options
@store_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Say of each case whether it is FIXED, STILL FAILING or CHANGED (another finding, or an answer that is not expected).

    Without names: all regression cases of installed packages and of the store, the corpora and the seeds of all
    targets, in which every input that does something wrong is told. It takes seconds and needs no engine.

    Exit status: 0 all is as expected; 1 something is not; 2 wrong use; 3 inputs could not be executed, or a file not
    be read: it is named, and the rest is run.
    """
    from ipc_gauntlet.cli.console import make_console, put
    from ipc_gauntlet.fuzz.campaign.places import all_campaigns
    from ipc_gauntlet.fuzz.triage.replaying import replay

    store = store_from(values)
    console = make_console(ctx)
    named, patterns = values["names"], values.pop("patterns")
    cases, damaged = _cases(store, values)
    folder = _settings_of(store, values["campaign"], named)
    # Cases of the store may be of targets that only its campaigns know the module of.
    known = () if named and not values["everything"] else all_campaigns(store)
    targets = execution_from(values, folder, *known)
    chosen = [
        (name, case)
        for name, case in cases
        if not patterns or any(fnmatchcase(case.target, p) for p in patterns)
    ]
    # One finding may have two names: in the store, and adopted.
    names = {id(case): name for name, case in chosen}
    bad = 0
    for case, outcome in replay([case for _, case in chosen], targets):
        bad += not outcome.good
        if not outcome.good or named or values["verbose"]:
            _print(console, names[id(case)], case, outcome)
    swept = 0
    if not named and not values["no_corpus"]:
        swept, found = _sweep(console, store, targets, patterns)
        bad += found
    words = f"{len(chosen)} cases and {swept} inputs of corpora" if swept else f"{len(chosen)} cases"
    put(
        console,
        ("ALL AS EXPECTED", "bold green") if not bad else ("NOT AS EXPECTED", "bold red"),
        f"  {words}" + (f"; {bad} are not as expected" if bad else ""),
    )
    trouble = tell_damaged(damaged)
    ctx.exit(1 if bad else trouble)


def _cases(store: Store, values: dict[str, Any]) -> tuple[list[tuple[str, Case]], list[str]]:
    """The cases that are meant, by the names that people know them under, and what cannot be read."""
    from ipc_gauntlet.fuzz.campaign import places
    from ipc_gauntlet.fuzz.triage.case import readable_cases
    from ipc_gauntlet.fuzz.triage.packaged import packaged
    from ipc_gauntlet.fuzz.triage.saved import find, readable

    names: tuple[str, ...] = values["names"]
    if names:
        folders = [Path(name) for name in names if Path(name).is_dir()]
        found = find((name for name in names if not Path(name).is_dir()), store, values["campaign"])
        read, damaged = readable_cases(folders)
        damaged += [text for one in found for text in one.damaged]
        named = [(one.signature, one.case) for one in found]
        return [*named, *((path.stem, case) for path, case in read)], damaged
    cases = [(one.name, one.case) for one in packaged()]
    read, damaged = readable_cases([store.regressions] if store.regressions.is_dir() else [])
    cases += [(path.stem, case) for path, case in read]
    if values["everything"] or values["campaign"] is not None:
        only = values["campaign"]
        campaigns = [places.campaign(store, only)] if only is not None else places.all_campaigns(store)
        for folder in campaigns:
            saved, bad = readable(folder)
            cases += [(one.signature, one.case) for one in saved]
            damaged += bad
    return cases, damaged


def _settings_of(store: Store, campaign: str | None, names: tuple[str, ...]) -> Path | None:
    """The campaign whose settings are used: the one that was named, or that of the only finding."""
    from ipc_gauntlet.fuzz.campaign import places
    from ipc_gauntlet.fuzz.triage.saved import find

    if campaign is not None:
        return places.campaign(store, campaign)
    if len(names) == 1 and not Path(names[0]).exists():
        return find(names, store, None)[0].campaign
    return None


def _print(console: Console, name: str, case: Case, outcome: Outcome) -> None:
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.report.text import one_line

    put(console, (f"{outcome.word:<14}", _STYLES[outcome.word]), (name, "bold"), f"  {case.target}")
    put(console, f"    was {one_line(case.message, 160)}")
    put(console, f"    now {one_line(outcome.now, 160)}")


def _sweep(console: Console, store: Store, targets: Targets, patterns: tuple[str, ...]) -> tuple[int, int]:
    """Execute corpora and seeds; how many inputs, and how many findings."""
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.fuzz.triage.replaying import Inputs, sweep

    names = [name for name in targets.names() if not patterns or any(fnmatchcase(name, p) for p in patterns)]
    groups = []
    for name in names:
        inputs = dict.fromkeys([*targets.get(name).seeds(), *store.inputs(name)])
        groups.append(Inputs(name, str(store.folder(name)), list(inputs)))
    executed = 0

    def told(group: Inputs, count: int) -> None:
        nonlocal executed
        del group
        executed += count

    found = 0
    for finding in sweep((group for group in groups if group.inputs), targets, told):
        found += 1
        put(console, ("IN A CORPUS   ", "bold red"), (finding.signature, "bold"), f"  {finding.target}")
        put(console, f"    {finding.message}")
        put(console, f"    {finding.data[:48].hex()}{'...' if len(finding.data) > 48 else ''}")
    return executed, found
