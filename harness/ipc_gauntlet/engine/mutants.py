"""Flawed implementations: where they are listed, and how one is run.

The harness meets them as command lines. A module tells its mutants with `python -m MODULE --list` and is one of them
with `python -m MODULE ID`; a file lists the command of each.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from ipc_gauntlet.engine.selection import suggest
from ipc_gauntlet.engine.settings import Command
from ipc_gauntlet.errors import HarnessError, UsageError

GROUP = "ipc_gauntlet.mutants"
PREFIX = "mutant:"
"""`mutant:AUTH-03.m1` names an installed mutant wherever the name of an implementation is accepted."""

UNFLAWED = "none"
"""Id under which a listing has the implementation without a defect."""

_LIST_SECONDS = 60.0


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a listing.

    Args:
        id: Name of the mutant.
        requirement: Id of the requirement that it violates; empty for the unflawed implementation.
        defect: What is wrong, in one sentence.
        diff: How it differs from the unflawed one, for people.
        mark: Environment variable that names a file which the mutant makes when changed code runs for the first time;
            empty if it does not tell.
        fingerprint: Text that changes when its behaviour may; empty if its results must not be kept.
        broken: Why it cannot be run at present; empty if it can.
        driver: Its command; empty for `python -m MODULE ID`.
        elsewhere: Why no case can show its defect on this machine, but on others; empty if one can.
    """

    id: str
    requirement: str = ""
    defect: str = ""
    diff: str = ""
    mark: str = ""
    fingerprint: str = ""
    broken: str = ""
    driver: str = ""
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Specimen:
    """A mutant, or the unflawed implementation, that can be run.

    Args:
        facts: Its entry in the listing.
        command: Its driver.
    """

    facts: Listed
    command: Command


@dataclass(frozen=True, slots=True)
class Collection:
    """The mutants of one implementation.

    Args:
        name: Where they are from.
        unflawed: The implementation without a defect.
        mutants: Those that can be hunted here, in order.
        elsewhere: Those that other machines show.
    """

    name: str
    unflawed: Specimen
    mutants: tuple[Specimen, ...]
    elsewhere: tuple[Listed, ...] = ()


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    driver: str
    mark: str = ""
    fingerprint: str = ""
    mutants: list[Listed]


def module_names() -> Mapping[str, str]:
    """Modules that list mutants of installed implementations: the implementation's name and the module."""
    return {entry.name: entry.value for entry in sorted(entry_points(group=GROUP), key=lambda one: one.name)}


def installed() -> list[Collection]:
    """The mutants of all installed implementations."""
    return [from_module(module) for module in module_names().values()]


@cache
def from_module(module: str, *, isolated: bool = True) -> Collection:
    """Ask a module for its mutants.

    Args:
        module: What follows `python -m`.
        isolated: Whether modules in the current folder are out of reach.

    Raises:
        HarnessError: It does not answer as it must.
    """
    python = (sys.executable, *(["-P"] if isolated else []), "-m", module)
    text = _output([*python, "--list"], module)
    try:
        entries = msgspec.json.decode(text, type=list[Listed])
    except msgspec.DecodeError as error:
        raise HarnessError(f"`python -m {module} --list` prints no list of mutants: {error}") from error
    return _collection(
        module, entries, lambda one: (*python, one.id) if not one.driver else _words(one.driver)
    )


def from_file(path: Path) -> Collection:
    """Read a listing in TOML or JSON: the unflawed `driver`, and `mutants` with a `driver` each.

    `mark` counts for every mutant that has none of its own, `fingerprint` for the unflawed implementation.

    Raises:
        UsageError: It cannot be read, or something is missing in it.
    """
    try:
        data: Any = path.read_bytes()
        facts = tomllib.loads(data.decode()) if path.suffix == ".toml" else msgspec.json.decode(data)
        listing = msgspec.convert(facts, _File)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} is no list of mutants: {error}") from error
    lacking = [one.id for one in listing.mutants if not one.driver]
    if lacking:
        raise UsageError(f"{path}: {', '.join(lacking)} has no driver")
    entries = [
        Listed(id=UNFLAWED, driver=listing.driver, fingerprint=listing.fingerprint),
        *(msgspec.structs.replace(one, mark=one.mark or listing.mark) for one in listing.mutants),
    ]
    return _collection(str(path), entries, lambda one: _words(one.driver))


def given(text: str) -> Collection:
    """What the user named: a file (`.toml`, `.json`) or a module."""
    path = Path(text)
    if path.suffix in (".toml", ".json"):
        return from_file(path)
    return from_module(text, isolated=False)


def flawed(name: str) -> Command:
    """The command of an installed mutant.

    Args:
        name: `mutant:AUTH-03.m1`.

    Raises:
        UsageError: There is none of this name, or it does not fit the present source.
    """
    wanted = name.removeprefix(PREFIX)
    known = {
        one.facts.id: one for collection in installed() for one in (collection.unflawed, *collection.mutants)
    }
    for one in (other for collection in installed() for other in collection.elsewhere):
        if one.id == wanted:
            raise UsageError(f"the mutant {wanted} shows nothing on this machine: {one.elsewhere}")
    if wanted not in known:
        raise UsageError(f"no installed mutant is called {wanted!r}{suggest(wanted, known)}")
    if known[wanted].facts.broken:
        raise UsageError(f"the mutant {wanted} cannot be run: {known[wanted].facts.broken}")
    return Command(argv=known[wanted].command.argv, name=f"{PREFIX}{wanted}")


def _collection(
    name: str, entries: Iterable[Listed], argv: Callable[[Listed], tuple[str, ...]]
) -> Collection:
    found: dict[str, Specimen] = {}
    for entry in entries:
        if entry.id in found:
            raise HarnessError(f"{name} lists two mutants {entry.id}")
        found[entry.id] = Specimen(entry, Command(argv=argv(entry), name=entry.id))
    if UNFLAWED not in found:
        raise HarnessError(f"{name} does not list the unflawed implementation, under the id {UNFLAWED!r}")
    unflawed = found.pop(UNFLAWED)
    here = tuple(one for one in found.values() if not one.facts.elsewhere)
    elsewhere = tuple(one.facts for one in found.values() if one.facts.elsewhere)
    return Collection(name, unflawed, here, elsewhere)


def _words(driver: str) -> tuple[str, ...]:
    from ipc_gauntlet.driver import DriverCommand

    return DriverCommand.parse(driver).argv


def _output(argv: list[str], module: str) -> bytes:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_LIST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"cannot list the mutants of {module}: {error}") from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise HarnessError(f"cannot list the mutants of {module}: {why}")
    return done.stdout
