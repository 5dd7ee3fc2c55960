"""Framers for plain length prefixes."""

from ipc_gauntlet.adversary.framing.base import Lost, Shape
from ipc_gauntlet.adversary.vocabulary import Direction


class LengthFramer:
    """Frames that start with an unsigned big-endian length of what follows; all are labelled `frame`.

    Args:
        size: Bytes of the length: 2 or 4.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lengths = ((0, size),)

    def shape(self, direction: Direction, buffer: bytes, at: int) -> Shape | Lost | None:
        """See `Framer.shape`."""
        size = self._size
        if len(buffer) - at < size:
            return None
        return Shape(size + int.from_bytes(buffer[at : at + size]), size, "frame", self._lengths)

    def took(self, direction: Direction, shape: Shape, frame: bytes) -> None:
        """See `Framer.took`; every frame is like every other."""


class MultiprocessingFramer:
    """Frames of Python's `multiprocessing.connection`; all are labelled `frame`.

    A signed 4-byte length; -1 announces an unsigned length of 8 bytes for messages of 2 GiB and more.
    """

    def shape(self, direction: Direction, buffer: bytes, at: int) -> Shape | Lost | None:
        """See `Framer.shape`."""
        if len(buffer) - at < 4:
            return None
        length = int.from_bytes(buffer[at : at + 4], signed=True)
        if length >= 0:
            return Shape(4 + length, 4, "frame", ((0, 4),))
        if length != -1:
            return Lost(f"negative length {length}")
        if len(buffer) - at < 12:
            return None
        return Shape(12 + int.from_bytes(buffer[at + 4 : at + 12]), 12, "frame", ((4, 8),))

    def took(self, direction: Direction, shape: Shape, frame: bytes) -> None:
        """See `Framer.took`; every frame is like every other."""
