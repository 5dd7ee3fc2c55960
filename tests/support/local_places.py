"""The transport that this system has for its own programs: Unix sockets, or named pipes. And plain streams over it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.pipes import fresh_name
from sipc_runtime.places import TRANSPORTS, listen_at_pipe, listen_in, listen_on_loopback, open_stream
from sipc_runtime.transport import Address, DialLimits, Listener, PipeAddress, Stream, UnixAddress

LOCAL = TRANSPORTS[0]


def listen_for(transport: str, directory: Path, name: str = "s") -> Listener:
    """Listen; directory and name are for Unix sockets."""
    if transport == "tcp":
        return listen_on_loopback()
    return listen_at_pipe() if transport == "pipe" else listen_in(str(directory), name)


def nowhere(directory: Path) -> Address:
    """An address at which nobody listens."""
    if sys.platform == "win32":
        return PipeAddress(fresh_name())
    return UnixAddress(str(directory / "none"))


def path_of(address: Address) -> str:
    """The path of a local address."""
    assert isinstance(address, UnixAddress | PipeAddress)
    return address.path


def soon(seconds: float = 20.0) -> DialLimits:
    """Limits of an attempt."""
    return DialLimits(SYSTEM_CLOCK.monotonic() + seconds, threading.Event())


class Plain:
    """A stream by hand."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def sendall(self, data: bytes) -> None:
        """Write everything."""
        view = memoryview(data)
        while view:
            count = self.stream.write_some(view)
            view = view[count:]
            if not count:
                self.stream.wait_writable()

    def recv(self, limit: int) -> bytes:
        """Wait for bytes."""
        return self.stream.read(limit)

    def shut(self) -> None:
        """End both directions; whoever waits wakes up."""
        self.stream.hang_up()

    def close(self) -> None:
        """Release it."""
        self.stream.hang_up()
        self.stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def plain(address: Address) -> Plain:
    """Connect by hand."""
    return Plain(open_stream(address, SYSTEM_CLOCK, soon()))


@contextmanager
def full_place(directory: Path) -> Iterator[Address]:
    """An address at which somebody listens who has no room and accepts nobody."""
    if sys.platform == "win32":
        listener = listen_at_pipe()
        try:
            with plain(listener.address):
                yield listener.address
        finally:
            listener.close()
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
            listening.bind(str(directory / "full"))
            listening.listen(0)
            first.connect(listening.getsockname())
            yield UnixAddress(str(directory / "full"))
