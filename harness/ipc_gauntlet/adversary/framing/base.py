"""What a framer is: it looks at the start of what is left of a direction and says how long the next frame is.

Rule of this package: a framer never raises, whatever the bytes, and never holds bytes itself. Cutting, buffering, and
what happens when a framer loses its way are in `reader`, once for all framers.
"""

from typing import NamedTuple, Protocol

from ipc_gauntlet.adversary.frames import LengthField
from ipc_gauntlet.adversary.vocabulary import Direction


class Shape(NamedTuple):
    """Form of the next frame.

    Args:
        length: All of its bytes.
        header: How many of them are its header.
        label: What kind of frame it is.
        lengths: Its length fields.
    """

    length: int
    header: int
    label: str
    lengths: tuple[LengthField, ...] = ()


class Lost(NamedTuple):
    """The bytes are not what this framer understands.

    Args:
        reason: Why, for people.
    """

    reason: str


class Framer(Protocol):
    """Finds frames in both directions of one link."""

    def shape(self, direction: Direction, buffer: bytes, at: int) -> Shape | Lost | None:
        """Tell the form of the frame that starts at a position.

        Args:
            direction: Which stream the bytes belong to.
            buffer: What was received and not cut yet.
            at: Where the frame starts; less than the buffer's length.

        Returns:
            The form, `Lost`, or None while there are too few bytes to tell. The frame itself may still be incomplete; then
            this is asked again for the same frame.
        """

    def took(self, direction: Direction, shape: Shape, frame: bytes) -> None:
        """Learn that a frame is complete; called once for each, in order, before the next `shape`."""
