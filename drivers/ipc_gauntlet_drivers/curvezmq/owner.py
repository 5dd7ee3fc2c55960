"""One thread owns one ZeroMQ socket: it receives, watches the monitor, and sends what other threads hand in."""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import zmq
from zmq.utils.monitor import recv_monitor_message

from ipc_gauntlet.sdk import Failed

FAREWELL_MS = 1000
_RETRY_MS = 5
_LATE_S = 0.1

# What libzmq says about a peer that breaks the protocol; the first part of a name that fits decides.
_REASONS = (
    ("CRYPTOGRAPHIC", "integrity"),
    ("INVALID_SEQUENCE", "ordering"),
    ("MALFORMED", "malformed"),
    ("ZAP", "internal"),
    ("ZMTP", "protocol"),
)
_PROTOCOL_ERRORS = {int(getattr(zmq, name)): name for name in dir(zmq) if name.startswith("PROTOCOL_ERROR_")}

Message = list[zmq.Frame]


class Told(enum.IntEnum):
    """What an event of the monitor means for the work.

    libzmq reports a disconnection a moment *before* it makes the last messages readable, so `ENDING` waits a little
    for them; `ENDED` is for an event of which it is known that nothing can follow.
    """

    NOTHING = 0
    ENDING = 1
    ENDED = 2


class Owner:
    """See the module's docstring.

    Args:
        sock: The socket, configured; from now on only `serve` uses it.
        events: What the monitor is to tell.
    """

    def __init__(self, sock: zmq.Socket[bytes], events: int = zmq.EVENT_ALL) -> None:
        self._sock = sock
        self._monitor = sock.get_monitor_socket(events)
        self._wake_read, self._wake_write = socket.socketpair()
        self._lock = threading.Lock()
        self._jobs: deque[tuple[list[bytes], Future[None]]] = deque()
        self._stopping = False
        self._over = False
        #: Milliseconds for which a closed socket still tries to send what it has accepted.
        self.linger = 0

    def send(self, frames: list[bytes]) -> None:
        """Send from any thread; returns when libzmq has accepted the message.

        Raises:
            Failed: It did not, or the socket is closed.
        """
        done: Future[None] = Future()
        with self._lock:
            if self._over:
                raise Failed("peer-closed", "the socket is closed")
            self._jobs.append((frames, done))
            self._wake()
        done.result()

    def send_first(self, frames: list[bytes]) -> None:
        """Send from within `serve`, before anything that waits; the message must be one the socket can take."""
        self._sock.send_multipart(frames, zmq.NOBLOCK)

    def stop(self) -> None:
        """Make `serve` return soon, from any thread. Idempotent."""
        with self._lock:
            self._stopping = True
            if not self._over:
                self._wake()

    def serve(
        self,
        on_message: Callable[[Message], None],
        on_event: Callable[[zmq.Event, int], Told],
        endpoint: str | None = None,
    ) -> None:
        """Own the socket until `stop`, then close it.

        Args:
            on_message: Called with each message that arrives.
            on_event: Called with each event of the monitor and its value; says whether the work ends.
            endpoint: Where to connect first, for a client.
        """
        poller = zmq.Poller()
        end_by = None
        for one in (self._sock, self._monitor, self._wake_read):
            poller.register(one, zmq.POLLIN)
        try:
            if endpoint is not None:
                self._sock.connect(endpoint)
            while not self._stopping:
                ready = dict(poller.poll(_RETRY_MS if self._jobs or end_by is not None else None))
                if self._wake_read.fileno() in ready:
                    self._wake_read.recv(4096)
                # Events first, then messages: what arrived before the last event is still delivered.
                told = self._take_events(on_event) if self._monitor in ready else Told.NOTHING
                self._take_messages(on_message)
                if told is Told.ENDING and end_by is None:
                    end_by = time.monotonic() + _LATE_S
                if told is Told.ENDED or (end_by is not None and time.monotonic() >= end_by):
                    return
                self._send_waiting()
        finally:
            self._close()

    def _take_events(self, on_event: Callable[[zmq.Event, int], Told]) -> Told:
        most = Told.NOTHING
        with contextlib.suppress(zmq.Again):
            while True:
                message = recv_monitor_message(self._monitor, zmq.NOBLOCK)
                most = max(most, on_event(zmq.Event(message["event"]), int(message["value"])))
        return most

    def _take_messages(self, on_message: Callable[[Message], None]) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                on_message(self._sock.recv_multipart(zmq.NOBLOCK, copy=False))

    def _send_waiting(self) -> None:
        while self._jobs:
            frames, done = self._jobs[0]
            try:
                self._sock.send_multipart(frames, zmq.NOBLOCK)
            except zmq.Again:
                return  # full: libzmq would block here, so this is tried again
            except zmq.ZMQError as problem:
                done.set_exception(Failed("peer-closed", str(problem)))
            else:
                done.set_result(None)
            self._jobs.popleft()

    def _close(self) -> None:
        with self._lock:
            self._over = True
            waiting = list(self._jobs)
            self._jobs.clear()
            self._wake_read.close()
            self._wake_write.close()
        for _, done in waiting:
            done.set_exception(Failed("peer-closed", "the socket was closed"))
        self._sock.disable_monitor()
        self._monitor.close()
        self._sock.close(linger=self.linger)

    def _wake(self) -> None:
        self._wake_write.send(b"x")


def describe_failure(event: zmq.Event, value: int) -> tuple[str, str] | None:
    """Return the reason class and libzmq's words if an event of the monitor tells of a failure."""
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return "authentication", f"HANDSHAKE_FAILED_AUTH {value}"
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        name = _PROTOCOL_ERRORS.get(value, f"{value:#x}")
        reason = next((reason for part, reason in _REASONS if part in name), "protocol")
        return reason, f"HANDSHAKE_FAILED_PROTOCOL {name}"
    if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return "unspecified", f"HANDSHAKE_FAILED_NO_DETAIL {zmq.strerror(value)}"
    return None
