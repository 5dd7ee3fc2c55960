"""What a link's core asks its pump to do. Actions on one side are carried out in order, each after the one before."""

from typing import NamedTuple

from ipc_gauntlet.adversary.vocabulary import Side


class Send(NamedTuple):
    """Write bytes to a side.

    Args:
        side: Who receives them.
        data: The bytes.
        paced: Wait until the side has read what was sent before, so that the segmentation can be seen.
    """

    side: Side
    data: bytes
    paced: bool = False


class Finish(NamedTuple):
    """Send the end of the stream (FIN) to a side."""

    side: Side


class Abort(NamedTuple):
    """Reset the connection with a side, after what was written to it."""

    side: Side


class Pause(NamedTuple):
    """Stop reading from a side."""

    side: Side


class Resume(NamedTuple):
    """Read from a side again."""

    side: Side


class Close(NamedTuple):
    """Nothing can move any more: close both sides, after what was written to them."""


Action = Send | Finish | Abort | Pause | Resume | Close
