"""What a run hands to every process that runs its cases."""

from __future__ import annotations

from typing import Any

import msgspec

from ipc_gauntlet.engine.selection import Selection
from ipc_gauntlet.events import Implementation


class Command(msgspec.Struct, frozen=True):
    """A driver's command.

    Args:
        argv: Program and arguments; never goes through a shell.
        name: How people know it.
    """

    argv: tuple[str, ...]
    name: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs to know; travels as JSON.

    Args:
        client: Driver that plays the client.
        server: Driver that plays the server.
        implementation: What the pair claims, as reports show it.
        statement: The merged statement as the drivers gave it, JSON values.
        transports: Transports to run on.
        seed: Reproduces every random choice.
        selection: Which cases.
        workdir: Private directory of the run.
        replay: Options that make `ipc-gauntlet replay ID` run in the same way.
        time_scale: Factor for upper time bounds on slow machines.
        case_limit_s: Seconds after which a case that still runs is given up.
        traces: Whether passed cases keep their traces too.
        shuffle: Whether the order of the cases depends on the seed; otherwise it is the reading order.
        seeds: Folder for what goes over the wire, as inputs for fuzzers; empty for none.
    """

    client: Command
    server: Command
    implementation: Implementation
    statement: dict[str, Any]
    transports: tuple[str, ...]
    seed: int
    selection: Selection = Selection()
    workdir: str = ""
    replay: str = ""
    time_scale: float = 1.0
    case_limit_s: float = 120.0
    traces: bool = False
    shuffle: bool = True
    seeds: str = ""

    @property
    def credentials(self) -> tuple[dict[str, Any], ...]:
        """The statement's credential declarations."""
        return tuple(self.statement.get("credentials", ()))


def encode_settings(settings: Settings) -> str:
    """Settings as one JSON text."""
    return msgspec.json.encode(settings).decode()


def decode_settings(text: str) -> Settings:
    """Read settings back; raises `msgspec.ValidationError` for anything else."""
    return msgspec.json.decode(text, type=Settings)
