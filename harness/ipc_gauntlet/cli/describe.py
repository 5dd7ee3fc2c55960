"""`ipc-gauntlet describe`."""

from __future__ import annotations

from typing import Any

import click

from ipc_gauntlet.cli.options import no_color_option, target_from, target_options


@click.command("describe", short_help="Show what an implementation claims.")
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print the statement as JSON.")
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Start the drivers and show the implementation statement of the pair."""
    import msgspec

    from ipc_gauntlet.cli.console import Grid, make_console, put
    from ipc_gauntlet.engine.probe import describe

    as_json = values.pop("as_json")
    statement = describe(*target_from(values).commands())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(statement), indent=1))
        return
    console = make_console(ctx)
    put(console, (f"{statement.get('name', '')} {statement.get('version', '')}".strip(), "bold"))
    grid = Grid()
    for name, value in statement.items():
        if name not in ("name", "version") and value not in ({}, [], ""):
            grid.add((name, "bold"), _readable(value))
    grid.print(console)


def _readable(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(member)}" for name, member in value.items())
    if isinstance(value, list | tuple):
        return (
            "; ".join(_readable(member) for member in value) if _nested(value) else " ".join(map(str, value))
        )
    return str(value)


def _nested(values: list[object] | tuple[object, ...]) -> bool:
    return any(isinstance(value, dict | list | tuple) for value in values)
