"""What happened on a link: frames as received and as forwarded, and what was done to them.

Rule of this file: memory is bounded. Beyond the limit frames are still numbered and acted upon, but not kept.
"""

import msgspec

from ipc_gauntlet.adversary.frames import Frame
from ipc_gauntlet.adversary.vocabulary import RECEIVER, SENDER, Direction

HEAD_BYTES = 16
SHOWN_BYTES = 32
OVERHEAD = 256  # what keeping a frame costs besides its bytes, so that many small frames are bounded, too
BY_HAND = -1


class Firing(msgspec.Struct, frozen=True):
    """Proof that a fault did something.

    Args:
        fault_index: Position of the fault in the schedule; -1 for what a case did by a method of `Link`.
        link: Number of the link.
        direction: Direction in which it happened; None if it concerns the whole link.
        frame_index: Number of the frame, None if it concerns no single one.
        label: The frame's kind.
        detail: What exactly was done.
        at: When, in seconds of the reactor's clock.
        offset: First changed byte, from the frame's start, if bytes were changed.
        old: The bytes that were there.
        new: The bytes that went instead.
    """

    fault_index: int
    link: int
    direction: Direction | None
    frame_index: int | None
    label: str
    detail: str
    at: float
    offset: int | None = None
    old: bytes = b""
    new: bytes = b""

    def describe(self) -> str:
        """Say in one line what was done, and to what."""
        fault = "by hand" if self.fault_index == BY_HAND else f"fault {self.fault_index}"
        frame = f" #{self.frame_index} ({self.label})" if self.frame_index is not None else ""
        where = f" {self.direction}{frame}" if self.direction is not None else ""
        return f"{fault}: link {self.link}{where}: {self.change()}"

    def change(self) -> str:
        """Say what was done, without to what."""
        if self.offset is None:
            return self.detail
        return f"{self.detail}, byte {self.offset}: {_hex(self.old)} -> {_hex(self.new)}"


class TraceLine(msgspec.Struct, frozen=True):
    """One line of a trace; `str` makes it readable.

    Args:
        at: Seconds since the link was opened.
        direction: Where the frame travelled; None for a remark.
        index: Number of the frame; -1 for an injected one.
        label: The frame's kind.
        size: Its length in bytes.
        head: Its first 16 bytes in hexadecimal.
        done: What was done to it, or the remark.
    """

    at: float
    direction: Direction | None
    index: int | None
    label: str
    size: int
    head: str
    done: str

    def __str__(self) -> str:
        time = f"{self.at * 1000:9.2f} ms"
        if self.direction is None or self.index is None:
            return f"{time}  -- {self.done}"
        arrow = f"{SENDER[self.direction]} ──▶ {RECEIVER[self.direction]}"
        number = f"#{self.index}" if self.index >= 0 else "+"
        done = f"  [{self.done}]" if self.done else ""
        return f"{time}  {arrow}  {number:>4} {self.label:<10} {self.size:>6} B  {self.head}{done}"


class Entry:
    """One event of a link: a frame, or a remark."""

    __slots__ = ("at", "done", "frame")

    def __init__(self, at: float, frame: Frame | None, done: str = "") -> None:
        self.at = at
        self.frame = frame
        self.done = done

    def add(self, text: str) -> None:
        """Note something that was done to the frame."""
        self.done = f"{self.done}; {text}" if self.done else text


class Capture:
    """Everything that happened on one link, in order.

    Args:
        opened_at: Time of the reactor's clock from which traces count.
        limit: Bytes of frames to keep.
    """

    def __init__(self, opened_at: float, limit: int) -> None:
        self.opened_at = opened_at
        self.complete = True
        self.timeline: list[Entry] = []
        self.received: dict[Direction, list[Frame]] = {"c2s": [], "s2c": []}
        self.forwarded: dict[Direction, list[Frame]] = {"c2s": [], "s2c": []}
        self._room = limit

    def arrived(self, frame: Frame) -> Entry:
        """Keep a frame that its sender sent; what is done to it can be added to the entry that is returned."""
        entry = Entry(frame.at, frame)
        if self._fits(frame.size):
            self.received[frame.direction].append(frame)
            self.timeline.append(entry)
        return entry

    def passed(self, frame: Frame) -> None:
        """Keep a frame as it went to its receiver, unchanged; it shares its bytes with the one that came."""
        if self.complete:
            self.forwarded[frame.direction].append(frame)

    def altered(self, frame: Frame) -> None:
        """Keep the changed version of a frame, as it went to its receiver."""
        if self._fits(frame.size):
            self.forwarded[frame.direction].append(frame)

    def made(self, frame: Frame, done: str) -> None:
        """Keep a frame that the adversary sent in addition."""
        if self._fits(frame.size):
            self.forwarded[frame.direction].append(frame)
            self.timeline.append(Entry(frame.at, frame, done))

    def remark(self, text: str, at: float) -> None:
        """Keep something that is no frame."""
        self.timeline.append(Entry(at, None, text))

    def remarks(self) -> list[str]:
        """Return the remarks only."""
        return [entry.done for entry in self.timeline if entry.frame is None]

    def lines(self, start: int = 0, stop: int | None = None) -> list[TraceLine]:
        """Return a part of the timeline for people."""
        return [self._line(entry) for entry in self.timeline[start:stop]]

    def _line(self, entry: Entry) -> TraceLine:
        at, frame = entry.at - self.opened_at, entry.frame
        if frame is None:
            return TraceLine(at, None, None, "", 0, "", entry.done)
        head = frame.data[:HEAD_BYTES].hex()
        return TraceLine(at, frame.direction, frame.index, frame.label, frame.size, head, entry.done)

    def _fits(self, size: int) -> bool:
        if self.complete:
            self._room -= size + OVERHEAD
            if self._room < 0:
                self.complete = False
                self.remark(
                    "capture limit reached, later frames are not kept",
                    self.timeline[-1].at if self.timeline else self.opened_at,
                )
        return self.complete


def _hex(data: bytes) -> str:
    shown = data[:SHOWN_BYTES].hex() or "nothing"
    return shown if len(data) <= SHOWN_BYTES else f"{shown}... ({len(data)} bytes)"
