"""Streams and listeners on top of sockets, shared by the transports that have them.

Rule of this file: the socket is registered with the reactor only while there is something to wait for, and is always
taken out of it before it is closed.
"""

import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Callable

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport.base import ByteStream, ignore
from ipc_gauntlet.transport.protocol import OnAccept

ACCEPTS_PER_PASS = 32

# A listener whose queue is full answers a Unix connect with "try again" and offers nothing to wait for.
CONNECT_RETRY_S = 0.005
CONNECT_RETRIES = 1000

# Numbers of two sizes: `struct linger` of Windows has short ones.
_LINGER_RESET = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)

# What a connect that does not block answers.
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK) if sys.platform == "win32" else (errno.EINPROGRESS,)


class SocketStream(ByteStream):
    """`Stream` on a connected or connecting stream socket.

    Args:
        sock: The socket; the stream owns it from now on.
        reactor: Drives the stream.
    """

    def __init__(self, sock: socket.socket, reactor: Reactor) -> None:
        sock.setblocking(False)
        if sock.family != _AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, reactor)
        self._sock = sock

    def connect(self, target: str | tuple[str, int]) -> None:
        """Start to connect; bytes written meanwhile wait, a failure is reported by `on_end("error")`."""
        self._connecting = True
        self._connect(target, CONNECT_RETRIES)

    def abort(self) -> None:
        """See `Stream.abort`."""
        if not self._closed and self._sock.family != _AF_UNIX:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.close()

    def unread(self) -> int | None:
        """See `Stream.unread`."""
        return None if self._closed else _unread(self._sock)

    def unsent(self) -> int:
        """See `Stream.unsent`; what a Unix socket took is the receiver's already."""
        return 0 if self._closed or self._sock.family == _AF_UNIX else _unread(self._sock) or 0

    def _connect(self, target: str | tuple[str, int], retries: int) -> None:
        if self._closed:
            return
        code = self._sock.connect_ex(target)
        if code == 0:
            self._connected()
        elif code in _UNDER_WAY:
            self._reactor.add_writer(self._sock, self._connect_ended)
        elif code == errno.EAGAIN and retries:
            again = self._reactor.now() + CONNECT_RETRY_S
            self._reactor.call_at(again, lambda: self._connect(target, retries - 1))
        else:
            self._soon(lambda: self._connect_failed(errno.errorcode.get(code, str(code))))

    def _connect_ended(self) -> None:
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._reactor.remove_writer(self._sock)
        if code:
            self._connect_failed(errno.errorcode.get(code, str(code)))
        else:
            self._connected()

    def take(self, size: int) -> bytes:
        """See `ByteStream.take`."""
        return self._sock.recv(size)

    def give(self, data: bytes) -> int:
        """See `ByteStream.give`."""
        return self._sock.send(data)

    def shut(self) -> None:
        """See `ByteStream.shut`."""
        with contextlib.suppress(OSError):  # the other side may have reset the connection meanwhile
            self._sock.shutdown(socket.SHUT_WR)

    def free(self) -> None:
        """See `ByteStream.free`."""
        self._sock.close()


class SocketListener:
    """`Listener` on a listening socket.

    Args:
        sock: A socket that listens already; the listener owns it from now on.
        address: What a client has to dial.
        reactor: Drives the listener.
        on_accept: Called for each accepted connection.
        on_close: Called once at the end, to remove what was made in the file system.
    """

    def __init__(
        self,
        sock: socket.socket,
        address: dict[str, object],
        reactor: Reactor,
        on_accept: OnAccept,
        on_close: Callable[[], None] = ignore,
    ) -> None:
        self.address = address
        self._sock = sock
        self._reactor = reactor
        self._on_accept = on_accept
        self._on_close = on_close
        self._closed = False
        sock.setblocking(False)
        reactor.add_reader(sock, self._acceptable)

    def close(self) -> None:
        """See `Listener.close`."""
        if not self._closed:
            self._closed = True
            self._reactor.remove_reader(self._sock)
            self._sock.close()
            self._on_close()

    def _acceptable(self) -> None:
        for _ in range(ACCEPTS_PER_PASS):
            if self._closed:
                return
            try:
                sock, _peer = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # the client left while it was queued
            except OSError as problem:
                raise HarnessError(f"cannot accept on {self.address}: {problem}") from problem
            self._on_accept(SocketStream(sock, self._reactor))


if sys.platform == "win32":
    _AF_UNIX = -1  # sockets on Windows are TCP here
else:
    _AF_UNIX = socket.AF_UNIX

if sys.platform == "linux":
    import fcntl
    import termios

    def _unread(sock: socket.socket) -> int | None:
        answer = bytearray(4)
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, answer)
        return int.from_bytes(answer, sys.byteorder)

else:

    def _unread(sock: socket.socket) -> int | None:
        return None
