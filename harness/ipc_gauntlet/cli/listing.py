"""`ipc-gauntlet list`."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import (
    WHOLE,
    no_color_option,
    package_option,
    selection_from,
    selection_options,
    set_from,
    set_option,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.engine.selection import Selection
    from ipc_gauntlet.engine.survey import CaseFunction
    from ipc_gauntlet.requirements import Catalogue, Requirement


@click.command("list", short_help="List cases or requirements.")
@selection_options
@click.option("--requirements", "show_requirements", is_flag=True, help="List requirements instead of cases.")
@click.option("--mutants", "show_mutants", is_flag=True, help="List flawed implementations instead of cases.")
@click.option("--uncovered", is_flag=True, help="With --requirements: only those of the set without a case.")
@partial(set_option, default=f"'{WHOLE}'; with --uncovered the newest set")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@package_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """List the cases, or with --requirements the catalogue they are made from.

    A case runs in several variants: its own, times the transports and credentials of the implementation.
    """
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.engine.selection import choose_requirements, unmatched
    from ipc_gauntlet.engine.survey import all_cases, functions
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.requirements import load_catalogue

    if values["uncovered"] and not values["show_requirements"]:
        raise UsageError("--uncovered goes with --requirements")
    if values["show_mutants"]:
        _print_mutants(make_console(ctx), selection_from(values), values["as_json"])
        return
    catalogue = load_catalogue()
    as_json, show_requirements, packages = values["as_json"], values["show_requirements"], values["packages"]
    # Without the option everything is listed; a run is about the newest set.
    named = values.pop("requirements_set")
    chosen_set = set_from(named) if named is not None or values["uncovered"] else None
    selection = selection_from(values)
    cases = all_cases(packages, catalogue)
    console = make_console(ctx)
    if show_requirements:
        chosen, problems = choose_requirements(selection, cases, catalogue.requirements)
        if problems:
            raise UsageError("\n".join(problems))
        covered = Counter(function.spec.requirement for function in functions(cases))
        if chosen_set is not None:
            chosen = [item for item in chosen if item.id in chosen_set.statements]
        if values["uncovered"]:
            chosen = [item for item in chosen if not covered[item.id]]
        _print_requirements(console, chosen, covered, as_json)
        return
    problems = unmatched(selection, cases, [item.id for item in catalogue.requirements])
    if problems:
        raise UsageError("\n".join(problems))
    shown = [case for case in cases if selection.chooses(case)]
    if chosen_set is not None:
        shown = [case for case in shown if case.requirement in chosen_set.statements]
    _print_cases(console, functions(shown), catalogue, as_json)


def _print_requirements(
    console: Console, chosen: list[Requirement], covered: Counter[str], as_json: bool
) -> None:
    from ipc_gauntlet.cli.console import Grid, put

    if as_json:
        _print_json({"requirements": [{**_plain(item), "cases": covered[item.id]} for item in chosen]})
        return
    grid = Grid(right=[4], indent=0)
    for item in chosen:
        cases = (str(covered[item.id]), "green") if covered[item.id] else ("-", "yellow")
        grid.add((item.id, "bold"), item.level, item.profile, item.suite, cases, item.statement)
    grid.print(console)
    with_cases = sum(1 for item in chosen if covered[item.id])
    put(
        console,
        (f"{len(chosen)} requirements, {with_cases} of them with cases (column 5 counts them)", "dim"),
    )


def _print_mutants(console: Console, selection: Selection, as_json: bool) -> None:
    from ipc_gauntlet.cli.console import Grid, put
    from ipc_gauntlet.engine.mutants import PREFIX, installed
    from ipc_gauntlet.engine.selection import choose_requirements
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.requirements import load_catalogue

    if selection.cases:
        raise UsageError("--case does not go with --mutants: a mutant violates a requirement")
    chosen, problems = choose_requirements(selection, [], load_catalogue().requirements)
    if problems:
        raise UsageError("\n".join(problems))
    wanted = {item.id for item in chosen}
    found = [
        one.facts
        for collection in installed()
        for one in collection.mutants
        if one.facts.requirement in wanted or not selection
    ]
    if as_json:
        _print_json({"mutants": found})
        return
    grid = Grid(indent=0)
    for facts in found:
        state = (f"BROKEN: {facts.broken}", "bold red") if facts.broken else ("", "")
        grid.add((f"{PREFIX}{facts.id}", "bold"), facts.defect, state)
    grid.print(console)
    put(console, (f"{len(found)} mutants; `ipc-gauntlet run {PREFIX}ID` attacks one, `kills` all", "dim"))


def _print_cases(console: Console, found: list[CaseFunction], catalogue: Catalogue, as_json: bool) -> None:
    from ipc_gauntlet.cli.console import Grid, put

    if as_json:
        _print_json({"cases": [_case_facts(function, catalogue) for function in found]})
        return
    grid = Grid(right=[3], indent=0)
    for function in found:
        requirement = catalogue[function.spec.requirement]
        variants = str(max(len(function.variants), 1))
        grid.add((function.id, "bold"), requirement.id, (requirement.level, "dim"), variants, function.title)
    grid.print(console)
    put(
        console,
        (f"{len(found)} cases (column 4: own variants, each on every transport and credential)", "dim"),
    )


def _case_facts(function: CaseFunction, catalogue: Catalogue) -> dict[str, object]:
    requirement, spec = catalogue[function.spec.requirement], function.spec
    return {
        "id": function.id,
        "suite": function.suite,
        "requirement": requirement.id,
        "level": requirement.level,
        "profile": requirement.profile,
        "title": function.title,
        "description": function.description,
        "variants": function.variants,
        "timing": spec.timing,
        "needs": spec.needs,
        "observes": spec.observes,
        "transports": spec.transports,
        "credentials": spec.credentials,
    }


def _plain(value: object) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(value)
    return plain


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=1))
