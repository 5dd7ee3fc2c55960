"""Cuts one direction's bytes into frames, with bounded memory.

Rules of this file: joined together, the pieces are exactly the bytes that were fed, however these were segmented. A
direction whose framer is lost goes on without one: what arrives until it is quiet is one piece, labelled `chunk`. A
frame that stays incomplete for `STUCK_S` is not kept from its receiver any longer; it passes as `partial` pieces, on
which no fault acts, and framing goes on behind it.
"""

from typing import NamedTuple

from ipc_gauntlet.adversary.framing.base import Framer, Lost, Shape
from ipc_gauntlet.adversary.vocabulary import MIB, Direction, Limits

CHUNK = "chunk"
PARTIAL = "partial"
CHUNK_MAX = 1 * MIB
STUCK_S = 0.1


class Piece(NamedTuple):
    """What was cut off a stream.

    Args:
        shape: Its form; a piece of a frame has the label `partial`.
        data: All of its bytes.
        rest: Whether it continues the previous piece of the same frame.
    """

    shape: Shape
    data: bytes
    rest: bool = False


class FrameReader:
    """Cuts the bytes of one direction.

    Args:
        framer: Shared by both directions of a link; None for a stream without known framing.
        direction: Which direction is cut here.
        limits: Longest frame, and the quiet time that ends a chunk.
    """

    def __init__(self, framer: Framer | None, direction: Direction, limits: Limits) -> None:
        self.lost: str | None = None
        self.deadline: float | None = None
        self._framer = framer
        self._direction = direction
        self._limits = limits
        self._pending: list[bytes] = []
        self._have = 0
        self._need = 1  # pending bytes below which looking again is useless
        self._shape: Shape | None = None  # of the frame that is pending, once it is known
        self._owed = 0  # bytes still to come of a frame that was passed on incomplete

    def feed(self, data: bytes, now: float) -> list[Piece]:
        """Take bytes and return the pieces that are complete."""
        pieces: list[Piece] = []
        if self._owed:
            data = self._pay(data, pieces)
        if data:
            self._pending.append(data)
            self._have += len(data)
            if self._framer is not None and self._have >= self._need:
                self._cut(self._framer, pieces)
            if self._framer is None and self._have > CHUNK_MAX:
                pieces.append(self._take(CHUNK))
        self._set_deadline(now)
        return pieces

    def tick(self, now: float) -> list[Piece]:
        """Return the piece that is ended by silence, if it is time."""
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        return self.flush()

    def flush(self) -> list[Piece]:
        """Return what is pending, complete or not."""
        self.deadline = None
        if not self._have:
            return []
        if self._framer is None:
            return [self._take(CHUNK)]
        shape = self._shape
        piece = self._take(PARTIAL)
        if shape is None:
            self._give_up(f"{len(piece.data)} bytes and then nothing")
        else:
            self._framer.took(self._direction, shape, piece.data)
            self._owed = shape.length - len(piece.data)
        return [piece]

    def flush_chunk(self) -> list[Piece]:
        """Return what is pending of a stream without framing; frames that are incomplete stay."""
        return self.flush() if self._framer is None else []

    def _cut(self, framer: Framer, pieces: list[Piece]) -> None:
        buffer = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        at, end, direction = 0, len(buffer), self._direction
        shape: Shape | Lost | None = None
        while at < end:
            shape = framer.shape(direction, buffer, at)
            if shape is None or isinstance(shape, Lost) or shape.length > end - at:
                break
            frame = buffer[at : at + shape.length]
            framer.took(direction, shape, frame)
            pieces.append(Piece(shape, frame))
            at += shape.length
            shape = None
        self._keep(buffer[at:], shape)

    def _keep(self, rest: bytes, shape: Shape | Lost | None) -> None:
        self._pending = [rest] if rest else []
        self._have = len(rest)
        if isinstance(shape, Shape) and shape.length > self._limits.frame:
            shape = Lost(f"a frame of {shape.length} bytes, more than {self._limits.frame}")
        if isinstance(shape, Lost):
            self._give_up(shape.reason)
        else:
            self._shape = shape
            self._need = shape.length if shape is not None else self._have + 1

    def _give_up(self, reason: str) -> None:
        self.lost = reason
        self._framer = None
        self._shape = None

    def _pay(self, data: bytes, pieces: list[Piece]) -> bytes:
        """Pass on the rest of a frame whose beginning has gone already, and return what comes behind it."""
        part, data = data[: self._owed], data[self._owed :]
        self._owed -= len(part)
        pieces.append(Piece(Shape(len(part), 0, PARTIAL), part, rest=True))
        return data

    def _take(self, label: str) -> Piece:
        data = b"".join(self._pending)
        self._pending.clear()
        self._have, self._need, self._shape = 0, 1, None
        return Piece(Shape(len(data), 0, label), data)

    def _set_deadline(self, now: float) -> None:
        if not self._have:
            self.deadline = None
        else:
            self.deadline = now + (STUCK_S if self._framer is not None else self._limits.quiescence_s)
