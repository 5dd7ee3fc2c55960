"""One direction of one link: numbering, what is withheld, and how far the stream has come."""

from collections import deque
from enum import Enum
from typing import NamedTuple

from ipc_gauntlet.adversary.capture import Entry
from ipc_gauntlet.adversary.faults import Drop, FrameFault, Selector, Stall
from ipc_gauntlet.adversary.frames import Frame
from ipc_gauntlet.adversary.framing import Framer, FrameReader, Piece
from ipc_gauntlet.adversary.operators import Later
from ipc_gauntlet.adversary.segments import Segmenter
from ipc_gauntlet.adversary.vocabulary import RECEIVER, SENDER, Direction, Limits
from ipc_gauntlet.transport import EndKind


class Mode(Enum):
    """What happens to frames that arrive."""

    OPEN = "forwarded"
    SWALLOWING = "swallowed: the link is stalled"
    BLOCKED = "kept: the link is stalled"
    CUT = "not forwarded: the link is cut"
    DETACHED = "not forwarded: another link has taken over"
    DEAF = "not forwarded: the receiver takes nothing any more"


class Position(NamedTuple):
    """Numbers of one frame, by every way of counting.

    Args:
        total: Among all frames from the start.
        since_mark: Among all frames from the mark; None before it.
        labelled: Among frames of its label from the start.
        labelled_since_mark: Among frames of its label from the mark; None before it.
    """

    total: int
    since_mark: int | None
    labelled: int
    labelled_since_mark: int | None


class Numbering:
    """Counts the frames of one direction."""

    __slots__ = ("_labels", "_mark_labels", "marked_at", "total")

    def __init__(self) -> None:
        self.total = 0
        self.marked_at: int | None = None
        self._labels: dict[str, int] = {}
        self._mark_labels: dict[str, int] = {}

    def mark(self) -> None:
        """Start to count from the mark; a later mark replaces it."""
        self.marked_at = self.total
        self._mark_labels = dict(self._labels)

    def take(self, label: str) -> Position:
        """Number the next frame."""
        index = self.total
        self.total += 1
        labelled = self._labels.get(label, 0)
        self._labels[label] = labelled + 1
        if self.marked_at is None:
            return Position(index, None, labelled, None)
        return Position(index, index - self.marked_at, labelled, labelled - self._mark_labels.get(label, 0))


class Armed(NamedTuple):
    """A fault that waits for frames.

    Args:
        number: Its position in the schedule.
        fault: The fault.
        at: Its selector.
    """

    number: int
    fault: FrameFault | Stall
    at: Selector

    def matches(self, label: str, position: Position) -> bool:
        """Whether the fault acts on a frame."""
        at = self.at
        if at.label is None:
            number = position.since_mark if at.since_mark else position.total
        elif at.label == label:
            number = position.labelled_since_mark if at.since_mark else position.labelled
        else:
            return False
        count = self.fault.count if isinstance(self.fault, Drop) else 1
        return number is not None and at.nth <= number < at.nth + count


class Waiting:
    """Bytes that wait to be overtaken."""

    __slots__ = ("fault", "frame", "later", "overtaken")

    def __init__(self, fault: int, later: Later, frame: Frame) -> None:
        self.fault = fault
        self.later = later
        self.frame = frame
        self.overtaken = 0


class Arrival(NamedTuple):
    """A frame that is complete, with everything that is known about it."""

    frame: Frame
    position: Position
    entry: Entry


class Lane:
    """State of one direction.

    Args:
        direction: Which one.
        framer: Shared with the other direction; None without framing.
        limits: Bounds.
    """

    def __init__(self, direction: Direction, framer: Framer | None, limits: Limits) -> None:
        self.direction: Direction = direction
        self.sender = SENDER[direction]
        self.receiver = RECEIVER[direction]
        self.reader = FrameReader(framer, direction, limits)
        self.numbering = Numbering()
        self.armed: list[Armed] = []
        self.waiting: list[Waiting] = []
        self.held: list[Waiting] = []
        self.segmenter: Segmenter | None = None
        self.segmented_by: int | None = None  # number of the fault, until it has fired
        self.mode = Mode.OPEN
        self.backlog: deque[Arrival] = deque()  # what arrived while the lane was blocked
        self.ended: EndKind | None = None  # how the sender ended
        self.output_ended = False  # the receiver was shown an end
        self.bytes_seen = 0
        self._last = Position(-1, None, -1, None)

    @property
    def open(self) -> bool:
        """Whether frames are forwarded."""
        return self.mode is Mode.OPEN

    @property
    def stalled(self) -> bool:
        """Whether `resume` would change something."""
        return self.mode in (Mode.SWALLOWING, Mode.BLOCKED)

    def numbered(self, piece: Piece, at: float) -> tuple[Frame, Position]:
        """Make a frame of a piece. Further pieces of one frame share its number."""
        shape = piece.shape
        if not piece.rest:
            self._last = self.numbering.take(shape.label)
        position = self._last
        frame = Frame(
            self.direction,
            position.total,
            position.since_mark,
            shape.label,
            piece.data,
            at,
            len(piece.data),
            shape.header,
            shape.lengths,
        )
        return frame, position

    def matching(self, frame: Frame, position: Position) -> list[Armed]:
        """Return the faults that act on a frame, in the order of the schedule, and forget those that are spent."""
        found = [armed for armed in self.armed if armed.matches(frame.label, position)]
        spent = [armed for armed in found if not isinstance(armed.fault, Drop)]
        if spent:
            self.armed = [armed for armed in self.armed if armed not in spent]
        return found

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        segmenter = self.segmenter.deadline if self.segmenter is not None else None
        reader = self.reader.deadline
        if segmenter is None or reader is None:
            return segmenter if reader is None else reader
        return min(segmenter, reader)
