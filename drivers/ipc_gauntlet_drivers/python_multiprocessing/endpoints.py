"""A `Listener` in its accept thread, and one `Connection` at either side."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.connection as mpc
import os
import socket
import threading
from pathlib import Path
from typing import Any

from ipc_gauntlet.sdk import Connection, End, Failed, Listener, ListenParams
from ipc_gauntlet_drivers.python_multiprocessing import watch

# What `accept` and `Client` raise when the handshake with this one peer fails.
_HANDSHAKE_ERRORS = (multiprocessing.AuthenticationError, EOFError, OSError, AssertionError, ValueError)
_CUT = "got end of file during message"
_numbers = itertools.count(1)


class MultiprocessingListener(Listener):
    """A `Listener` and its one accept thread.

    Args:
        params: Where to listen.
        authkey: The secret.
    """

    def __init__(self, params: ListenParams, authkey: bytes) -> None:
        target: str | tuple[str, int] = ("127.0.0.1", 0)
        if params.transport == "unix":
            target = os.fspath(Path(params.directory) / f"{os.getpid():x}-{next(_numbers)}.sock")
        self._listener = mpc.Listener(target, authkey=authkey)
        self._target = self._listener.address
        self._opening: watch.AnyConnection | None = None
        self._lock = threading.Lock()
        super().__init__(params.listener, _address(self._target))

    def run(self) -> None:
        """See `Listener.run`."""
        watch.report_to(self._opened)
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                contextlib.suppress(OSError)
            )  # the folder may be gone, with the socket's name
            stack.callback(self._listener.close)
            while not self.closing:
                self._accept()

    def drop(self) -> None:
        """See `Listener.drop`."""
        with self._lock:
            if self._opening is not None:
                watch.shut_down(self._opening)
        watch.stop_accepting(self._listener)
        # Where that does not wake `accept`, a visitor does, as long as the socket still has its name.
        with contextlib.suppress(OSError), socket.socket(_family(self._target)) as visitor:
            visitor.setblocking(False)
            visitor.connect(self._target)

    def _accept(self) -> None:
        try:
            conn: Any = self._listener.accept()
        except _HANDSHAKE_ERRORS as problem:
            if self._opening is None and not self.closing:
                raise  # not this peer's handshake: the endpoint itself has failed
            if not self.closing:
                self.rejected(_reason(problem), _words(problem))
        else:
            self.accepted(MultiprocessingConnection("", conn))
        finally:
            with self._lock:
                self._opening = None

    def _opened(self, conn: watch.AnyConnection) -> None:
        with self._lock:
            if self.closing:
                raise OSError("the listener is being closed")
            self._opening = conn


class MultiprocessingConnection(Connection):
    """One `Connection`.

    Args:
        conn: The id the harness gave it, on the client side.
        source: The accepted connection, or the address to dial.
        authkey: The secret, on the client side.
    """

    def __init__(
        self, conn: str, source: watch.AnyConnection | dict[str, Any], authkey: bytes | None = None
    ) -> None:
        super().__init__(conn)
        self._address = source if isinstance(source, dict) else None
        self._conn = None if isinstance(source, dict) else source
        self._authkey = authkey
        self._dropped = False
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def run(self) -> End:
        """See `Connection.run`."""
        try:
            if self._address is not None:
                watch.report_to(self._opened)
                try:
                    mpc.Client(_target(self._address), authkey=self._authkey)
                except _HANDSHAKE_ERRORS as problem:
                    stage = "transport" if self._conn is None else "handshake"
                    return End("error", _reason(problem), _words(problem), stage)
            with self._lock:
                conn = self._conn
            if conn is None:
                return End("error", detail="dropped")
            self.established()
            return self._read_until_end(conn)
        finally:
            self._release()

    def send(self, payload: bytes) -> None:
        """See `Connection.send`."""
        with self._writing:
            if self._conn is None:
                raise Failed("peer-closed", "the connection is over")
            self._conn.send_bytes(payload)

    def drop(self) -> None:
        """See `Connection.drop`."""
        with self._lock:
            self._dropped = True
            if self._conn is not None:
                watch.shut_down(self._conn)

    def _read_until_end(self, conn: watch.AnyConnection) -> End:
        while True:
            try:
                message = conn.recv_bytes()
            except EOFError:
                return End("clean")
            except OSError as problem:
                if str(problem) == _CUT:
                    return End("truncated", "truncated", _CUT)
                raise
            except MemoryError:
                return End("error", "limit", "MemoryError")
            self.delivered(message)

    def _opened(self, conn: watch.AnyConnection) -> None:
        with self._lock:
            self._conn = conn
            if self._dropped:
                raise OSError("the connection was dropped")

    def _release(self) -> None:
        self.drop()  # wakes a writer, who holds the lock
        with self._writing, self._lock:
            if self._conn is not None:
                self._conn.close()
                self._conn = None


def _reason(problem: BaseException) -> str:
    if isinstance(problem, multiprocessing.AuthenticationError):
        return "authentication"
    if isinstance(problem, (EOFError, ConnectionError)):
        return "peer-closed"
    return "protocol" if isinstance(problem, (AssertionError, ValueError)) else "unspecified"


def _words(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}"


def _target(address: dict[str, Any]) -> str | tuple[str, int]:
    return address["path"] if address["transport"] == "unix" else (address["host"], address["port"])


def _address(target: str | tuple[str, int]) -> dict[str, object]:
    if isinstance(target, str):
        return {"transport": "unix", "path": target}
    return {"transport": "tcp", "host": target[0], "port": target[1]}


def _family(target: str | tuple[str, int]) -> int:
    return getattr(socket, "AF_UNIX") if isinstance(target, str) else socket.AF_INET  # noqa: B009 - absent on Windows
