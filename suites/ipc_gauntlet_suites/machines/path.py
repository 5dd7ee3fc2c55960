"""The path between two ends as a machine sees it: what is on its way, and how much arrived as it was sent."""

from collections import deque
from dataclasses import dataclass, field

from ipc_gauntlet import Direction


@dataclass(slots=True)
class Way:
    """One direction.

    Attributes:
        direction: Which one.
        sent: Frames that the sender has put on the path, in order.
        waiting: Those that nothing has happened to yet.
        kept: Those that were taken out, to be let go later.
        intact: How many frames arrived that were the sender's, in its order, before anything else did.
        altered: Whether anything else has arrived since.
    """

    direction: Direction
    sent: list[bytes] = field(default_factory=list)
    waiting: deque[bytes] = field(default_factory=deque)
    kept: deque[bytes] = field(default_factory=deque)
    intact: int = 0
    altered: bool = False

    def came(self, frames: list[bytes]) -> None:
        """The sender has put frames on the path."""
        self.sent += frames
        self.waiting += frames

    def passed(self, data: bytes) -> None:
        """Bytes were given to the receiver."""
        due = self.sent[self.intact] if self.intact < len(self.sent) else None
        if self.altered or data != due:
            self.altered = True
        else:
            self.intact += 1


@dataclass(slots=True)
class Said:
    """What one direction was asked to carry.

    Attributes:
        payloads: Messages whose sending was attempted, in order.
        behind: For each of them how many frames had been sent before: it is in none of these.
        refused: Whether the last one was refused; then no further one is sent.
    """

    payloads: list[bytes] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    refused: bool = False

    def within(self, frames: int) -> int:
        """How many messages can at most be known to somebody who has the first `frames` frames."""
        return sum(1 for before in self.behind if before < frames)

    @property
    def accepted(self) -> tuple[bytes, ...]:
        """The messages whose sending succeeded."""
        return tuple(self.payloads[:-1] if self.refused else self.payloads)
