"""What Unix sockets and loopback TCP have in common: a stream and an accept loop over a socket object.

A stream reads with a blocking `recv` and writes with a non-blocking `send`, from different threads. POSIX
offers that per call (MSG_DONTWAIT); on Windows the socket itself is non-blocking and `recv` is preceded by a wait.
"""

import errno
import os
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable

from sipc_runtime.clock import Clock
from sipc_runtime.transport import (
    Address,
    ConnectTimeout,
    DialLimits,
    Peer,
    Stream,
    StreamBroken,
    TransportError,
)

# A connection attempt that the kernel cannot finish at once is looked at again after this time.
_DIAL_STEP_S = 0.005
_BACKLOG = 128
# On Windows a reader looks this often whether the stream was ended here.
_LOOK_AGAIN_S = 0.5
# Unlike the default selector this one needs no descriptor of its own.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)
# On Windows the socket itself does not wait.
_DO_NOT_WAIT = 0
if sys.platform != "win32":
    _DO_NOT_WAIT = socket.MSG_DONTWAIT


class SocketStream:
    """A `Stream` over a connected socket, which it owns."""

    __slots__ = ("_hung_up", "_interrupt", "_peer", "_socket")

    def __init__(self, connected: socket.socket, peer: Peer | None = None) -> None:
        self._socket = connected
        self._peer = peer
        self._interrupt: Interrupt | None = None
        self._hung_up = False
        connected.setblocking(sys.platform != "win32")

    @property
    def peer(self) -> Peer | None:
        """See `Stream.peer`."""
        return self._peer

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        try:
            if sys.platform == "win32":
                # Ending a socket does not surely wake who is about to wait for it.
                while not (self._hung_up or _readable(self._socket, seconds=_LOOK_AGAIN_S)):
                    continue
            return self._socket.recv(limit)
        except (OSError, ValueError) as error:
            if sys.platform == "win32" and self._hung_up:
                # Windows has no end of the stream for whoever ended it.
                return b""
            raise StreamBroken(f"reading failed: {error}") from error

    def read_unless_interrupted(self, limit: int) -> bytes | None:
        """See `Stream.read_unless_interrupted`."""
        try:
            if self._interrupt is not None and self._interrupt.came_first():
                return None
            return self._socket.recv(limit)
        except (OSError, ValueError) as error:
            if sys.platform == "win32" and self._hung_up:
                return b""
            raise StreamBroken(f"reading failed: {error}") from error

    def allow_interrupts(self) -> bool:
        """See `Stream.allow_interrupts`."""
        try:
            if self._interrupt is None:
                self._interrupt = Interrupt(self._socket)
        except OSError:
            # No descriptors left: whoever wanted to interrupt finds another way.
            return False
        return True

    def interrupt(self) -> None:
        """See `Stream.interrupt`."""
        if self._interrupt is not None:
            self._interrupt.send()

    def write_some(self, data: bytes | memoryview) -> int:
        """See `Stream.write_some`."""
        try:
            return self._socket.send(data, _DO_NOT_WAIT)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise StreamBroken(f"writing failed: {error}") from error

    def wait_writable(self) -> None:
        """See `Stream.wait_writable`."""
        try:
            wait_writable(self._socket, None)
        except (OSError, ValueError):
            # The next write reports what is wrong with the socket.
            time.sleep(0.001)

    def hang_up(self) -> None:
        """See `Stream.hang_up`."""
        self._hung_up = True
        if sys.platform == "win32":
            self.interrupt()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            # Not connected any more: then there is nobody to wake, `recv` has returned already.
            return

    def close(self) -> None:
        """See `Stream.close`."""
        self._socket.close()
        if self._interrupt is not None:
            self._interrupt.close()


class Interrupt:
    """Waits for a socket's bytes, or for another thread's word."""

    __slots__ = ("_pair", "_wait")

    def __init__(self, sock: socket.socket) -> None:
        self._pair = socket.socketpair()
        for one in self._pair:
            one.setblocking(False)
        self._wait = _ready_to_read(sock, self._pair[0])

    def came_first(self) -> bool:
        """Wait until the socket can be read (False) or `send` was called (True)."""
        if not self._wait():
            return False
        try:
            self._pair[0].recv(64)
        except BlockingIOError:
            return False
        return True

    def send(self) -> None:
        """Have `came_first` return True, once at least."""
        try:
            self._pair[1].send(b"x")
        except OSError:
            # Full: it has been told often enough. Closed: nobody waits any more.
            return

    def close(self) -> None:
        """Release the descriptors."""
        for one in self._pair:
            one.close()


def _ready_to_read(sock: socket.socket, second: socket.socket) -> Callable[[], bool]:
    """Return a function that waits until one of two sockets can be read, and tells whether the second can."""
    if sys.platform != "win32":
        poll = select.poll()
        for one in (sock, second):
            poll.register(one, select.POLLIN)
        number, wait = second.fileno(), poll.poll
        return lambda: any(found == number for found, _ in wait())
    else:  # noqa: RET505 - what follows a `return` on one system is reached on the other
        return lambda: second in _readable(sock, second)


class SocketListener:
    """A `Listener` over a listening socket, which it owns.

    Args:
        listening: A bound socket; this class makes it listen.
        address: Where clients connect to.
        admit: Checks a new socket and tells who the peer is; raises `TransportError` to refuse it.
        on_close: Called once after the socket is closed.
    """

    def __init__(
        self,
        listening: socket.socket,
        address: Address,
        admit: Callable[[socket.socket], Peer | None],
        on_close: Callable[[], None],
    ) -> None:
        self._socket = listening
        self._address = address
        self._admit = admit
        self._on_close = on_close
        self._interrupted = False
        # Closing a descriptor does not wake a thread that waits for it; a byte on this pair does.
        self._wakened, self._waker = socket.socketpair()
        listening.listen(_BACKLOG)
        listening.setblocking(False)
        self._wait_for_either = _ready_to_read(listening, self._wakened)

    @property
    def address(self) -> Address:
        """See `Listener.address`."""
        return self._address

    def accept(self) -> Stream | None:
        """See `Listener.accept`."""
        while not self._interrupted:
            try:
                connected, _ = self._socket.accept()
                return self._admitted(connected)
            except BlockingIOError:
                self._wait()
            except OSError as error:
                raise TransportError(f"accept failed: {error}", "internal") from error
        return None

    def _admitted(self, connected: socket.socket) -> Stream:
        try:
            return SocketStream(connected, self._admit(connected))
        except (OSError, TransportError):
            connected.close()
            raise

    def _wait(self) -> None:
        """Wait for a connection or for `interrupt`."""
        self._wait_for_either()

    def interrupt(self) -> None:
        """See `Listener.interrupt`."""
        self._interrupted = True
        self._waker.send(b"x")

    def close(self) -> None:
        """See `Listener.close`."""
        if self._socket.fileno() < 0:
            return
        self._socket.close()
        self._waker.close()
        self._wakened.close()
        self._on_close()


def _readable(*sockets: socket.socket, seconds: float | None = None) -> list[socket.socket]:
    """Wait until one of the sockets can be read; return those that can, none after so many seconds."""
    with _Selector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ, one)
        return [key.data for key, _ in selector.select(seconds)]


def wait_writable(sock: socket.socket, seconds: float | None) -> bool:
    """Wait until `sock` can be written or has ended; False after `seconds`."""
    with _Selector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        return bool(selector.select(seconds))


def _nobody_knows() -> bool:
    """Whether a server lives cannot be told."""
    return False


def dial(
    sock: socket.socket,
    target: str | tuple[str, int],
    clock: Clock,
    limits: DialLimits,
    lives: Callable[[], bool] = _nobody_knows,
) -> None:
    """Connect `sock`, within the deadline of `limits` by `clock`.

    A Unix socket whose listener has no room answers EAGAIN and must be asked again; TCP says EINPROGRESS and
    becomes writable. Both are looked at in short steps, so that a virtual clock and `cancelled` are obeyed.

    Args:
        sock: Not connected yet.
        target: What to connect to.
        clock: The clock of the deadline.
        limits: When to give up.
        lives: Whether the server is known to live. Then a refusal is what macOS and the BSDs say when its queue is full, and
            it is asked again.

    Raises:
        ConnectTimeout: The deadline has passed.
        TransportError: Nobody listens there, or the attempt was cancelled.
    """
    sock.setblocking(False)

    def pause(seconds: float) -> None:
        if isinstance(target, tuple):
            wait_writable(sock, seconds)
        else:
            limits.cancelled.wait(seconds)

    until_connected(lambda: _connected(sock, target, lives), pause, str(target), clock, limits)


def until_connected(
    connected: Callable[[], bool],
    pause: Callable[[float], object],
    target: str,
    clock: Clock,
    limits: DialLimits,
) -> None:
    """Try again in short steps until the deadline of `limits` by `clock`.

    Args:
        connected: Tries once; raises if there is no use in trying again.
        pause: Waits for so many seconds, or less.
        target: What is connected to, for people.
        clock: The clock of the deadline.
        limits: When to give up.

    Raises:
        ConnectTimeout: The deadline has passed.
        TransportError: The attempt was cancelled, or what `connected` raises.
    """
    if connected():
        return
    # An alarm besides looking at the time: sums of a virtual clock's steps may miss the deadline by a rounding error.
    expired = threading.Event()
    alarm = clock.call_at(limits.deadline, expired.set)
    try:
        while not connected():
            if limits.cancelled.is_set():
                raise TransportError(f"connecting to {target} was given up", "unspecified")
            if expired.is_set() or clock.monotonic() >= limits.deadline:
                raise ConnectTimeout(f"{target} did not accept the connection in time")
            pause(_DIAL_STEP_S)
    finally:
        alarm.cancel()


def _connected(sock: socket.socket, target: str | tuple[str, int], lives: Callable[[], bool]) -> bool:
    code = sock.connect_ex(target)
    if code in {0, errno.EISCONN}:
        return True
    if code in {errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR}:
        return False
    if code == errno.ECONNREFUSED and lives():
        return False
    raise TransportError(f"cannot connect to {target}: {os.strerror(code)}", "peer-closed")
