"""The group `ipc-gauntlet fuzz`: finds its commands lazily."""

from __future__ import annotations

from collections.abc import Mapping

import click

from ipc_gauntlet.cli.lazy import LazyGroup

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


class FuzzCommands(LazyGroup):
    """The commands of `fuzz`."""

    modules = _COMMANDS


@click.command("fuzz", cls=FuzzCommands, short_help="Look for bugs in message parsers.")
def command() -> None:
    """Fuzz message parsers, guided by coverage: from a pull request to an overnight campaign.

    Exit status: 0 nothing found; 1 findings; 2 wrong use; 3 a campaign could not do its work (blind targets, full
    disks, engines that do not run); 130 interrupted.
    """
