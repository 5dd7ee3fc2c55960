"""Streams and listeners on top of sockets, shared by the transports that have them.

Rule of this file: the socket is registered with the reactor only while there is something to wait for, and is always
taken out of it before it is closed.
"""

import contextlib
import errno
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport.protocol import EndKind, OnAccept

READ_SIZE = 65536
ACCEPTS_PER_PASS = 32

# A listener whose queue is full answers a Unix connect with "try again" and offers nothing to wait for.
CONNECT_RETRY_S = 0.005
CONNECT_RETRIES = 1000

_LINGER_RESET = struct.pack("ii", 1, 0)


def _ignore(*_: object) -> None:
    """Stands in for a callback that nobody set."""


class SocketStream:
    """`Stream` on a connected or connecting stream socket.

    Args:
        sock: The socket; the stream owns it from now on.
        reactor: Drives the stream.
    """

    def __init__(self, sock: socket.socket, reactor: Reactor) -> None:
        sock.setblocking(False)
        if sock.family != _AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.on_bytes: Callable[[bytes], None] = _ignore
        self.on_end: Callable[[EndKind], None] = _ignore
        self.on_broken: Callable[[], None] = _ignore
        self.on_drained: Callable[[], None] = _ignore
        self.error = ""
        self._sock = sock
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

    @property
    def buffered(self) -> int:
        """See `Stream.buffered`."""
        return self._buffered

    @property
    def closed(self) -> bool:
        """See `Stream.closed`."""
        return self._closed

    def connect(self, target: str | tuple[str, int]) -> None:
        """Start to connect; bytes written meanwhile wait, a failure is reported by `on_end("error")`."""
        self._connecting = True
        self._connect(target, CONNECT_RETRIES)

    def write(self, data: bytes) -> None:
        """See `Stream.write`."""
        if self._closed or self._broken or self._finishing or not data:
            return
        if not self._queue and not self._connecting:
            sent = self._send(data)
            if sent is None or sent == len(data):
                return
            data = data[sent:]
            self._reactor.add_writer(self._sock, self._writable)
        self._queue.append(data)
        self._buffered += len(data)

    def finish(self) -> None:
        """See `Stream.finish`."""
        if not self._finishing:
            self._finishing = True
            if not self._queue and not self._connecting:
                self._shut()

    def abort(self) -> None:
        """See `Stream.abort`."""
        if not self._closed and self._sock.family != _AF_UNIX:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.close()

    def close(self) -> None:
        """See `Stream.close`."""
        if not self._closed:
            self._closed = True
            self._reactor.remove_reader(self._sock)
            self._reactor.remove_writer(self._sock)
            self._queue.clear()
            self._buffered = 0
            self._sock.close()

    def pause(self) -> None:
        """See `Stream.pause`."""
        if self._wants_bytes:
            self._wants_bytes = False
            if not self._closed:
                self._reactor.remove_reader(self._sock)

    def resume(self) -> None:
        """See `Stream.resume`."""
        if not self._wants_bytes and not self._closed:
            self._wants_bytes = True
            if not self._ended and not self._connecting:
                self._reactor.add_reader(self._sock, self._readable)

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
        elif code == errno.EINPROGRESS:
            self._reactor.add_writer(self._sock, self._connect_ended)
        elif code == errno.EAGAIN and retries:
            again = self._reactor.now() + CONNECT_RETRY_S
            self._reactor.call_at(again, lambda: self._connect(target, retries - 1))
        else:
            self._soon(lambda: self._connect_failed(code))

    def _connect_ended(self) -> None:
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._reactor.remove_writer(self._sock)
        if code:
            self._connect_failed(code)
        else:
            self._connected()

    def _connected(self) -> None:
        self._connecting = False
        if self._wants_bytes:
            self._reactor.add_reader(self._sock, self._readable)
        if self._queue:
            self._reactor.add_writer(self._sock, self._writable)
        elif self._finishing:
            self._shut()

    def _connect_failed(self, code: int) -> None:
        self.error = f"cannot connect: {errno.errorcode.get(code, str(code))}"
        self._queue.clear()
        self._buffered = 0
        self._broken = self._ended = True
        self.on_end("error")

    def _readable(self) -> None:
        try:
            data = self._sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
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
        self._reactor.remove_reader(self._sock)
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
        self._reactor.remove_writer(self._sock)
        if self._finishing:
            self._shut()
        self.on_drained()

    def _send(self, data: bytes) -> int | None:
        """Return how much the kernel took, None when the other side takes nothing any more."""
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # EPIPE, ECONNRESET and their kind all mean the same here
            self._broken = True
            self._queue.clear()
            self._buffered = 0
            self._reactor.remove_writer(self._sock)
            self._soon(self._report_broken)
            return None

    def _report_broken(self) -> None:
        self.on_broken()

    def _shut(self) -> None:
        if not self._finished and not self._broken and not self._closed:
            self._finished = True
            with contextlib.suppress(OSError):  # the other side may have reset the connection meanwhile
                self._sock.shutdown(socket.SHUT_WR)

    def _soon(self, callback: Callable[[], None]) -> None:
        def unless_closed() -> None:
            if not self._closed:
                callback()

        self._reactor.call_at(self._reactor.now(), unless_closed)


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
        on_close: Callable[[], None] = _ignore,
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
