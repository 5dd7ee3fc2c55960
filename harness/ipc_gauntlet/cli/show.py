"""`ipc-gauntlet show`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import no_color_option, package_option

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.engine.survey import CaseFunction
    from ipc_gauntlet.requirements import Catalogue, Requirement

_WIDTH = 100
_VARIANTS = 40


@click.command("show", short_help="Explain a requirement or a case.")
@click.argument("what", metavar="REQUIREMENT-OR-CASE")
@package_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Explain a requirement (REPL-01) or a case (replay/records/duplicated_record)."""
    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.engine.selection import suggest
    from ipc_gauntlet.engine.survey import all_cases, functions
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.requirements import load_catalogue

    what = str(values["what"]).rstrip("/")
    catalogue = load_catalogue()
    found = functions(all_cases(values["packages"], catalogue))
    console = make_console(ctx)
    requirement = catalogue.get(what.upper())
    if requirement is not None:
        _print_requirement(
            console, requirement, [item for item in found if item.spec.requirement == requirement.id]
        )
        return
    name = "/".join(what.split("/")[:3])
    for function in found:
        if function.id == name:
            _print_case(console, function, catalogue)
            return
    known = [item.id for item in catalogue.requirements] if "/" not in what else [item.id for item in found]
    raise UsageError(f"there is no requirement or case {what!r}{suggest(name, known)}")


def _print_requirement(console: Console, requirement: Requirement, found: list[CaseFunction]) -> None:
    from ipc_gauntlet.cli.console import put

    put(console, (requirement.id, "bold"), f"  {requirement.level}, profile {requirement.profile} and above")
    _field(console, "required", requirement.statement)
    _field(console, "goal", requirement.principle)
    _field(console, "source", requirement.source)
    _field(console, "observed", requirement.observation)
    _field(console, "modes", "; ".join(_mode(letter) for letter in requirement.modes))
    for mutant in requirement.mutants:
        _field(console, "violated", f"{mutant.defect} ({mutant.id})")
    _field(console, "known", ", ".join(requirement.cves))
    for function in found:
        _field(console, "case", f"{function.id}: {function.title}")
    if not found:
        _field(console, "case", "none yet")


def _print_case(console: Console, function: CaseFunction, catalogue: Catalogue) -> None:
    from ipc_gauntlet.cli.console import put

    spec, requirement = function.spec, catalogue[function.spec.requirement]
    put(console, (function.id, "bold"), f"  [{requirement.id}, {requirement.level}]")
    _field(console, "title", function.title)
    _field(console, "case", function.description)
    _field(console, "required", requirement.statement)
    _field(console, "source", requirement.source)
    _field(
        console, "needs", ", ".join([*spec.needs, *(f"the notification {name}" for name in spec.observes)])
    )
    _field(console, "transports", ", ".join(spec.transports))
    _field(console, "kinds", ", ".join(spec.credentials or ()))
    if spec.timing:
        _field(console, "timing", "measures real time; runs alone among its kind")
    shown = function.variants[:_VARIANTS]
    more = [f"… {len(function.variants) - len(shown)} more"] if len(shown) < len(function.variants) else []
    _field(console, "variants", ", ".join([*shown, *more]))


def _mode(letter: str) -> str:
    return {
        "B": "black box on the byte path",
        "D": "what the driver tells",
        "W": "with knowledge of the wire protocol",
        "O": "through the operating system",
        "V": "with a virtual clock",
    }.get(letter, letter)


def _field(console: Console, name: str, text: str) -> None:
    from ipc_gauntlet.cli.console import put
    from ipc_gauntlet.report.text import one_line

    if not text:
        return
    lines = textwrap.wrap(one_line(text), _WIDTH - 13) or [""]
    put(console, (f"  {name + ':':<11}", "bold"), lines[0])
    for line in lines[1:]:
        put(console, " " * 13 + line)
