"""Options that several fuzzing commands share."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.corpus.store import Store
    from ipc_gauntlet.fuzz.registry import Found
    from ipc_gauntlet.fuzz.triage.targets import Targets

Command = TypeVar("Command", bound=Callable[..., Any])


def quoted(text: str) -> str:
    """A word of a command line as this system's shell reads it."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


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
    return click.option(
        "--target",
        "patterns",
        multiple=True,
        metavar="GLOB",
        help="Only these targets (repeatable; default: all).",
    )(targets_option(command))


def targets_option(command: Command) -> Command:
    """`--targets MODULE` (parameter `modules`)."""
    return click.option(
        "--targets",
        "modules",
        multiple=True,
        metavar="MODULE",
        help="Also take targets from this module or Python file (repeatable).",
    )(command)


def execution_options(command: Command) -> Command:
    """`--hang S`, `--memory MB` and `--driver CMD`: how inputs are executed. See `execution_from`."""
    for decorate in reversed(
        (
            click.option(
                "--hang",
                type=click.FloatRange(0.05, 600),
                metavar="S",
                help="One execution may take so long (default: as the campaign had it, or 0.5).",
            ),
            click.option(
                "--memory",
                type=click.IntRange(0),
                metavar="MB",
                help="A process may use so much more, 0 for no limit (default: as the campaign had it, or 512).",
            ),
            click.option(
                "--driver",
                metavar="CMD",
                help="The implementation under test, for findings about one (default: the campaign's).",
            ),
        )
    ):
        command = decorate(command)
    return command


def execution_from(values: dict[str, Any], campaign: Path | None = None, *others: Path) -> Targets:
    """Take the values of `targets_option` and `execution_options` out of a command's parameters.

    Args:
        values: The parameters.
        campaign: Folder of the campaign whose settings stand in for what was not given.
        others: Folders of campaigns whose modules of targets are needed too.

    Raises:
        UsageError: A module of targets cannot be used.
        GauntletError: The campaign's plan cannot be read.
    """
    from ipc_gauntlet.fuzz.campaign.state import read_plan
    from ipc_gauntlet.fuzz.triage.targets import Settings, Targets

    plan = read_plan(campaign) if campaign is not None else None
    usual = Settings(plan.hang_seconds, plan.memory_mb, plan.driver) if plan is not None else Settings()
    hang, memory, driver = values.pop("hang"), values.pop("memory"), values.pop("driver")
    settings = Settings(
        usual.hang_seconds if hang is None else hang,
        usual.memory_mb if memory is None else memory,
        usual.driver if driver is None else driver,
    )
    plans = [*([plan] if plan is not None else []), *map(read_plan, others)]
    modules = dict.fromkeys((*(module for one in plans for module in one.modules), *values.pop("modules")))
    return Targets(tuple(modules), settings)


def tell_damaged(damaged: Sequence[str]) -> int:
    """Name files that cannot be read, on standard error.

    Args:
        damaged: What is wrong with each.

    Returns:
        The exit status: 3 for trouble that is not the code's under test, 0 if there is none.
    """
    for text in damaged:
        click.echo(f"left out: {text}", err=True)
    return 3 if damaged else 0


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
