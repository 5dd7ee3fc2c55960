"""What a link's core asks its pump to do. Actions on one side are carried out in order, each after the one before."""

from collections.abc import Iterable, Iterator
from itertools import groupby
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


def joined(actions: Iterable[Action]) -> Iterator[Action]:
    """Actions that have come together, with bytes for one side that have nothing between them as one write.

    What is injected right behind a frame has to reach the receiver with it, however quickly that reads. Bytes whose
    segmentation is to be seen stay apart.
    """
    for side, together in groupby(actions, _plain_side):
        if side is None:
            yield from together
        else:
            yield Send(side, b"".join(one.data for one in together if isinstance(one, Send)))


def _plain_side(action: Action) -> Side | None:
    """Where bytes go whose segmentation means nothing; None for every other action."""
    return action.side if isinstance(action, Send) and not action.paced else None
