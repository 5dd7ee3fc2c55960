"""Endpoints that never accept anybody, for time-outs of connecting.

What a client of a full queue sees depends on the system, and on the client. On Linux a connection over TCP waits, and so
does a blocking `connect` to a Unix socket; a non-blocking one, which is what a connect with a time-out is in most
languages, is told at once to try again. The BSD family refuses Unix connections, so there the queue is left open:
connecting succeeds and nobody ever answers. On Windows a client of a full TCP queue waits for about two seconds before it is
refused; a pipe whose only instance is taken is busy for ever, and a client has to wait for it. `Blackhole.connect_hangs`
tells whether the queue is full.
"""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.transport import tcp
from ipc_gauntlet.transport.factory import transports

if sys.platform == "win32":
    from ipc_gauntlet.transport import pipe
else:
    from ipc_gauntlet.transport import unix

FILLERS_MAX = 16
FILLER_WAIT_S = 0.2


class Closing(Protocol):
    """Anything that can be closed."""

    def close(self) -> None:
        """Close it."""


class Blackhole:
    """A listening endpoint that never accepts; use `blackhole` to make one.

    Args:
        endpoint: Listens already; owned from now on.
        address: What a client has to dial.
        path: The socket's file, if it has one; removed at the end.
    """

    def __init__(self, endpoint: Closing, address: dict[str, object], path: Path | None = None) -> None:
        self.address = address
        self.connect_hangs = False
        self._endpoint = endpoint
        self._path = path
        self._fillers: list[Closing] = []

    def fill(self, connect: Callable[[], tuple[Closing, bool]]) -> None:
        """Connect until a connection has to wait.

        Args:
            connect: Starts one connection and tells whether it was accepted into the queue.

        Raises:
            HarnessError: When the queue does not become full.
        """
        for _ in range(FILLERS_MAX):
            filler, queued = connect()
            self._fillers.append(filler)
            if not queued:
                self.connect_hangs = True
                return
        raise HarnessError(f"the queue of {self.address} did not become full after {FILLERS_MAX} connections")

    def close(self) -> None:
        """Close everything and remove the socket's file; idempotent."""
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._endpoint.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def blackhole(transport: str, directory: str, *, full: bool = True) -> Blackhole:
    """Make an endpoint that never accepts.

    Args:
        transport: `unix`, `tcp` or `pipe`.
        directory: For `unix`, the directory of the socket, mode 0700.
        full: Fill the queue, so that connecting itself hangs where the system has that behaviour. Otherwise connecting
            succeeds and nothing ever comes back.

    Raises:
        HarnessError: When there is no such transport, or the queue does not become full.
    """
    if transport == "tcp":
        return _tcp_blackhole(full=full)
    if sys.platform == "win32" and transport == "pipe":
        return _pipe_blackhole(full=full)
    if sys.platform != "win32" and transport == "unix":
        return _unix_blackhole(directory, full=full)
    raise HarnessError(f"no transport {transport!r}; there are {', '.join(transports())}")


def _tcp_blackhole(*, full: bool) -> Blackhole:
    sock = tcp.bind(0)
    hole = Blackhole(sock, tcp.address_of(sock))
    target = tcp.endpoint(hole.address)

    def connect() -> tuple[Closing, bool]:
        filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        filler.settimeout(FILLER_WAIT_S)
        return filler, filler.connect_ex(target) == 0

    return _filled(hole, connect) if full else hole


if sys.platform == "win32":

    def _pipe_blackhole(*, full: bool) -> Blackhole:
        ends = pipe.unserved(1 if full else FILLERS_MAX)
        hole = Blackhole(ends, ends.address)
        return _filled(hole, lambda: pipe.fill(ends)) if full else hole

else:

    def _unix_blackhole(directory: str, *, full: bool) -> Blackhole:
        sock, path = unix.bind(directory, 0)
        hole = Blackhole(sock, unix.address_of(path), path)

        def connect() -> tuple[Closing, bool]:
            filler = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            filler.setblocking(False)
            return filler, filler.connect_ex(str(path)) == 0

        return _filled(hole, connect) if full and sys.platform == "linux" else hole


def _filled(hole: Blackhole, connect: Callable[[], tuple[Closing, bool]]) -> Blackhole:
    try:
        hole.fill(connect)
    except BaseException:
        hole.close()
        raise
    return hole
