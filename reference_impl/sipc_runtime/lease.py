"""Who reads a stream: its endpoint's own thread, or for a while the thread of a caller that waits for an answer.

A caller that reads the answer itself saves two changes of thread for each request. So the own thread, after it has
delivered an answer, parks and offers its role; a caller takes it for one request and gives it back. When the role
was not used for a short time, the own thread takes it again: then everything that comes unasked is read at once.
Until then it may lie for `UNUSED_S`.

Rule of this file: exactly one thread reads at any time, and a role is handed over only with the endpoint's lock held.
"""

import threading
from enum import Enum

from sipc.events import RequestFailed, ResponseReceived

# The own thread takes back a role that was not used for so long. Not a time-out of the protocol, so it runs by the
# machine's clock.
UNUSED_S = 0.002

Outcome = ResponseReceived | RequestFailed


class Reader(Enum):
    """Who reads."""

    OWN = "the endpoint's thread"
    FREE = "nobody; the endpoint's thread is parked"
    CALLER = "a caller; the endpoint's thread is parked"


_OWN, _FREE, _CALLER = Reader


class Lease:
    """The role of the reader.

    Attributes:
        reader: Who has it.

    Args:
        lock: The endpoint's lock. It is held wherever a method does not say otherwise.
    """

    __slots__ = ("_asleep", "_bell", "_lock", "_used", "reader")

    def __init__(self, lock: threading.Lock) -> None:
        self.reader = _OWN
        self._lock = lock
        # The own thread waits for this lock to be released; cheaper than a condition, and all that is needed.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._used = False
        self._asleep = False

    def offer(self) -> None:
        """The own thread is about to park."""
        self.reader = _FREE
        self._used = False

    def take(self) -> bool:
        """A caller wants to read; False if another thread does."""
        if self.reader is not _FREE:
            return False
        self.reader = _CALLER
        return True

    def give_back(self, *, to_own_thread: bool) -> None:
        """The caller reads no more.

        Args:
            to_own_thread: There is something to do for the own thread; otherwise the next caller may read.
        """
        self.reader = _OWN if to_own_thread else _FREE
        self._used = True
        if to_own_thread or self._asleep:
            self._ring()

    def recall(self) -> None:
        """Have the own thread read at once, unless a caller does."""
        if self.reader is _FREE:
            self.reader = _OWN
            self._ring()

    def park(self) -> None:
        """Wait until the role is the own thread's again. Called by it, without the lock, after `offer`."""
        while True:
            # While a caller waits for a slow answer there is nothing to look at: it rings when it is done.
            rung = self._bell.acquire(timeout=-1 if self._asleep else UNUSED_S)
            with self._lock:
                if self.reader is _OWN:
                    self._asleep = False
                    return
                self._asleep = self.reader is _CALLER and not rung
                if self.reader is _FREE and not rung and not self._used:
                    self.reader = _OWN
                    return
                if not rung:
                    self._used = False

    def _ring(self) -> None:
        if self._bell.locked():
            self._bell.release()


class Waiter:
    """A caller that waits for the outcome of one request.

    Attributes:
        outcome: None until there is one. Set with the endpoint's lock held.
        reads: It has the lease.
        inside: It has it, and waits in the stream, where it must be interrupted.
    """

    __slots__ = ("_bell", "inside", "outcome", "reads")

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.reads = False
        self.inside = False
        self._bell: threading.Lock | None = None

    def expect(self) -> None:
        """Prepare to `wait`. Called with the endpoint's lock held."""
        self.reads = self.inside = False
        if self.outcome is None:
            self._bell = threading.Lock()
            self._bell.acquire()

    def settle(self, outcome: Outcome) -> None:
        """There is an outcome. Called with the endpoint's lock held, once."""
        self.outcome = outcome
        if self._bell is not None:
            self._bell.release()

    def wait(self) -> None:
        """Wait for the outcome. Called without the lock, after `expect`."""
        if self._bell is not None:
            self._bell.acquire()
