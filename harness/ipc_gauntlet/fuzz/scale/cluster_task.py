"""What a worker of a cluster does: it works on one part in a folder of its own, and sends the folder back as a tar.

A result comes from another machine: `unpack` takes regular files below the folder, of bounded size, and nothing else.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.status import Status
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.scale.parts import Part
from ipc_gauntlet.fuzz.scale.worked import work

MOST_BYTES = 1 << 30
"""No result is larger, unpacked."""

MOST_FILES = 200_000
"""No result has more files."""

# What is of use only while the part is being worked on.
_LEFT_OUT = frozenset({"slices", "lock", "owner", "status.json"})


class _Silence:
    def status(self, now: Status) -> None:
        """Nobody watches."""

    def said(self, text: str) -> None:
        """Nobody listens; what counts is in the result."""


@contextlib.contextmanager
def _unguarded(_stop: Callable[[], None]) -> Iterator[None]:
    """Signals are the worker's business: it dies by them, and the slices die with it."""
    yield


def work_here(part: bytes, corpus: Mapping[str, list[bytes]], made_by: str) -> bytes:
    """Work on a part. Runs in a worker process of the cluster.

    Args:
        part: The part as JSON.
        corpus: Inputs to start from, by target.
        made_by: Version of ipc-gauntlet that cut the part.

    Returns:
        The folder of the result as a tar.

    Raises:
        GauntletError: This machine has another version, or cannot write.
    """
    mine = version("ipc-gauntlet")
    if made_by != mine:
        raise GauntletError(
            f"this worker has ipc-gauntlet {mine}, the campaign was cut by {made_by}; install the same one"
        )
    with tempfile.TemporaryDirectory(prefix="ipc-gauntlet-part-") as folder:
        plan, out = Path(folder) / "plan", Path(folder) / "out"
        store = Store(plan)
        for target, inputs in corpus.items():
            for data in inputs:
                store.add(target, data)
        work(msgspec.json.decode(part, type=Part), plan, out, _Silence(), _unguarded)
        return pack(out)


def pack(folder: Path) -> bytes:
    """A result's folder as a tar."""
    content = io.BytesIO()

    def wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if _LEFT_OUT & set(Path(info.name).parts) else info

    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(folder, arcname=".", filter=wanted)
    return content.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Unpack a result.

    Args:
        content: What a worker sent.
        folder: A new folder.

    Raises:
        GauntletError: It is no result, is too large, or cannot be written.
    """
    total = count = 0
    try:
        folder.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                count, total = count + 1, total + max(member.size, 0)
                if count > MOST_FILES or total > MOST_BYTES:
                    raise GauntletError("a worker sent a result beyond all measure")
                if member.isdir() or member.isreg():
                    archive.extract(member, folder, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise GauntletError(f"cannot unpack what a worker sent: {error}") from error
