"""A campaign cut into parts that know nothing of each other: one file for each, and the corpus that all start from.

    PLAN/shard-1.json ... PLAN/shard-N.json
    PLAN/corpus/<target>/<sha256>

Every part fuzzes all targets, with choices of its own and with more time for some of them than for others, so that
parts on different systems and versions of Python look at everything, and none does what another one does.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.orders import Wishes, name_of
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.registry import find
from ipc_gauntlet.fuzz.work import write_whole
from ipc_gauntlet.seeds import derive_int

SCHEMA = "urn:ipc-gauntlet:fuzz-part:1"
MOST = 1000
_FAVOURED = 3.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part.

    Attributes:
        schema: Version of this format.
        campaign: Name of the whole campaign.
        number: Which part, from 1.
        count: Of how many.
        wishes: What it is asked to do.
    """

    schema: str = SCHEMA
    campaign: str
    number: int
    count: int
    wishes: Wishes


def cut(wishes: Wishes, count: int) -> list[Part]:
    """Cut a campaign into parts.

    Args:
        wishes: What each part is asked for; `seconds` is the time of one part.
        count: How many parts.

    Raises:
        UsageError: A target does not exist, or the number of parts makes no sense.
    """
    if not 1 <= count <= MOST:
        raise UsageError(f"from 1 to {MOST} parts, not {count}")
    name = name_of(wishes)
    names = [found.target.name for found in find(wishes.patterns, wishes.modules)]
    seed = 1 if wishes.seed is None else wishes.seed
    parts: list[Part] = []
    for number in range(1, count + 1):
        favoured = {
            target: wishes.weights.get(target, 1.0) * _FAVOURED
            for place, target in enumerate(names)
            if place % count == number - 1
        }
        own = msgspec.structs.replace(
            wishes,
            name=name,
            seed=derive_int(seed, "part", name, f"{number}/{count}") & (2**63 - 1),
            weights={**wishes.weights, **favoured},
        )
        parts.append(Part(campaign=name, number=number, count=count, wishes=own))
    return parts


def write(parts: list[Part], store: Store, folder: Path) -> list[Path]:
    """Write parts, and the corpus of their targets as it is in a store.

    Returns:
        The files of the parts.

    Raises:
        UsageError: There is something in the folder already.
        GauntletError: It cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; a plan goes into a folder of its own")
    out = Store(folder)
    wishes = parts[0].wishes
    for found in find(wishes.patterns, wishes.modules):
        for data in store.inputs(found.target.name):
            out.add(found.target.name, data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {folder}: {error.strerror}") from error
    paths: list[Path] = []
    for part in parts:
        path = folder / f"shard-{part.number}.json"
        write_whole(path, msgspec.json.format(msgspec.json.encode(part), indent=2) + b"\n")
        paths.append(path)
    return paths


def read(path: Path) -> Part:
    """Read the file of a part.

    Raises:
        UsageError: It cannot be read, or is something else.
    """
    try:
        part = msgspec.json.decode(path.read_bytes(), type=Part)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no part of a campaign: {error}") from error
    if not is_sound(part):
        raise UsageError(f"{path} is a part of another version, or makes no sense")
    return part


def is_sound(part: Part) -> bool:
    """Whether a part is of this version, and its numbers make sense."""
    return part.schema == SCHEMA and 1 <= part.number <= part.count <= MOST
