"""Canaries that were caught before, so that a campaign need not fly them again: one small file for each.

    STORE/canaries/<digest>.json

The digest is over the sources of target and measured modules, the sources of the engine and of what it works with, the
libraries that it uses, the command of the implementation beside, the interpreter and this release: when any of them
changes, the canary flies again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from ipc_gauntlet.fuzz.campaign.records import Plan
from ipc_gauntlet.fuzz.corpus.store import make_folder
from ipc_gauntlet.fuzz.engines.base import NAMES
from ipc_gauntlet.fuzz.modules import modules_of
from ipc_gauntlet.fuzz.work import write_whole

SECONDS = 5.0
"""For so long an engine may look for a planted defect."""

LEAST_CPU = 0.4
"""Part of that time which it has to have spent on the processor, before a canary counts as missed."""

LEAST_EXECUTIONS = 20_000
"""Or it has done so many executions."""

ERROR = "PlantedDefect"
"""Type of the exception that says that a canary was caught."""


_OURS = "ipc_gauntlet.fuzz"
_WORKS_WITH = ("engines", "mutate", "coverage", "differential", "execute", "plant", "slice", "watch", "work")
_LIBRARIES = {"portable": (), "driver": (), "atheris": ("atheris",), "hypothesis": ("hypothesis",)}
# Of an engine from elsewhere nobody knows which of them it uses.
_ANY_LIBRARY = ("atheris", "hypothesis")


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


def key(target: str, plan: Plan, engine: str) -> str:
    """For what a canary's answer holds.

    Args:
        target: Name of the target.
        plan: Of the campaign.
        engine: Name of the engine.
    """
    libraries = " ".join(f"{name} {_version(name)}" for name in _LIBRARIES.get(engine, _ANY_LIBRARY))
    # The others do not start it.
    driver = plan.driver if engine == "driver" or engine not in NAMES else ""
    parts = (
        target,
        plan.targets[target].code,
        engine,
        _engine_code(engine),
        libraries,
        driver,
        *plan.dictionary,
        sys.version,
        _version("ipc-gauntlet"),
    )
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:40]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


@cache
def _engine_code(engine: str) -> str:
    """Digest of the sources of an engine and of what engines work with, as they are when it is first asked for."""
    prefixes = [f"{_OURS}.{name}" for name in _WORKS_WITH]
    module, colon, _ = engine.partition(":")
    if colon:
        prefixes.append(module)
    return code_of({name: text for prefix in prefixes for name, text in _texts(prefix)})


def _texts(prefix: str) -> Iterator[tuple[str, str]]:
    """The sources of a module and of all below it, by name; they are not imported."""
    for name in modules_of(prefix):
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            yield name, Path(spec.origin).read_text(encoding="utf-8", errors="replace")


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
    make_folder(folder)
    write_whole(folder / f"{name}.json", msgspec.json.encode(caught))


def code_of(sources: Mapping[str, str]) -> str:
    """Digest of source texts by module."""
    whole = hashlib.sha256()
    for name, text in sorted(sources.items()):
        data = text.encode("utf-8", "replace")
        whole.update(f"{Path(name).name}:{len(data)}\n".encode())
        whole.update(data)
    return whole.hexdigest()
