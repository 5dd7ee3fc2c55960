"""From what the user wants and what the drivers claim to the settings of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipc_gauntlet.engine.implementations import Target
from ipc_gauntlet.engine.probe import describe, facts_of
from ipc_gauntlet.engine.selection import Selection, suggest
from ipc_gauntlet.engine.settings import Command, Settings
from ipc_gauntlet.engine.shards import Shard
from ipc_gauntlet.errors import HarnessError, UsageError
from ipc_gauntlet.report.durations import digest
from ipc_gauntlet.report.merge import DURATIONS, SHARD
from ipc_gauntlet.transport import transports
from ipc_gauntlet.verdict import PROFILES

TRANSPORTS = ("unix", "pipe", "tcp")
"""What the adversary can stand between, each system's own transport first; not every system has all."""

SCALE_VARIABLE = "IPC_GAUNTLET_TIME_SCALE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.

    Args:
        target: The implementation.
        seed: Reproduces every random choice.
        selection: Which cases.
        profile: Profile to test against instead of the claimed one.
        packages: Packages that hold suites; by default all that announce themselves.
        time_scale: Factor for upper time bounds; None takes it from the environment.
        case_limit_s: Seconds after which a case is given up.
        traces: Whether passed cases keep their traces.
        shuffle: Whether the order of the cases depends on the seed.
        shard: Which part of the cases; None for all.
        durations: Seconds that cases took before, by id, to make parts of about the same length.
        seeds: Folder for what goes over the wire, as inputs for fuzzers; empty for none.
    """

    target: Target
    seed: int
    selection: Selection = field(default_factory=Selection)
    profile: str | None = None
    packages: tuple[str, ...] = ()
    time_scale: float | None = None
    case_limit_s: float = 120.0
    traces: bool = False
    shuffle: bool = True
    shard: Shard | None = None
    durations: Mapping[str, float] = field(default_factory=dict)
    seeds: str = ""

    def chosen_by(self) -> dict[str, tuple[str, ...]]:
        """What a report says about how its cases were chosen."""
        chosen = self.selection.as_dict()
        if self.shard is not None:
            chosen = {**chosen, SHARD: (str(self.shard),)}
            if self.durations:
                chosen[DURATIONS] = (digest(self.durations),)
        return chosen

    def options(self) -> str:
        """The options with which `replay` runs a case in the same way."""
        words = [self.target.options(), f"--seed {self.seed}"]
        if self.profile is not None:
            words.append(f"--profile {self.profile}")
        if self.time_scale is not None:
            words.append(f"--time-scale {self.time_scale:g}")
        words += [f"--package {name}" for name in self.packages]
        return " ".join(word for word in words if word)


def check(wish: Wish) -> tuple[Command, Command]:
    """Find what is wrong with a wish without starting anything.

    Returns:
        The drivers for the client and for the server.

    Raises:
        UsageError: A name or value is wrong.
    """
    if wish.profile is not None and wish.profile not in PROFILES:
        hint = suggest(wish.profile, PROFILES) or f"; there are: {', '.join(PROFILES)}"
        raise UsageError(f"there is no profile {wish.profile!r}{hint}")
    for name in wish.selection.transports:
        if name not in TRANSPORTS:
            hint = suggest(name, TRANSPORTS) or f"; there are: {', '.join(TRANSPORTS)}"
            raise UsageError(f"--transport {name}: there is no such transport{hint}")
        if name not in transports():
            raise UsageError(
                f"--transport {name}: this operating system does not have it; there are: {', '.join(transports())}"
            )
    return wish.target.commands()


def settings_for(wish: Wish, workdir: Path) -> Settings:
    """Ask the drivers and make the settings of a run.

    Raises:
        UsageError: The wish is wrong, or asks for a transport the implementation does not offer.
        DriverError: A driver gives no statement.
        HarnessError: There is nothing the tester could stand between.
    """
    client, server = check(wish)
    statement = describe(client, server)
    implementation = facts_of(statement, client, server, wish.profile)
    return Settings(
        client=client,
        server=server,
        implementation=implementation,
        statement=statement,
        transports=_transports(statement, wish.selection.transports),
        seed=wish.seed,
        selection=wish.selection,
        workdir=str(workdir),
        replay=wish.options(),
        time_scale=_scale(wish.time_scale),
        case_limit_s=wish.case_limit_s,
        traces=wish.traces,
        shuffle=wish.shuffle,
        seeds=wish.seeds,
    )


def _transports(statement: dict[str, Any], asked: tuple[str, ...]) -> tuple[str, ...]:
    declared = tuple(statement.get("transports", ()))
    usable = tuple(name for name in transports() if name in declared)
    if not usable and not (statement.get("parsers") and not statement.get("roles")):
        raise HarnessError(
            f"the implementation offers {', '.join(declared) or 'no transport'}; "
            f"the adversary can stand between {' and '.join(transports())} only"
        )
    for name in asked:
        if name not in usable:
            raise UsageError(f"--transport {name}: the implementation offers {', '.join(declared)}")
    return usable


def _scale(given: float | None) -> float:
    if given is not None:
        return given
    text = os.environ.get(SCALE_VARIABLE, "1")
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.1 <= scale <= 100:
        raise UsageError(f"{SCALE_VARIABLE}={text}: must be a number from 0.1 to 100")
    return scale
