"""An end played by hand: writes what it is told, keeps what it hears, understands nothing."""

from collections.abc import Callable
from typing import Self

from ipc_gauntlet.adversary.vocabulary import MIB
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import Address, EndKind, Listener, Stream, dial, listen

KEPT_BYTES = 8 * MIB


def _ignore(_: bytes) -> None:
    """Stands in until somebody wants to know."""


class RawPeer:
    """A client or a server without any protocol; use `dial` or `listen` to make one.

    Args:
        reactor: Drives the peer.
        address: Where it connects to, or where it listens.
    """

    def __init__(self, reactor: Reactor, address: Address) -> None:
        self.address: dict[str, object] = dict(address)
        self.on_bytes: Callable[[bytes], None] = _ignore
        self.ended: EndKind | None = None
        self.ended_at: float | None = None
        self.broken = False
        self.bytes_seen = 0
        self.refused = 0
        self._reactor = reactor
        self._stream: Stream | None = None
        self._listener: Listener | None = None
        self._kept = bytearray()
        self._reading = True
        self._early: list[bytes] = []
        self._finished = False
        self._closed = False

    @classmethod
    def dial(cls, reactor: Reactor, address: Address, *, reading: bool = True) -> Self:
        """Connect to a server.

        Args:
            reactor: Drives the peer.
            address: The server's address.
            reading: Whether to read; without, what the server sends piles up in the operating system.

        Raises:
            HarnessError: When the address is malformed. A connection that fails shows as `ended == "error"`.
        """
        peer = cls(reactor, address)
        peer._reading = reading
        peer._attach(dial(address, reactor))
        return peer

    @classmethod
    def listen(cls, reactor: Reactor, transport: str, directory: str, *, reading: bool = True) -> Self:
        """Be a server for the first client that connects; later ones are dropped and counted in `refused`.

        Args:
            reactor: Drives the peer.
            transport: `unix` or `tcp`.
            directory: For Unix sockets, where to listen.
            reading: See `dial`.

        Raises:
            HarnessError: When it is not possible to listen there.
        """
        peer = cls(reactor, {})
        peer._reading = reading
        peer._listener = listen(transport, directory, reactor, peer._accept)
        peer.address = dict(peer._listener.address)
        return peer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether there is, or was, a connection; a client has one from its start."""
        return self._stream is not None

    @property
    def received(self) -> bytes:
        """What was heard so far, the first 8 MiB of it."""
        return bytes(self._kept)

    @property
    def error(self) -> str:
        """What the operating system said when the connection ended with `error`."""
        return "" if self._stream is None else self._stream.error

    @property
    def buffered(self) -> int:
        """Bytes that were written and that nobody has taken yet."""
        return sum(map(len, self._early)) + (0 if self._stream is None else self._stream.buffered)

    def write(self, data: bytes) -> None:
        """Send bytes; a server sends them once a client is there."""
        if self._stream is None:
            self._early.append(data)
        else:
            self._stream.write(data)

    def dribble(self, data: bytes, every_s: float, size: int = 1) -> None:
        """Send bytes slowly: `size` of them now, and again every `every_s` seconds until none are left."""
        if data and not self._closed and not self.broken:
            self.write(data[:size])
            again = self._reactor.now() + every_s
            self._reactor.call_at(again, lambda: self.dribble(data[size:], every_s, size))

    def finish(self) -> None:
        """Send the end of the stream behind everything that was written; reading goes on."""
        self._finished = True
        if self._stream is not None:
            self._stream.finish()

    def pause(self) -> None:
        """Stop reading."""
        self._reading = False
        if self._stream is not None:
            self._stream.pause()

    def resume(self) -> None:
        """Read again."""
        self._reading = True
        if self._stream is not None:
            self._stream.resume()

    def abort(self) -> None:
        """Drop the connection, with a reset where the transport has one."""
        if self._stream is not None:
            self._stream.abort()

    def close(self) -> None:
        """Close everything; what was heard stays. Idempotent."""
        self._closed = True
        if self._listener is not None:
            self._listener.close()
        if self._stream is not None:
            self._stream.close()

    def _accept(self, stream: Stream) -> None:
        if self._stream is not None or self._closed:
            self.refused += 1
            stream.close()
        else:
            self._attach(stream)

    def _attach(self, stream: Stream) -> None:
        self._stream = stream
        stream.on_bytes = self._heard
        stream.on_end = self._end
        stream.on_broken = self._break
        for data in self._early:
            stream.write(data)
        self._early.clear()
        if self._finished:
            stream.finish()
        if self._reading:
            stream.resume()

    def _heard(self, data: bytes) -> None:
        self.bytes_seen += len(data)
        self._kept += data[: max(0, KEPT_BYTES - len(self._kept))]
        self.on_bytes(data)

    def _end(self, kind: EndKind) -> None:
        self.ended = kind
        self.ended_at = self._reactor.now()

    def _break(self) -> None:
        self.broken = True
