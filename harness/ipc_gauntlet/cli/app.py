"""The command group: finds commands lazily and turns errors into exit statuses."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from ipc_gauntlet.cli.lazy import LazyGroup
from ipc_gauntlet.cli.options import no_color_option
from ipc_gauntlet.errors import GauntletError, UsageError

# In the order of `--help`; the module is imported when the command is needed.
_COMMANDS: Mapping[str, str] = {
    "run": "ipc_gauntlet.cli.run",
    "list": "ipc_gauntlet.cli.listing",
    "show": "ipc_gauntlet.cli.show",
    "replay": "ipc_gauntlet.cli.replay",
    "report": "ipc_gauntlet.cli.report",
    "doctor": "ipc_gauntlet.cli.doctor",
    "ci": "ipc_gauntlet.cli.ci",
    "describe": "ipc_gauntlet.cli.describe",
    "implementations": "ipc_gauntlet.cli.implementations",
    "showcase": "ipc_gauntlet.cli.showcase",
    "kills": "ipc_gauntlet.cli.kills",
    "fuzz": "ipc_gauntlet.cli.fuzz.app",
}


class HarnessFailure(click.ClickException):
    """The harness or a driver could not do its work."""

    exit_code = 3


class Commands(LazyGroup):
    """All commands; errors of the package become exit statuses."""

    modules = _COMMANDS

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command; errors of the package become click's."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(str(error)) from error
        except GauntletError as error:
            raise HarnessFailure(str(error)) from error


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="ipc-gauntlet", prog_name="ipc-gauntlet")
@no_color_option
def cli() -> None:
    """Attack an implementation of secure inter-process communication and see what it lets through.

    Exit status: 0 all required cases pass; 1 a required case fails or is inconclusive; 2 wrong use; 3 the harness or
    a driver could not do its work; 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `ipc-gauntlet`.

    Args:
        arguments: Words of the command line; by default those of this process.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # a character that a code page lacks must not end the program
    if sys.platform == "win32":
        from ipc_gauntlet.engine.processes import die_together

        die_together()
    cli.main(args=None if arguments is None else list(arguments), prog_name="ipc-gauntlet")
    raise AssertionError("click exits the process")
