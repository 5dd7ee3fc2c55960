"""Deaths of slices that are still to be looked into, on disk until they are: the supervisor may die meanwhile.

slices/NAME/death.json    how the slice ended, and over which input
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ipc_gauntlet.fuzz.campaign.harvest import result_of
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.work import read_current, write_whole

FILE = "death.json"
_LARGEST = 64 << 20


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """How a slice ended, as far as it is known.

    Attributes:
        data: The input that was being executed.
        status: Its exit status.
        said: The end of what it wrote to standard error.
        killed: Why we ended it, empty if we did not.
        seen: Whether anybody saw it end. If not, it may have ended because nobody was there any more.
    """

    data: bytes
    status: int = 0
    said: str = ""
    killed: str = ""
    seen: bool = True


def remember(folder: Path, death: Death) -> None:
    """Write it down.

    Args:
        folder: The slice's.
        death: What is known.

    Raises:
        GauntletError: It cannot be written.
    """
    write_whole(folder / FILE, msgspec.json.encode(death))


def recall(folder: Path, spec: Spec) -> Death | None:
    """What is still to be looked into of a slice that nobody waits for any more; None if nothing is.

    Args:
        folder: The slice's.
        spec: Its orders.
    """
    path = folder / FILE
    try:
        if not path.is_symlink() and path.stat().st_size <= _LARGEST:
            return msgspec.json.decode(path.read_bytes(), type=Death)
    except (OSError, msgspec.DecodeError, RecursionError):
        pass
    current = read_current(folder / "current") if result_of(folder, spec) is None else None
    return Death(data=current[0], seen=False) if current is not None else None
