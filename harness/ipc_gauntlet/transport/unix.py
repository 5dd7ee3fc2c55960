"""Unix domain sockets in a private directory."""

import contextlib
import errno
import itertools
import os
import socket
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport.protocol import Address, OnAccept
from ipc_gauntlet.transport.streams import SocketListener, SocketStream

assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101 - tells the type checker where this file counts

PATH_MAX_BYTES = 100
"""Longest socket path: the smallest `sun_path` of the supported systems is 104 bytes with its final zero."""

BACKLOG = 128


def listen(directory: str, reactor: Reactor, on_accept: OnAccept) -> SocketListener:
    """Listen in a directory that only this user can enter.

    Args:
        directory: Absolute path; made with mode 0700 if it does not exist.
        reactor: Drives the listener.
        on_accept: Called for each accepted connection.

    Raises:
        HarnessError: When others can enter the directory, or the path is too long for a socket.
    """
    sock, path = bind(directory, BACKLOG)
    identity = _identity(path)

    def remove() -> None:
        if _identity(path) == identity:
            path.unlink(missing_ok=True)

    try:
        return SocketListener(sock, address_of(path), reactor, on_accept, remove)
    except BaseException:
        sock.close()
        remove()
        raise


def dial(address: Address, reactor: Reactor) -> SocketStream:
    """Connect to the path of an address.

    Raises:
        HarnessError: When the address has no path.
    """
    path = address.get("path")
    if not isinstance(path, str) or not path:
        raise HarnessError(f"not a Unix address: {dict(address)!r}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream = SocketStream(sock, reactor)
        stream.connect(path)
    except BaseException:
        sock.close()
        raise
    return stream


def bind(directory: str, backlog: int) -> tuple[socket.socket, Path]:
    """Bind a socket to a free short name in a private directory, and let it listen.

    Raises:
        HarnessError: See `listen`.
    """
    folder = private_directory(directory)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path = _bind_free_name(sock, folder)
        path.chmod(0o600)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock, path


def address_of(path: Path) -> dict[str, object]:
    """Return the address of a socket path as drivers know it."""
    return {"transport": "unix", "path": str(path)}


def private_directory(directory: str) -> Path:
    """Make the directory if need be, and check that nobody else can enter it.

    Raises:
        HarnessError: When it is not absolute, cannot be made, is no directory, or is somebody else's or open to others.
    """
    folder = Path(directory)
    if not folder.is_absolute():
        raise HarnessError(f"the directory for sockets must be absolute: {directory!r}")
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.stat()
    except OSError as problem:
        raise HarnessError(f"no directory for sockets: {problem}") from problem
    mode = status.st_mode
    if not stat.S_ISDIR(mode):
        raise HarnessError(f"not a directory: {directory!r}")
    if status.st_uid != os.geteuid():
        raise HarnessError(f"{directory!r} belongs to user {status.st_uid}, not to this one")
    if mode & 0o077:
        raise HarnessError(
            f"others may enter {directory!r} (mode {mode & 0o777:04o}); sockets need a 0700 directory"
        )
    return folder


def _bind_free_name(sock: socket.socket, folder: Path) -> Path:
    for number in itertools.count():
        path = folder / f"a{number}"
        length = len(bytes(path))
        if length > PATH_MAX_BYTES:
            raise HarnessError(
                f"socket path of {length} bytes, at most {PATH_MAX_BYTES} are safe on every system; "
                f"use a shorter work directory than {str(folder)!r}"
            )
        try:
            sock.bind(str(path))
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise HarnessError(f"cannot bind {str(path)!r}: {problem}") from problem
        else:
            return path
    raise AssertionError  # count() does not end


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
