"""A group of commands of which each is imported when it is needed, not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """Finds its commands in modules, each as the attribute `command`. Subclasses say where."""

    modules: Mapping[str, str] = {}
    """Module by the name of the command, in the order of `--help`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which they are shown."""
        del ctx
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in self.modules:
            return None
        found: click.Command = importlib.import_module(self.modules[cmd_name]).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name similar ones when there is none."""
        if args and not args[0].startswith("-") and args[0] not in self.modules:
            from ipc_gauntlet.engine.selection import suggest

            ctx.fail(f"no such command {args[0]!r}{suggest(args[0], self.modules)}")
        return super().resolve_command(ctx, args)
