"""Endpoints of stacks that are given a connected stream socket: Unix sockets and loopback TCP."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import socket
import sys
import threading
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet.sdk.endpoints import Connection, End, Listener
from ipc_gauntlet.sdk.errors import BadParams, Unsupported
from ipc_gauntlet.sdk.params import ListenParams, text
from ipc_gauntlet.sdk.wire import JsonObject

#: Transports for a statement; Python has no Unix sockets on Windows.
TRANSPORTS = ["tcp"] if sys.platform == "win32" else ["unix", "tcp"]

_LOOPBACK = "127.0.0.1"
_BACKLOG = 128
_LOOK_S = 0.02
_IN_PROGRESS = {errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR}
_numbers = itertools.count(1)


class SocketConnection(Connection):
    """A connection over a stream socket that this process dials or has accepted.

    Args:
        source: The accepted socket, or the address to dial.
        conn: The id the harness gave it, on the client side.
    """

    def __init__(self, source: socket.socket | JsonObject, conn: str = "") -> None:
        super().__init__(conn)
        self.is_client = not isinstance(source, socket.socket)
        self.__address = None if isinstance(source, socket.socket) else source
        self.__socket = source if isinstance(source, socket.socket) else None
        self.__gone = threading.Event()
        self.__socket_lock = threading.Lock()
        #: Hold this while writing to the socket; it is not closed meanwhile.
        self.writing = threading.Lock()

    @abstractmethod
    def converse(self, sock: socket.socket) -> End:
        """Do the work of `run` on a connected, blocking socket, which is closed afterwards."""

    def run(self) -> End:
        """See `Connection.run`."""
        try:
            if self.__address is not None:
                try:
                    self.__dial(self.__address)
                except OSError as problem:
                    return End("error", "unspecified", str(problem), stage="transport")
            with self.__socket_lock:
                sock = self.__socket
            if sock is None:
                return End("error", "unspecified", "dropped", stage="transport")
            return self.converse(sock)
        finally:
            self.__release()

    def replace_socket(self, sock: socket.socket) -> None:
        """From now on drop and close this socket, which took over the file descriptor of the first one."""
        with self.__socket_lock:
            self.__socket = sock
        if self.__gone.is_set():
            self.drop()

    def drop(self) -> None:
        """See `Connection.drop`. Both directions end, as if the process had gone."""
        self.__gone.set()
        with self.__socket_lock, contextlib.suppress(OSError):
            if self.__socket is not None:
                # Not the method of a subclass: it may first do something to its own state under a running call.
                socket.socket.shutdown(self.__socket, socket.SHUT_RDWR)

    def __dial(self, address: JsonObject) -> None:
        family, target = _target(address)
        sock = socket.socket(family, socket.SOCK_STREAM)
        self.replace_socket(sock)
        sock.setblocking(False)
        while (code := sock.connect_ex(target)) not in (0, errno.EISCONN):
            if code not in _IN_PROGRESS:
                raise OSError(code, os.strerror(code))
            if self.__gone.is_set():
                raise ConnectionAbortedError(errno.ECONNABORTED, "dropped")
            if code in (errno.EINPROGRESS, errno.EALREADY):
                select.select([], [sock], [sock], _LOOK_S)
            else:
                self.__gone.wait(
                    _LOOK_S
                )  # a Unix socket whose backlog is full: there is nothing to select on
        sock.setblocking(True)

    def __release(self) -> None:
        self.drop()  # wakes a writer, who holds the lock
        with self.writing, self.__socket_lock:
            if self.__socket is not None:
                self.__socket.close()
                self.__socket = None


class SocketListener(Listener):
    """An endpoint that accepts stream sockets and makes a connection of each.

    Args:
        params: Where to listen.
        make: Makes a connection of an accepted socket; must not wait.

    Raises:
        OSError: The endpoint cannot be opened.
    """

    def __init__(self, params: ListenParams, make: Callable[[socket.socket], Connection]) -> None:
        self.__make = make
        self.__path: Path | None = None
        self.__socket = self.__bind(params)
        self.__socket.setblocking(False)
        self.__wake_read, self.__wake_write = socket.socketpair()
        super().__init__(params.listener, self.__describe())

    def run(self) -> None:
        """See `Listener.run`."""
        try:
            while True:
                readable, _, _ = select.select([self.__socket, self.__wake_read], [], [])
                if self.closing or self.__wake_read in readable:
                    return
                with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
                    sock, _ = self.__socket.accept()
                    sock.setblocking(True)
                    self.accepted(self.__make(sock))
        finally:
            for one in (self.__socket, self.__wake_read, self.__wake_write):
                one.close()
            if self.__path is not None:
                self.__path.unlink(missing_ok=True)

    def drop(self) -> None:
        """See `Listener.drop`."""
        with contextlib.suppress(OSError):
            self.__wake_write.send(b"x")

    def __bind(self, params: ListenParams) -> socket.socket:
        if params.transport == "tcp":
            return socket.create_server((_LOOPBACK, 0), backlog=_BACKLOG)
        self.__path = Path(params.directory) / f"{os.getpid():x}-{next(_numbers)}.sock"
        sock = socket.socket(_unix_family(), socket.SOCK_STREAM)
        try:
            sock.bind(os.fspath(self.__path))
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise
        return sock

    def __describe(self) -> dict[str, object]:
        if self.__path is not None:
            return {"transport": "unix", "path": os.fspath(self.__path)}
        host, port = self.__socket.getsockname()[:2]
        return {"transport": "tcp", "host": host, "port": port}


def _target(address: JsonObject) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """Return the family and the operating system's form of an address.

    Raises:
        BadParams: It is incomplete.
        Unsupported: There are no Unix sockets here.
    """
    if address.get("transport") == "tcp":
        port = address.get("port")
        if isinstance(port, bool) or not isinstance(port, int):
            raise BadParams("address.port must be a whole number")
        host = text(address, "host")
        return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port)
    return _unix_family(), text(address, "path")


def _unix_family() -> socket.AddressFamily:
    if sys.platform == "win32":
        raise Unsupported("Unix sockets on Windows")
    else:  # noqa: RET506 - the type checker skips this branch on Windows, where the name does not exist
        return socket.AF_UNIX
