"""Writes toward one side of a link, in order, and at a pace where a receiver is to see the segmentation."""

from collections import deque
from collections.abc import Callable
from enum import Enum

from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import Stream

# A paced piece is written once the receiver has read the one before, and some time has passed; where the system cannot
# tell, or the receiver is slow, after a while anyway. Short waits are spent polling: sleeping costs a millisecond.
PACE_MIN_S = 0.0001
PACE_BLIND_S = 0.001
PACE_MAX_S = 0.005
POLL_S = 0.0005
NAP_S = 0.001

# All waiting for pace together, for one side. On a loaded machine the rest is written without, so that the adversary does
# not make a handshake miss its deadline.
PACE_BUDGET_S = 1.0

# A reset overtakes what the receiver had no room for yet; it is held back for so long at most.
RESET_WAIT_S = 2.0


class End(Enum):
    """What follows behind the last byte."""

    FINISH = "finish"
    ABORT = "abort"
    CLOSE = "close"


def _nothing() -> None:
    """Stands in until somebody wants to know."""


class Outlet:
    """The writing half of one side.

    Args:
        stream: Where to write.
        reactor: Drives the pace.
    """

    def __init__(self, stream: Stream, reactor: Reactor) -> None:
        self.stream = stream
        self.on_progress: Callable[[], None] = _nothing
        self._reactor = reactor
        self._queue: deque[tuple[bytes, bool] | End] = deque()
        self._queued = 0
        self._written_at = 0.0
        self._waiting_since: float | None = None
        self._waited = 0.0
        self._reset_by: float | None = None
        self._turn_is_set = False
        stream.on_drained = self.wake

    @property
    def buffered(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return self._queued + self.stream.buffered

    def send(self, data: bytes, *, paced: bool = False) -> None:
        """Write bytes behind everything that was written before."""
        if not paced and not self._queue:
            self.stream.write(data)
            return
        self._queue.append((data, paced))
        self._queued += len(data)
        self._advance()

    def end(self, end: End) -> None:
        """End the stream behind everything that was written before."""
        self._queue.append(end)
        self._advance()

    def wake(self) -> None:
        """Go on after the stream has drained, or has broken and lost what waited."""
        self._advance()

    def _advance(self) -> None:
        if self._turn_is_set:
            return  # somebody is at the head of the queue and waits for time
        while self._queue and not self.stream.closed:
            head = self._queue[0]
            if not (self._end(head) if isinstance(head, End) else self._write(*head)):
                break
            self._queue.popleft()
        self.on_progress()

    def _end(self, end: End) -> bool:
        if end is End.FINISH:
            self.stream.finish()
            return True
        if self.stream.buffered:
            return False  # goes on when the stream has drained
        if end is End.ABORT:
            if self.stream.unsent() and self._may_wait():
                return False
            self.stream.abort()
        else:
            self.stream.close()
        return True

    def _write(self, data: bytes, paced: bool) -> bool:
        now = self._reactor.now()
        if paced and not self._may_write(now):
            if self._waiting_since is None:
                self._waiting_since = now
            return False
        if self._waiting_since is not None:
            self._waited += now - self._waiting_since
            self._waiting_since = None
        self.stream.write(data)
        self._queued -= len(data)
        self._written_at = now
        return True

    def _may_write(self, now: float) -> bool:
        if self._waited >= PACE_BUDGET_S:
            return True
        elapsed = now - self._written_at
        unread = self.stream.unread()
        read = elapsed >= PACE_BLIND_S if unread is None else unread == 0 and elapsed >= PACE_MIN_S
        if read or elapsed >= PACE_MAX_S:
            return True
        self._look_again(now if elapsed < POLL_S else now + NAP_S)
        return False

    def _may_wait(self) -> bool:
        now = self._reactor.now()
        if self._reset_by is None:
            self._reset_by = now + RESET_WAIT_S
        if now >= self._reset_by:
            return False
        self._look_again(now + NAP_S)
        return True

    def _look_again(self, when: float) -> None:
        self._turn_is_set = True
        self._reactor.call_at(when, self._turn)

    def _turn(self) -> None:
        self._turn_is_set = False
        self._advance()
