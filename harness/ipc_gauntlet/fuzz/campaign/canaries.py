"""Canaries that were caught before, so that a campaign need not fly them again: one small file for each.

    STORE/canaries/<digest>.json

The digest is over the sources of target and measured modules, the engine, the interpreter and this release: when any
of them changes, the canary flies again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from ipc_gauntlet.fuzz.campaign.records import TargetPlan
from ipc_gauntlet.fuzz.work import write_whole

SECONDS = 5.0
"""For so long an engine may look for a planted defect."""

LEAST_CPU = 0.4
"""Part of that time which it has to have spent on the processor, before a canary counts as missed."""

LEAST_EXECUTIONS = 20_000
"""Or it has done so many executions."""

ERROR = "PlantedDefect"
"""Type of the exception that says that a canary was caught."""


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """A canary that was caught.

    Attributes:
        target: Of which target.
        plant: What was planted.
        seconds: How long it took, start-up included.
    """

    target: str
    plant: str
    seconds: float


def key(target: str, plan: TargetPlan, engine: str) -> str:
    """For what a canary's answer holds."""
    try:
        release = version("ipc-gauntlet")
    except PackageNotFoundError:
        release = "source"
    text = f"{target}\n{plan.code}\n{engine}\n{sys.version}\n{release}"
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def recall(root: Path, name: str) -> Caught | None:
    """What is known of a canary; None if it has to fly.

    Args:
        root: The store's folder.
        name: From `key`.
    """
    try:
        return msgspec.json.decode((root / "canaries" / f"{name}.json").read_bytes(), type=Caught)
    except (OSError, msgspec.DecodeError):
        return None


def remember(root: Path, name: str, caught: Caught) -> None:
    """Keep it.

    Raises:
        GauntletError: It cannot be written.
    """
    folder = root / "canaries"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.json", msgspec.json.encode(caught))


def code_of(sources: Mapping[str, str]) -> str:
    """Digest of source texts by module."""
    whole = hashlib.sha256()
    for name, text in sorted(sources.items()):
        data = text.encode("utf-8", "replace")
        whole.update(f"{Path(name).name}:{len(data)}\n".encode())
        whole.update(data)
    return whole.hexdigest()
