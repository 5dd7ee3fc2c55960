"""Frames: the unit in which the adversary works, and edits that keep a frame well-formed."""

import msgspec

from ipc_gauntlet.adversary.vocabulary import Direction

LengthField = tuple[int, int]
"""Position and size in bytes of a big-endian length in a frame; what it counts follows it immediately."""

INJECTED = -1
"""Index of a frame that its sender did not send."""


class Frame(msgspec.Struct, frozen=True):
    """One frame of one direction of a link.

    Args:
        direction: Where it travels.
        index: Number among all frames that its sender sent in this direction, from 0; -1 for one that was injected.
        since_mark: The same, counted from the mark; None before it.
        label: What kind of frame it is, in the framer's words.
        data: All of its bytes, header included.
        at: When it was complete, in seconds of the reactor's clock.
        size: Its length in bytes.
        header: Length of its header in bytes; the body follows.
        lengths: The length fields in it.
    """

    direction: Direction
    index: int
    since_mark: int | None
    label: str
    data: bytes
    at: float
    size: int
    header: int = 0
    lengths: tuple[LengthField, ...] = ()

    @property
    def body(self) -> bytes:
        """The bytes after the header."""
        return self.data[self.header :]


class Edited(msgspec.Struct, frozen=True):
    """Outcome of an edit.

    Args:
        data: The new bytes of the frame.
        old: What was removed.
        note: What could not be done as asked, else empty.
        corrected: Whether a length field was changed, too.
    """

    data: bytes
    old: bytes
    note: str = ""
    corrected: bool = False


class Change(msgspec.Struct, frozen=True):
    """What to do to a frame's bytes: remove `delete` bytes at `offset` and put `insert` there."""

    offset: int
    delete: int
    insert: bytes


def edit(data: bytes, change: Change, lengths: tuple[LengthField, ...] = ()) -> Edited:
    """Replace a part of a frame and correct the length that counts this part.

    Args:
        data: The frame.
        change: What to do; the offset counts from the frame's first byte and lies within the frame or at its end.
        lengths: The frame's length fields; without them nothing is corrected.
    """
    start, stop = change.offset, min(change.offset + change.delete, len(data))
    old = data[start:stop]
    edited = data[:start] + change.insert + data[stop:]
    for position, size in lengths:
        first = position + size
        counted = int.from_bytes(data[position:first])
        if first <= start and stop <= first + counted:
            corrected = counted + len(change.insert) - len(old)
            if corrected >= 1 << (8 * size):
                return Edited(
                    edited, old, f"a length of {size} bytes cannot say {corrected}, left at {counted}"
                )
            fixed = edited[:position] + corrected.to_bytes(size) + edited[first:]
            return Edited(fixed, old, corrected=corrected != counted)
    if lengths and len(edited) != len(data):
        return Edited(edited, old, "the change lies outside of what a length counts, no length was corrected")
    return Edited(edited, old)


def reframe(frame: Frame, body: bytes) -> bytes:
    """Wrap bytes like a frame: its header, with the length corrected.

    Of a frame that has several parts the last one is replaced. A frame without length fields has no header to copy.
    """
    if not frame.lengths:
        return body
    position, size = frame.lengths[-1]
    first = position + size
    return edit(frame.data, Change(first, len(frame.data) - first, body), frame.lengths[-1:]).data
