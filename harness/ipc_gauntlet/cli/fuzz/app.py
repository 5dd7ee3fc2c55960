"""The group `ipc-gauntlet fuzz`: finds its commands lazily."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

# In the order of `--help`; the module is imported when the command is needed.
_COMMANDS: Mapping[str, str] = {
    "run": "ipc_gauntlet.cli.fuzz.run",
    "status": "ipc_gauntlet.cli.fuzz.status",
    "list": "ipc_gauntlet.cli.fuzz.listing",
    "show": "ipc_gauntlet.cli.fuzz.show",
    "replay": "ipc_gauntlet.cli.fuzz.replay",
    "fix-check": "ipc_gauntlet.cli.fuzz.fix_check",
    "triage": "ipc_gauntlet.cli.fuzz.triage",
    "adopt": "ipc_gauntlet.cli.fuzz.adopt",
    "oracles": "ipc_gauntlet.cli.fuzz.oracles",
    "report": "ipc_gauntlet.cli.fuzz.report",
    "corpus": "ipc_gauntlet.cli.fuzz.corpus",
    "seeds": "ipc_gauntlet.cli.fuzz.seeds",
    "pin": "ipc_gauntlet.cli.fuzz.pin",
    "pr": "ipc_gauntlet.cli.fuzz.pr",
    "batch": "ipc_gauntlet.cli.fuzz.batch",
    "plan": "ipc_gauntlet.cli.fuzz.plan",
    "work": "ipc_gauntlet.cli.fuzz.work",
    "collect": "ipc_gauntlet.cli.fuzz.collect",
    "cluster": "ipc_gauntlet.cli.fuzz.cluster",
    "export": "ipc_gauntlet.cli.fuzz.export",
}


class FuzzCommands(click.Group):
    """A group that imports a command's module when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which they are shown."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name similar ones when there is none."""
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from ipc_gauntlet.engine.selection import suggest

            ctx.fail(f"no such command {args[0]!r}{suggest(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.command("fuzz", cls=FuzzCommands, short_help="Look for bugs in message parsers.")
def command() -> None:
    """Fuzz message parsers, guided by coverage: from a pull request to an overnight campaign.

    Exit status: 0 nothing found; 1 findings; 2 wrong use; 3 a campaign could not do its work (blind targets, full
    disks, engines that do not run); 130 interrupted.
    """
