"""Works on a part: a campaign of its own, in a folder that is its result.

RESULT/worked.json           which part it was, where, and how it ended
RESULT/corpus/<target>/...   the corpus it started from and what it added
RESULT/campaigns/NAME/       the campaign; a part that was killed goes on where it was
"""

from __future__ import annotations

import platform
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.run import Guard, Order, run
from ipc_gauntlet.fuzz.campaign.supervisor import Listener
from ipc_gauntlet.fuzz.corpus.store import Store, is_name
from ipc_gauntlet.fuzz.scale.parts import Part, is_sound
from ipc_gauntlet.fuzz.work import digest, write_whole

FILE = "worked.json"
SCHEMA = "urn:ipc-gauntlet:fuzz-worked:1"
_LARGEST = 4 << 20


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a part.

    Attributes:
        schema: Version of this format.
        part: The part.
        system: Operating system, machine and version of Python.
        exit_status: With which its campaign ended: 0 nothing found, 1 findings, 3 trouble, 130 interrupted.
        message: Why it failed; empty if it did not.
    """

    schema: str = SCHEMA
    part: Part
    system: str
    exit_status: int
    message: str = ""


def work(part: Part, plan: Path, out: Path, listener: Listener, guard: Guard) -> Worked:
    """Fuzz what a part says.

    Args:
        part: What to do.
        plan: Folder of the plan, with the corpus to start from.
        out: Where the result goes.
        listener: Who is told.
        guard: How it is stopped from outside.

    Raises:
        UsageError: It cannot be done, or the folder holds the result of another part.
        GauntletError: Nothing can be written.
    """
    _belongs(part, out)
    store = Store(out)
    _take_corpus(Store(plan), store)
    try:
        ended = run(Order(store=store, wishes=part.wishes), listener, guard)
        worked = _worked(part, ended.exit_status, ended.message)
    except UsageError:
        raise
    except GauntletError as error:
        worked = _worked(part, 3, str(error))
    write_whole(out / FILE, msgspec.json.format(msgspec.json.encode(worked), indent=2) + b"\n")
    return worked


def _worked(part: Part, status: int, message: str) -> Worked:
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return Worked(part=part, system=system, exit_status=status, message=message)


def _belongs(part: Part, out: Path) -> None:
    """Make sure that nothing of another part is in the folder; note which part it is."""
    path = out / "part.json"
    mine = msgspec.json.encode(part)
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} holds something else; a result goes into a folder of its own") from None
        out.mkdir(parents=True, exist_ok=True)
        write_whole(path, mine)
        return
    if there != mine:
        raise UsageError(f"{out} holds the result of another part; choose another folder with --out")


def _take_corpus(plan: Store, store: Store) -> None:
    """Copy the inputs of a plan whose names are those of their content.

    Raises:
        GauntletError: One cannot be read or written.
    """
    if not plan.corpus.is_dir():
        return
    for folder in sorted(plan.corpus.iterdir()):
        if not folder.is_dir():
            continue
        for path in plan.paths(folder.name):
            try:
                data = path.read_bytes()
            except OSError as error:
                raise GauntletError(f"cannot read {path}: {error.strerror}") from error
            if digest(data) == path.name:
                store.add(folder.name, data)


def read(folder: Path) -> Worked:
    """Read what became of a part. It comes from elsewhere: what is no name of a campaign could lead anywhere.

    Raises:
        UsageError: It is no result of a part.
    """
    path = folder / FILE
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is no result of a part of a campaign: it is a link, or too large")
        worked = msgspec.json.decode(path.read_bytes(), type=Worked)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no result of a part of a campaign: {error}") from error
    part = worked.part
    makes_sense = is_sound(part) and is_name(part.campaign) and is_name(str(part.wishes.name))
    if worked.schema != SCHEMA or not makes_sense:
        raise UsageError(f"{path} is the result of another version, or makes no sense")
    return worked
