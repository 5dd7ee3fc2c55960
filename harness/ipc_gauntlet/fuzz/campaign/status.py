"""What `status.json` says: a campaign at a moment, for machines that watch and for the view on a terminal."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Literal

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.records import CLOSED, FindingState, Plan, TargetState
from ipc_gauntlet.fuzz.spec import Progress
from ipc_gauntlet.fuzz.work import write_whole

FILE = "status.json"
SCHEMA = "ipc-gauntlet-fuzz-status/1"

MOST_FINDINGS = 500
"""Findings that are listed; `findings_total` counts all."""

_TRIES = 20
_SOON = 0.01

Phase = Literal["running", "ended", "stopped", "failed", "killed"]
"""`ended`: the time is over, or nothing is left to fuzz. `stopped`: by a person. `failed`: it could not go on.

`killed` is never written: readers say so of a campaign that claims to run and has no process.
"""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process that works for the campaign.

    Attributes:
        slice: Its name.
        target: What it works on.
        engine: With what.
        doing: `fuzz`, `plants`, `canary` or `confirm`.
        pid: Its process id.
        seconds: For how long.
        executions: So far.
        rate: Executions for each second of its time.
        edges: Edges that it hit so far.
        memory_mb: Its resident memory, as it says itself.
    """

    slice: str
    target: str
    engine: str
    doing: str
    pid: int
    seconds: float
    executions: int = 0
    rate: float = 0.0
    edges: int = 0
    memory_mb: float = 0.0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign at a moment.

    Attributes:
        schema: Version of this format.
        name: Of the campaign.
        phase: Whether it goes on.
        pid: Process of its supervisor.
        updated: Seconds since 1970 at which this was written.
        elapsed: Wall-clock seconds for which it ran, over all its runs.
        seconds_left: Of its budget; None if that has no end.
        jobs: Slices at once.
        engines: Names.
        targets: What is known, running slices included.
        rates: Executions a second by target: of what runs, else of the last slice, per CPU second.
        running: What works for it now.
        findings: The newest, `MOST_FINDINGS` at most.
        findings_total: How many there are.
        exit_status: With which it ended, -1 while it runs.
        message: Why it failed, or what a person should know.
    """

    schema: str = SCHEMA
    name: str
    phase: Phase
    pid: int
    updated: float
    elapsed: float
    seconds_left: float | None
    jobs: int
    engines: tuple[str, ...]
    targets: tuple[TargetState, ...]
    rates: dict[str, float]
    running: tuple[Running, ...]
    findings: tuple[FindingState, ...]
    findings_total: int
    exit_status: int = -1
    message: str = ""

    @property
    def blind(self) -> tuple[TargetState, ...]:
        """Targets whose fuzzing does not count."""
        return tuple(target for target in self.targets if target.blind)

    @property
    def uncounted(self) -> tuple[TargetState, ...]:
        """Targets of whose fuzzing there was too little to count."""
        return tuple(target for target in self.targets if target.uncounted)


def write(folder: Path, status: Status) -> None:
    """Replace a campaign's status file at once.

    Raises:
        GauntletError: It cannot be written.
    """
    write_whole(folder / FILE, msgspec.json.encode(status))


def read(folder: Path) -> Status:
    """Read a campaign's status file.

    Raises:
        UsageError: There is none.
        GauntletError: It cannot be read.
    """
    path = folder / FILE
    try:
        return msgspec.json.decode(_content(path), type=Status)
    except FileNotFoundError as error:
        raise UsageError(f"there is no fuzz campaign in {folder}") from error
    except (OSError, msgspec.DecodeError) as error:
        raise GauntletError(f"cannot read {path}: {error}") from error


def _content(path: Path) -> bytes:
    """The content of a file that may be replaced at this moment, which Windows takes for a lack of permission."""
    for _ in range(_TRIES):
        with contextlib.suppress(PermissionError):
            return path.read_bytes()
        time.sleep(_SOON)
    return path.read_bytes()


def with_progress(known: TargetState, progress: Progress) -> TargetState:
    """What is known of a target, with what a running slice has done since."""
    return msgspec.structs.replace(
        known,
        executions=known.executions + progress.executions,
        seconds=known.seconds + progress.seconds,
        cpu_seconds=known.cpu_seconds + progress.cpu_seconds,
        edges=max(known.edges, progress.edges),
        edges_total=max(known.edges_total, progress.edges_total),
        features=max(known.features, progress.features),
        corpus=known.corpus + progress.kept,
        last_new=_since(known, progress),
    )


def _since(known: TargetState, progress: Progress) -> float:
    if progress.kept:
        return max(0.0, progress.seconds - progress.last_new)
    return known.last_new + progress.cpu_seconds


def exit_status(targets: tuple[TargetState, ...], findings: int, *, stopped: bool) -> int:
    """With which status a campaign ends that could do its work.

    Args:
        targets: All of its targets.
        findings: How many findings are open.
        stopped: Whether a person stopped it.

    Returns:
        130 when it was stopped; 1 when there are findings; 3 when a target is blind, or had too little time; else 0.
    """
    if stopped:
        return 130
    if findings:
        return 1
    return 3 if any(target.blind or target.uncounted for target in targets) else 0


def open_findings(findings: tuple[FindingState, ...] | list[FindingState]) -> int:
    """How many findings count."""
    return sum(one.status not in CLOSED for one in findings)


def budget_left(plan: Plan, budget: float, elapsed: float) -> float | None:
    """Seconds until a campaign is over; None if it goes on until it is stopped."""
    return max(0.0, budget - elapsed) if plan.seconds else None


def schema() -> bytes:
    """The JSON Schema of `status.json`."""
    whole = msgspec.json.schema(Status)
    for definition in whole["$defs"].values():
        # The rest of a docstring is laid out differently by each release of Python.
        definition["description"] = definition.get("description", "").partition("\n")[0]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Status of an ipc-gauntlet fuzz campaign",
    }
    return msgspec.json.format(msgspec.json.encode({**head, **whole}), indent=2) + b"\n"
