"""The writing half of an endpoint: what the transport does not take waits here, and is written when there is room.

Rule of this file: whoever sends never waits for the peer. A helper thread writes the rest; it exists only while the
peer is slow.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from sipc.errors import LocalError
from sipc.rpc import Call
from sipc_runtime.clock import Clock
from sipc_runtime.outbox import Outbox
from sipc_runtime.transport import Stream, StreamBroken
from sipc_runtime.workers import CONNECTION_THREADS


class Writer:
    """Writes to one stream. Every method is called with the endpoint's lock held.

    Attributes:
        outbox: Bytes that the transport has not taken.
        broken: Nobody will ever read what is written.
        flushing: The helper thread is at work.

    Args:
        changed: The endpoint's condition; notified when bytes were taken.
        blocked: Told since when the oldest byte waits, None if none does.
        settle: Called by the helper, which may have changed what follows.
    """

    __slots__ = ("_blocked", "_changed", "_settle", "_stream", "broken", "flushing", "outbox")

    def __init__(
        self,
        changed: threading.Condition,
        blocked: Callable[[float | None], None],
        settle: Callable[[], None],
    ) -> None:
        self.outbox = Outbox()
        self.broken = False
        self.flushing = False
        self._stream: Stream | None = None
        self._changed = changed
        self._blocked = blocked
        self._settle = settle

    def attach(self, stream: Stream) -> None:
        """Write to this stream."""
        self._stream = stream

    def write(self, data: bytes, now: float) -> None:
        """Write, or queue behind what waits already."""
        stream = self._stream
        if self.broken or stream is None:
            return
        if self.outbox.size:
            self.outbox.append(data, now)
            return
        try:
            count = stream.write_some(data)
        except StreamBroken:
            # The reader finds out how the stream ended, and may still find the peer's last records.
            self.broken = True
            return
        if count < len(data):
            self.outbox.append(memoryview(data)[count:], now)
            self._flush(stream)

    def in_time(self, call: Call, mark: int, clock: Clock) -> Call:
        """Wait until not more than `mark` bytes wait; return the request with what is left of its time.

        Raises:
            LocalError: Its deadline came first: it was not sent.
        """
        until = clock.monotonic() + call.budget_ms / 1000
        while self.outbox.size > mark:
            if not clock.monotonic() < until:
                raise LocalError("the peer did not read before the deadline", reason="timeout")
            clock.wait(self._changed, until)
        return replace(call, budget_ms=(until - clock.monotonic()) * 1000)

    def _flush(self, stream: Stream) -> None:
        if not self.flushing:
            self.flushing = True
            self._blocked(self.outbox.oldest())
            CONNECTION_THREADS.submit(lambda: self._write_rest(stream))

    def _write_rest(self, stream: Stream) -> None:
        """The helper's work. Called without the lock."""
        while True:
            with self._changed:
                self._write_what_fits(stream)
                self._blocked(self.outbox.oldest())
                self._settle()
                self._changed.notify_all()
                if not self.outbox.size:
                    self.flushing = False
                    return
            stream.wait_writable()

    def _write_what_fits(self, stream: Stream) -> None:
        outbox = self.outbox
        try:
            while outbox.size:
                count = stream.write_some(outbox.head())
                if count == 0:
                    break
                outbox.taken(count)
        except StreamBroken:
            self.broken = True
            outbox.clear()
