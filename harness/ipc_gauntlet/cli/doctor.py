"""`ipc-gauntlet doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import no_color_option, target_from, target_options

if TYPE_CHECKING:
    from ipc_gauntlet.driver.doctor import Check
    from ipc_gauntlet.engine.settings import Command


@click.command("doctor", short_help="Check a driver before believing any verdict.")
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Check that a driver starts, answers honestly, resets, and leaves; exit status 1 if anything is wrong."""
    import msgspec

    from ipc_gauntlet.cli.console import Grid, make_console, put
    from ipc_gauntlet.verdict import ExitStatus

    as_json = values.pop("as_json")
    commands = dict.fromkeys(target_from(values).commands())
    found = {driver: _examine(driver) for driver in commands}
    good = all(check.ok for checks in found.values() for check in checks)
    if as_json:
        facts = {driver.name: [_facts(check) for check in checks] for driver, checks in found.items()}
        click.echo(msgspec.json.format(msgspec.json.encode({"ok": good, "drivers": facts}), indent=1))
    else:
        console = make_console(ctx)
        for driver, checks in found.items():
            put(console, (driver.name, "bold"))
            grid = Grid()
            for check in checks:
                word = ("ok", "green") if check.ok else ("WRONG", "bold red")
                grid.add(word, check.name, (check.detail, "" if not check.ok else "dim"))
            grid.print(console)
            wrong = sum(not check.ok for check in checks)
            put(
                console,
                f"{len(checks)} checks, {wrong} wrong" if wrong else f"{len(checks)} checks, all well",
            )
    ctx.exit(int(ExitStatus.ok if good else ExitStatus.failed))


def _examine(driver: Command) -> list[Check]:
    from ipc_gauntlet.driver import DriverCommand
    from ipc_gauntlet.driver.doctor import examine
    from ipc_gauntlet.engine.workdir import private_directory
    from ipc_gauntlet.reactor import new_reactor

    reactor = new_reactor()
    try:
        with private_directory() as workdir:
            return examine(DriverCommand(driver.argv, name=driver.name), reactor, str(workdir))
    finally:
        reactor.close()


def _facts(check: Check) -> dict[str, object]:
    return {"name": check.name, "ok": check.ok, "detail": check.detail}
