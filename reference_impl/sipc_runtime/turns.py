"""Turns: calls of one lane that may be made again are made one after the other, in the order of their submission.

Without it a call whose first attempt was lost would be made again behind those that were submitted after it.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from sipc.ordering import Lanes
from sipc_runtime.clock import Clock


@dataclass(eq=False, slots=True)
class Turn:
    """A place in a lane.

    Attributes:
        lane: Which one.
        has_come: It is this one's turn.
        given_up: Nobody waits for it any more.
    """

    lane: Hashable
    has_come: bool = False
    given_up: bool = False


class Turns:
    """The lanes of one client.

    Args:
        clock: For deadlines.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: Lanes[Turn] = Lanes()
        self._changed = threading.Condition()

    def take(self, lane: Hashable) -> Turn:
        """Take the last place in a lane; the caller passes it to `done` in the end."""
        turn = Turn(lane)
        with self._changed:
            turn.has_come = self._lanes.submit(lane, turn)
        return turn

    def wait(self, turn: Turn, deadline: float) -> bool:
        """Wait until it is this one's turn; False when that does not come before the deadline."""
        with self._changed:
            while not turn.has_come and self._clock.monotonic() < deadline:
                self._clock.wait(self._changed, deadline)
            return turn.has_come

    def done(self, turn: Turn) -> None:
        """Leave the lane: the next one may go on."""
        with self._changed:
            turn.given_up = True
            following: Turn | None = turn if turn.has_come else None
            while following is not None and following.given_up:
                following = self._lanes.done(turn.lane)
            if following is not None:
                following.has_come = True
            self._changed.notify_all()
