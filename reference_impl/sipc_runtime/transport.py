"""What the runtime needs of a transport: a byte stream, a listener, an address.

Each operating system facility is one module behind these Protocols (`unix`, `tcp`, `pipes`). Rule of this file: a stream never raises anything but `TransportError` and its subclasses.
"""

import threading
from dataclasses import dataclass
from typing import Protocol

# Enough for several of the longest frames: a read costs more than the room.
READ_SIZE = 64 * 1024


class TransportError(Exception):
    """The transport failed or was refused.

    Attributes:
        reason: Reason class: `timeout`, `limit`, `unauthorized`, `peer-closed`, `internal`.
    """

    reason = "unspecified"

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class StreamBroken(TransportError):
    """The stream ended by force (reset, broken pipe): what was under way may be lost."""

    reason = "peer-closed"


class EndpointRefused(TransportError):
    """The address, its directory or the process behind it is not acceptable. Nothing was sent."""

    reason = "unauthorized"


class ConnectTimeout(TransportError):
    """The transport was not connected in time."""

    reason = "timeout"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system. Abstract names are not supported: they have no owner and no mode."""

    path: str


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A port of a literal loopback address."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class PipeAddress:
    r"""A named pipe of this machine, in Windows. The path begins with `\\.\pipe\`."""

    path: str


Address = UnixAddress | TcpAddress | PipeAddress


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as the operating system tells.

    Attributes:
        user: The uid, in decimal, or the SID.
        process: Its number, for people only: it may belong to another process by now.
    """

    user: str
    process: int


class Stream(Protocol):
    """A connected byte stream. One thread reads; any thread may write or hang up."""

    @property
    def peer(self) -> Peer | None:
        """Who is at the other end; None where the operating system does not tell, as for TCP."""

    def read(self, limit: int) -> bytes:
        """Wait for bytes; at most `limit` of them. Empty at the end of the stream.

        Raises:
            StreamBroken: The stream ended by force.
        """

    def read_unless_interrupted(self, limit: int) -> bytes | None:
        """Like `read`, but None after `interrupt`, which may have been long before. After `allow_interrupts`.

        Raises:
            StreamBroken: The stream ended by force.
        """

    def allow_interrupts(self) -> bool:
        """Prepare for `read_unless_interrupted` and `interrupt`; False if that is not possible. Never raises."""

    def interrupt(self) -> None:
        """Make `read_unless_interrupted` return. Any thread may call this. Never raises."""

    def write_some(self, data: bytes | memoryview) -> int:
        """Take as many bytes as fit now, without waiting.

        What is not taken may be under way all the same: the next call has to begin with it.

        Returns:
            The number of bytes taken; 0 when the peer does not read.

        Raises:
            StreamBroken: Nobody will ever read them, or other bytes are under way.
        """

    def wait_writable(self) -> None:
        """Wait until bytes fit again, or the stream has ended (the next write tells)."""

    def hang_up(self) -> None:
        """End both directions. Bytes already taken still arrive; waiting threads wake up. Never raises."""

    def close(self) -> None:
        """Release the descriptor. Only after every thread has left the stream."""


class Listener(Protocol):
    """A server endpoint that streams come out of."""

    @property
    def address(self) -> Address:
        """Where clients connect to."""

    def accept(self) -> Stream | None:
        """Wait for the next connection.

        Returns:
            A stream whose peer passed the operating system's checks; None after `interrupt`.

        Raises:
            TransportError: This one connection was refused or lost; the listener goes on.
        """

    def interrupt(self) -> None:
        """Make `accept` return None, now and from now on. Any thread may call this."""

    def close(self) -> None:
        """Release the descriptors and remove what this listener put into the file system.

        Only when no thread is in `accept`. Calling it again does nothing.
        """


@dataclass(frozen=True, slots=True)
class DialLimits:
    """How long a connection attempt may take and what ends it early.

    Attributes:
        deadline: Monotonic time by which the transport must be connected.
        cancelled: Set by another thread to give up.
    """

    deadline: float
    cancelled: threading.Event
