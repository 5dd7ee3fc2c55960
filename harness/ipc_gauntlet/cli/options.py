"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ipc_gauntlet.engine.implementations import Target
    from ipc_gauntlet.engine.selection import Selection

Command = TypeVar("Command", bound=Callable[..., Any])

_NO_COLOR = "ipc_gauntlet.no_color"


def no_color_option(command: Command) -> Command:
    """`--no-color`, before or after the command's name."""

    def remember(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[_NO_COLOR] = True

    return click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Plain text even on a terminal (also: NO_COLOR in the environment).",
    )(command)


def wants_color(ctx: click.Context) -> bool:
    """Whether `--no-color` was left out."""
    return not ctx.meta.get(_NO_COLOR, False)


def target_options(command: Command) -> Command:
    """The implementation under test: `[NAME]`, `--driver`, `--client-driver`, `--server-driver`."""
    for decorate in reversed(
        (
            click.argument("name", required=False),
            click.option(
                "--driver",
                metavar="CMD",
                help="Driver for both roles: a command, split into words as a shell does.",
            ),
            click.option(
                "--client-driver", metavar="CMD", help="Driver (or bundled name) for the client only."
            ),
            click.option(
                "--server-driver", metavar="CMD", help="Driver (or bundled name) for the server only."
            ),
        )
    ):
        command = decorate(command)
    return command


def selection_options(command: Command) -> Command:
    """`--suite`, `--requirement` and `--case`."""
    for decorate in reversed(
        (
            click.option(
                "--suite", "suites", multiple=True, metavar="GLOB", help="Only these suites (repeatable)."
            ),
            click.option(
                "--requirement",
                "requirements",
                multiple=True,
                metavar="GLOB",
                help="Only these requirements (repeatable).",
            ),
            click.option(
                "--case",
                "cases",
                multiple=True,
                metavar="GLOB",
                help="Only these cases (repeatable): a pattern, or the beginning of an id up to a slash.",
            ),
        )
    ):
        command = decorate(command)
    return command


def package_option(command: Command) -> Command:
    """`--package`."""
    return click.option(
        "--package",
        "packages",
        multiple=True,
        metavar="NAME",
        help="Take suites from this Python package only (repeatable; default: all that are installed).",
    )(command)


def profile_option(command: Command) -> Command:
    """`--profile`."""
    return click.option(
        "--profile",
        type=click.Choice(["local", "channel", "messaging", "governed"]),
        help="Test against this profile instead of the one the implementation claims.",
    )(command)


def target_from(values: dict[str, Any]) -> Target:
    """Take the values of `target_options` out of a command's parameters."""
    from ipc_gauntlet.engine.implementations import Target

    return Target(
        name=values.pop("name"),
        driver=values.pop("driver"),
        client=values.pop("client_driver"),
        server=values.pop("server_driver"),
    )


def selection_from(values: dict[str, Any]) -> Selection:
    """Take the values of `selection_options` (and `--transport`, if there is one) out of a command's parameters."""
    from ipc_gauntlet.engine.selection import Selection

    return Selection(
        suites=values.pop("suites"),
        requirements=values.pop("requirements"),
        cases=values.pop("cases"),
        transports=values.pop("transports", ()),
    )
