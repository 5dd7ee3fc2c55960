"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ipc_gauntlet.engine.implementations import Target
    from ipc_gauntlet.engine.selection import Selection
    from ipc_gauntlet.requirements import RequirementSet

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


WHOLE = "all"
"""In place of the name of a requirement set: the whole catalogue."""


def set_option(command: Command, default: str = "the newest set") -> Command:
    """`--requirements-set`; `default` says what is taken without it."""
    return click.option(
        "--requirements-set",
        metavar="NAME",
        help=f"Only the requirements of this published set; '{WHOLE}' for the whole catalogue (default: {default}).",
    )(command)


def set_from(name: str | None) -> RequirementSet | None:
    """The set that `--requirements-set` names; None for the whole catalogue, or if there are no sets.

    Raises:
        UsageError: There is no such set.
    """
    from ipc_gauntlet.engine.selection import suggest
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.requirements import load_sets

    known = {one.name: one for one in load_sets()}
    if name == WHOLE or (name is None and not known):
        return None
    chosen = list(known)[-1] if name is None else name
    if chosen not in known:
        hint = suggest(chosen, known) or f"; there are: {', '.join([*known, WHOLE])}"
        raise UsageError(f"--requirements-set {chosen}: there is no such set{hint}")
    return known[chosen]


def time_scale_option(command: Command) -> Command:
    """`--time-scale`."""
    return click.option(
        "--time-scale",
        type=click.FloatRange(0.1, 100),
        metavar="X",
        help="Stretch upper time bounds on slow machines.",
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
    """Take the values of `selection_options` (and of `--transport` and `--requirements-set`) out of the parameters."""
    from ipc_gauntlet.engine.selection import Selection

    chosen = set_from(values.pop("requirements_set")) if "requirements_set" in values else None
    return Selection(
        requirements_set=chosen.name if chosen is not None else "",
        left_out=chosen.left_out if chosen is not None else (),
        suites=values.pop("suites"),
        requirements=values.pop("requirements"),
        cases=values.pop("cases"),
        transports=values.pop("transports", ()),
    )
