"""Changes where a stream is cut into pieces, and never its bytes."""

import random
from typing import NamedTuple, Protocol

from ipc_gauntlet.adversary.faults import Rechunk
from ipc_gauntlet.adversary.vocabulary import Limits
from ipc_gauntlet.seeds import derive_random

RANDOM_MAX = 64


class Pieces(NamedTuple):
    """What is to be written now.

    Args:
        data: The pieces, one write each.
        paced: Whether the receiver should get the chance to read each piece alone.
        detail: How this differs from the segmentation that was asked for; empty if it does not.
    """

    data: list[bytes]
    paced: bool = False
    detail: str = ""


NOTHING = Pieces([])


class Segmenter(Protocol):
    """Decides about the pieces of one direction."""

    deadline: float | None
    """When `tick` has something to say."""

    def push(self, data: bytes, now: float) -> Pieces:
        """Take bytes that would have been one write."""

    def tick(self, now: float) -> Pieces:
        """Return what time has released."""

    def drain(self) -> Pieces:
        """Return everything that is kept; the stream ends."""


class Splitter:
    """Cuts every write into small pieces.

    Args:
        sizes: `bytes`, `random`, or lengths that are repeated for ever.
        rng: Source of `random`.
        limit: Bytes after which writes pass as they come.
    """

    def __init__(self, sizes: str | tuple[int, ...], rng: random.Random, limit: int) -> None:
        self.deadline: float | None = None
        self._sizes = (1,) if sizes == "bytes" else sizes
        self._rng = rng
        self._left = limit
        self._next = 0

    def push(self, data: bytes, now: float) -> Pieces:
        """See `Segmenter.push`."""
        if self._left <= 0:
            return Pieces([data])
        self._left -= len(data)
        pieces = []
        at = 0
        while at < len(data):
            size = self._size()
            pieces.append(data[at : at + size])
            at += size
        detail = f"{len(data)} bytes written in {len(pieces)} pieces, and so on" if len(pieces) > 1 else ""
        return Pieces(pieces, paced=True, detail=detail)

    def tick(self, now: float) -> Pieces:
        """See `Segmenter.tick`; nothing waits here."""
        return NOTHING

    def drain(self) -> Pieces:
        """See `Segmenter.drain`; nothing waits here."""
        return NOTHING

    def _size(self) -> int:
        if isinstance(self._sizes, str):
            return self._rng.randint(1, RANDOM_MAX)
        self._next += 1
        return self._sizes[(self._next - 1) % len(self._sizes)]


class Coalescer:
    """Joins writes until the stream is quiet, or too much waits.

    Args:
        limits: The quiet time, and how much may wait.
    """

    def __init__(self, limits: Limits) -> None:
        self.deadline: float | None = None
        self._limits = limits
        self._kept: list[bytes] = []
        self._size = 0

    def push(self, data: bytes, now: float) -> Pieces:
        """See `Segmenter.push`."""
        self._kept.append(data)
        self._size += len(data)
        self.deadline = now + self._limits.quiescence_s
        return self.drain() if self._size > self._limits.buffered else NOTHING

    def tick(self, now: float) -> Pieces:
        """See `Segmenter.tick`."""
        return self.drain() if self.deadline is not None and now >= self.deadline else NOTHING

    def drain(self) -> Pieces:
        """See `Segmenter.drain`."""
        kept, size = self._kept, self._size
        self._kept, self._size, self.deadline = [], 0, None
        if not kept:
            return NOTHING
        detail = (
            f"{len(kept)} frames joined into one write of {size} bytes, and so on" if len(kept) > 1 else ""
        )
        return Pieces([b"".join(kept)], detail=detail)


def new_segmenter(fault: Rechunk, direction: str, limits: Limits) -> Segmenter:
    """Make the segmenter of one direction; the same fault makes the same pieces."""
    if fault.sizes == "coalesce":
        return Coalescer(limits)
    return Splitter(fault.sizes, derive_random(fault.seed, "rechunk", direction), fault.limit)
