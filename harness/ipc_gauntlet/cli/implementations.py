"""`ipc-gauntlet implementations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import no_color_option

if TYPE_CHECKING:
    from ipc_gauntlet.cli.console import Grid


@click.command("implementations", short_help="List the bundled implementations.")
@click.option("--check", is_flag=True, help="Start each one and ask what it claims.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """List the implementations that can be named in `run`, with the module that is run as their driver.

    Flawed ones are named mutant:ID; `ipc-gauntlet list --mutants` lists them.
    """
    import msgspec

    from ipc_gauntlet.cli.console import Grid, make_console, put
    from ipc_gauntlet.engine.implementations import modules
    from ipc_gauntlet.engine.mutants import installed

    found: list[dict[str, str]] = []
    for name, module in modules().items():
        found.append({"name": name, "module": module, **(_claims(name) if values["check"] else {})})
    flawed = [f"mutant:{one.facts.id}" for collection in installed() for one in collection.mutants]
    if values["as_json"]:
        everything = {"implementations": found, "mutants": flawed}
        click.echo(msgspec.json.format(msgspec.json.encode(everything), indent=1))
        return
    grid = Grid(indent=0)
    for facts in found:
        _add(grid, facts)
    console = make_console(ctx)
    grid.print(console)
    if flawed:
        put(
            console,
            (f"and {len(flawed)} flawed ones, such as {flawed[0]} (ipc-gauntlet list --mutants)", "dim"),
        )


def _claims(name: str) -> dict[str, str]:
    from ipc_gauntlet.engine.implementations import bundled
    from ipc_gauntlet.engine.probe import describe
    from ipc_gauntlet.errors import DriverError

    driver = bundled(name)
    try:
        statement = describe(driver, driver)
    except DriverError as error:
        return {"problem": error.detail}
    return {
        "version": str(statement.get("version", "")),
        "profile": str(statement.get("profile", "")),
        "wire": str(statement.get("wire", {}).get("protocol", "")),
    }


def _add(grid: Grid, facts: dict[str, str]) -> None:
    claims = [facts[key] for key in ("version", "profile", "wire") if key in facts]
    problem = facts.get("problem")
    rest = [(problem, "yellow")] if problem else [(text, "") for text in claims]
    grid.add((facts["name"], "bold"), facts["module"], *rest)
