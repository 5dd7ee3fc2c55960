"""A way to reach a connection while the module is still inside `accept` or `Client`.

`reset` and an abort must end a handshake that hangs, but until it is over the module alone holds the connection. So
the class it makes connections of is replaced by one that reports each new object to whoever opened it; it behaves the
same in every other way.
"""

from __future__ import annotations

import contextlib
import multiprocessing.connection as mpc
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    AnyConnection = mpc.Connection[Any, Any]
else:
    AnyConnection = mpc.Connection  # generic only for type checkers


class _Opener(threading.local):
    report: Callable[[AnyConnection], None] | None = None


_opener = _Opener()


class _Watched(AnyConnection):
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on untouched
        super().__init__(*args, **kwargs)
        if _opener.report is not None:
            _opener.report(self)


def install() -> None:
    """Let the module make watched connections from now on."""
    mpc.Connection = _Watched  # type: ignore[misc]


def report_to(report: Callable[[AnyConnection], None]) -> None:
    """Name whom to tell of every connection this thread opens; what it raises comes out of the opening call."""
    _opener.report = report


def shut_down(conn: AnyConnection) -> None:
    """End both directions of a connection's socket, which wakes whoever waits for it; it stays open."""
    with contextlib.suppress(OSError):
        _shut_down(conn.fileno())


def stop_accepting(listener: mpc.Listener) -> None:
    """Wake a thread that waits in `accept`, where the system does that for a socket which is shut down: Linux does.

    Closing the socket wakes nobody, and the module has no call for it.
    """
    sock = getattr(getattr(listener, "_listener", None), "_socket", None)
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            _shut_down(sock.fileno())


def _shut_down(fileno: int) -> None:
    sock = socket.socket(fileno=fileno)
    try:
        sock.shutdown(socket.SHUT_RDWR)
    finally:
        sock.detach()
