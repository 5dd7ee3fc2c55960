"""A strict parser of framed messages, as small as one that has everything can be, with three bugs planted in it.

    frame     magic "PLNT", version 2, type, flags, session (4), sequence (4), length (2), body, CRC-32 of all before
    body      items: tag, length (2), value; a tag from 0x80 on holds items
    session   HELLO, ACCEPT, DATA..., CLOSE: one session number, sequence numbers from 0 on, none left out

The bugs, from shallow to deep; each is an exception that the parser does not declare:

    MagicBug    the right magic, version and one type that nothing announces
    NestedBug   an item at the third level that is longer than what it lies in
    SessionBug  five frames with right checksums, numbers and order, the last with the flag for new keys
"""

import zlib
from dataclasses import dataclass, field

MAGIC = b"PLNT"
VERSION = 2
HELLO, ACCEPT, DATA, CLOSE, DEBUG = 1, 2, 3, 4, 0x5D
REKEY, LAST = 0x01, 0x02
HEADER = 17
DEEPEST = 8


class Refused(Exception):
    """The input is not what it has to be.

    Args:
        reason: A stable word.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MagicBug(Exception):
    """The first bug."""


class NestedBug(Exception):
    """The second bug."""


class SessionBug(Exception):
    """The third bug."""


@dataclass
class Frame:
    """One message."""

    kind: int
    flags: int
    session: int
    sequence: int
    items: list[tuple[int, object]]


@dataclass
class State:
    """Where a session stands."""

    session: int = 0
    sequence: int = 0
    last: int = 0
    data: int = 0
    frames: list[Frame] = field(default_factory=list)


def parse(data: bytes) -> list[Frame]:
    """Read all frames of a session.

    Raises:
        Refused: As specified.
    """
    state = State()
    pos = 0
    while pos < len(data):
        frame, pos = read_frame(data, pos)
        advance(state, frame)
    if not state.frames:
        raise Refused("empty")
    return state.frames


def read_frame(data: bytes, pos: int) -> tuple[Frame, int]:
    """Read one frame and its body."""
    if len(data) - pos < HEADER:
        raise Refused("short")
    if data[pos : pos + 4] != MAGIC:
        raise Refused("magic")
    version, kind, flags = data[pos + 4], data[pos + 5], data[pos + 6]
    if version != VERSION:
        raise Refused("version")
    if kind == DEBUG:
        raise MagicBug
    if not HELLO <= kind <= CLOSE:
        raise Refused("type")
    session = int.from_bytes(data[pos + 7 : pos + 11], "big")
    sequence = int.from_bytes(data[pos + 11 : pos + 15], "big")
    length = int.from_bytes(data[pos + 15 : pos + 17], "big")
    end = pos + HEADER + length
    if end + 4 > len(data):
        raise Refused("length")
    items = read_items(data, pos + HEADER, end, 1)
    if zlib.crc32(data[pos:end]) != int.from_bytes(data[end : end + 4], "big"):
        raise Refused("checksum")
    if flags & ~(REKEY | LAST):
        raise Refused("flags")
    return Frame(kind, flags, session, sequence, items), end + 4


def read_items(data: bytes, pos: int, end: int, depth: int) -> list[tuple[int, object]]:
    """Read the items between two places."""
    if depth > DEEPEST:
        raise Refused("depth")
    found: list[tuple[int, object]] = []
    while pos < end:
        if end - pos < 3:
            raise Refused("item")
        tag, size = data[pos], int.from_bytes(data[pos + 1 : pos + 3], "big")
        pos += 3
        if pos + size > end:
            if depth >= 3:
                raise NestedBug
            raise Refused("item length")
        if tag >= 0x80:
            found.append((tag, read_items(data, pos, pos + size, depth + 1)))
        else:
            found.append((tag, data[pos : pos + size]))
        pos += size
    return found


def advance(state: State, frame: Frame) -> None:
    """Take a frame where it belongs."""
    if frame.kind == HELLO:
        if state.last:
            raise Refused("second hello")
        if frame.session == 0:
            raise Refused("session zero")
        state.session = frame.session
    elif not state.last:
        raise Refused("no hello")
    elif frame.session != state.session:
        raise Refused("other session")
    if frame.sequence != state.sequence:
        raise Refused("sequence")
    if frame.kind == ACCEPT and state.last != HELLO:
        raise Refused("accept out of place")
    if frame.kind in (DATA, CLOSE) and state.last not in (ACCEPT, DATA):
        raise Refused("data before accept")
    if frame.kind == DATA:
        state.data += 1
        if state.data == 3 and frame.flags & REKEY:
            raise SessionBug
    state.sequence += 1
    state.last = frame.kind
    state.frames.append(frame)
