"""What all streams do alike: queues, pauses and ends, on top of anything that reads and writes without blocking.

Rule of this file: the endpoint is registered with the reactor only while there is something to wait for, and is always
taken out of it before it is closed.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from ipc_gauntlet.reactor import HasFileno, Reactor
from ipc_gauntlet.transport.protocol import EndKind

READ_SIZE = 65536


def ignore(*_: object) -> None:
    """Stands in for a callback that nobody set."""


class ByteStream(ABC):
    """`Stream` without the calls of one kind of endpoint.

    Args:
        endpoint: What the reactor watches.
        reactor: Drives the stream.
    """

    def __init__(self, endpoint: HasFileno, reactor: Reactor) -> None:
        self.on_bytes: Callable[[bytes], None] = ignore
        self.on_end: Callable[[EndKind], None] = ignore
        self.on_broken: Callable[[], None] = ignore
        self.on_drained: Callable[[], None] = ignore
        self.error = ""
        self._endpoint = endpoint
        self._reactor = reactor
        self._queue: deque[bytes] = deque()
        self._buffered = 0
        self._connecting = False
        self._wants_bytes = False
        self._ended = False
        self._finishing = False
        self._finished = False
        self._broken = False
        self._closed = False

    # -- what an endpoint can do ------------------------------------------------------------------------------------------

    @abstractmethod
    def take(self, size: int) -> bytes:
        """Read; empty at the end. Raises BlockingIOError, ConnectionResetError, or any other OSError."""

    @abstractmethod
    def give(self, data: bytes) -> int:
        """Write, and return how much was taken. Raises BlockingIOError, or any other OSError when it is broken."""

    @abstractmethod
    def shut(self) -> None:
        """Send the end, once everything was taken."""

    @abstractmethod
    def free(self) -> None:
        """Close the endpoint."""

    @property
    def buffered(self) -> int:
        """See `Stream.buffered`."""
        return self._buffered

    @property
    def closed(self) -> bool:
        """See `Stream.closed`."""
        return self._closed

    def write(self, data: bytes) -> None:
        """See `Stream.write`."""
        if self._closed or self._broken or self._finishing or not data:
            return
        if not self._queue and not self._connecting:
            sent = self._send(data)
            if sent is None or sent == len(data):
                return
            data = data[sent:]
            self._reactor.add_writer(self._endpoint, self._writable)
        self._queue.append(data)
        self._buffered += len(data)

    def finish(self) -> None:
        """See `Stream.finish`."""
        if not self._finishing:
            self._finishing = True
            if not self._queue and not self._connecting:
                self._shut()

    def close(self) -> None:
        """See `Stream.close`."""
        if not self._closed:
            self._closed = True
            self._reactor.remove_reader(self._endpoint)
            self._reactor.remove_writer(self._endpoint)
            self._queue.clear()
            self._buffered = 0
            self.free()

    def pause(self) -> None:
        """See `Stream.pause`."""
        if self._wants_bytes:
            self._wants_bytes = False
            if not self._closed:
                self._reactor.remove_reader(self._endpoint)

    def resume(self) -> None:
        """See `Stream.resume`."""
        if not self._wants_bytes and not self._closed:
            self._wants_bytes = True
            if not self._ended and not self._connecting:
                self._reactor.add_reader(self._endpoint, self._readable)

    def _connected(self) -> None:
        self._connecting = False
        if self._wants_bytes:
            self._reactor.add_reader(self._endpoint, self._readable)
        if self._queue:
            self._reactor.add_writer(self._endpoint, self._writable)
        elif self._finishing:
            self._shut()

    def _connect_failed(self, why: str) -> None:
        self.error = f"cannot connect: {why}"
        self._queue.clear()
        self._buffered = 0
        self._broken = self._ended = True
        self.on_end("error")

    def _readable(self) -> None:
        try:
            data = self.take(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except (ConnectionResetError, ConnectionAbortedError):
            self._end("reset")
        except OSError as problem:
            self.error = str(problem)
            self._end("error")
        else:
            if data:
                self.on_bytes(data)
            else:
                self._end("fin")

    def _end(self, kind: EndKind) -> None:
        self._ended = True
        self._reactor.remove_reader(self._endpoint)
        self.on_end(kind)

    def _writable(self) -> None:
        while self._queue:
            data = self._queue[0]
            sent = self._send(data)
            if sent is None:
                return
            self._buffered -= sent
            if sent < len(data):
                self._queue[0] = data[sent:]
                return
            self._queue.popleft()
        self._reactor.remove_writer(self._endpoint)
        if self._finishing:
            self._shut()
        self.on_drained()

    def _send(self, data: bytes) -> int | None:
        """Return how much the kernel took, None when the other side takes nothing any more."""
        try:
            return self.give(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # EPIPE, ECONNRESET and their kind all mean the same here
            self._broken = True
            self._queue.clear()
            self._buffered = 0
            self._reactor.remove_writer(self._endpoint)
            self._soon(self._report_broken)
            return None

    def _report_broken(self) -> None:
        self.on_broken()

    def _shut(self) -> None:
        if not self._finished and not self._broken and not self._closed:
            self._finished = True
            self.shut()

    def _soon(self, callback: Callable[[], None]) -> None:
        def unless_closed() -> None:
            if not self._closed:
                callback()

        self._reactor.call_at(self._reactor.now(), unless_closed)
