"""Options that several fuzzing commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.registry import Found

Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """`--store DIR`, as the parameter `store_path`: a path, or None for the default. See `store_from`."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where campaigns, corpora and findings are kept (default: .ipc-gauntlet/fuzz, or "
        "IPC_GAUNTLET_FUZZ_STORE).",
    )(command)


def store_from(values: dict[str, Any]) -> Store:
    """Take the value of `store_option` out of a command's parameters."""
    from ipc_gauntlet.fuzz.corpus.store import Store, default_root

    given: Path | None = values.pop("store_path")
    return Store(given if given is not None else default_root())


def choose_targets_options(command: Command) -> Command:
    """`--target GLOB` (parameter `patterns`) and `--targets MODULE` (parameter `modules`). See `targets_from`."""
    for decorate in reversed(
        (
            click.option(
                "--target",
                "patterns",
                multiple=True,
                metavar="GLOB",
                help="Only these targets (repeatable; default: all).",
            ),
            click.option(
                "--targets",
                "modules",
                multiple=True,
                metavar="MODULE",
                help="Also take targets from this module or Python file (repeatable).",
            ),
        )
    ):
        command = decorate(command)
    return command


def targets_from(values: dict[str, Any]) -> list[Found]:
    """Take the values of `choose_targets_options` out of a command's parameters, and find the targets.

    The modules of the targets are imported, and with them the code under test: a command that needs their coverage has
    to do its work in a child.

    Raises:
        UsageError: A pattern matches nothing, or a module cannot be used.
    """
    from ipc_gauntlet.fuzz.registry import find

    return find(values.pop("patterns"), values.pop("modules"))


def campaign_option(command: Command) -> Command:
    """`--campaign NAME`: the campaign that is meant; None if it was left out."""
    return click.option(
        "--campaign",
        metavar="NAME",
        help="The campaign that is meant (default: the one that was active last).",
    )(command)
