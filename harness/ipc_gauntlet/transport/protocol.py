"""What the adversary needs of a transport.

Rule of this package: bytes and ends, nothing else. A `Stream` neither knows frames nor decides anything; one module per
operating-system facility stands behind the same three protocols, so nothing above them knows the system.
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

Address = Mapping[str, object]
"""An address as drivers report it, such as `{"transport": "unix", "path": "/..."}`."""

EndKind = Literal["fin", "reset", "error"]
"""How the other side stopped sending: regularly, by a reset, or by any other error of the operating system."""


class Stream(Protocol):
    """One connection, non-blocking, driven by a reactor.

    A stream starts paused. Set the callbacks, then call `resume`. No callback comes after `close` or `abort`, and none is
    made from inside one of these methods: what a method finds out is reported in the reactor's next pass.
    """

    on_bytes: Callable[[bytes], None]
    """The other side sent something; never empty."""

    on_end: Callable[[EndKind], None]
    """The other side sends nothing any more; at most once."""

    on_broken: Callable[[], None]
    """The other side takes nothing any more, what was still to be written is lost; at most once."""

    on_drained: Callable[[], None]
    """Everything that had to wait was handed to the operating system."""

    error: str
    """What the operating system said when the stream ended with `error`, else empty."""

    @property
    def buffered(self) -> int:
        """Bytes that `write` took and the operating system has not."""

    @property
    def closed(self) -> bool:
        """Whether this side closed the stream."""

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until the other side makes room; ignored once the stream is finished or broken."""

    def finish(self) -> None:
        """Send the end (FIN, half close) after everything that was written; reading goes on where a connection has halves.

        A named pipe has none: what the other side has sent so far is reported, then it ends in both directions.
        """

    def abort(self) -> None:
        """Drop the connection at once, with a reset where the transport has one; idempotent."""

    def close(self) -> None:
        """Close at once and free everything; idempotent."""

    def pause(self) -> None:
        """Stop reading, so that the other side's bytes pile up in the operating system."""

    def resume(self) -> None:
        """Read, or read again."""

    def unread(self) -> int | None:
        """Bytes that the operating system holds for the other side, None where it cannot tell.

        On a TCP connection this counts what was not acknowledged, which is less than what was not read.
        """

    def unsent(self) -> int:
        """Bytes that the operating system took and that `abort` would lose."""


class Listener(Protocol):
    """A server endpoint that accepts everybody."""

    address: dict[str, object]

    def close(self) -> None:
        """Stop listening and remove what was made in the file system; idempotent."""


OnAccept = Callable[[Stream], None]
"""Takes an accepted connection, in the state in which every stream starts."""
