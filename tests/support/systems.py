"""What tests have to know of the system they run on."""

import ctypes
import itertools
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

_numbers = itertools.count()

WINDOWS = sys.platform == "win32"
WINE = sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
"""Wine does not do everything that Windows does; what a test leaves out for that reason, it says."""

STACK_TRANSPORT = "tcp" if WINDOWS else "unix"
"""What stacks that use sockets speak on this system before anything else."""

STACK_TRANSPORTS = ["tcp"] if WINDOWS else ["unix", "tcp"]
"""All that they speak."""

NOWHERE = (
    {"transport": "tcp", "host": "127.0.0.1", "port": 1}
    if WINDOWS
    else {"transport": "unix", "path": "/nowhere"}
)
"""An address at which nobody listens."""

KILLED = 137 if WINDOWS else -9
"""The exit status of a driver that the harness has killed."""

needs_unix_sockets = pytest.mark.skipif(WINDOWS, reason="CPython for Windows has no AF_UNIX")
needs_fork = pytest.mark.skipif(WINDOWS, reason="Windows has no fork")
needs_pipes = pytest.mark.skipif(not WINDOWS, reason="named pipes are a thing of Windows")


def descriptors() -> int:
    """How many descriptors this process has open; on Windows, handles of any kind."""
    process = psutil.Process()
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


def reset_of(transport: str, *, created: bool) -> str:
    """How the other side sees that one end is dropped.

    Args:
        transport: What the connection runs on.
        created: Whether the end that is dropped is the server's.
    """
    if transport == "pipe":
        return "reset" if created else "fin"  # who opened a pipe can only leave
    if transport == "tcp":
        return "fin" if WINE else "reset"  # Wine shuts a socket down before it closes it
    return "fin"


def listening_in(directory: str | Path) -> tuple[socket.socket, dict[str, Any]]:
    """A socket of this system that listens, and its address."""
    if WINDOWS:
        sock = socket.create_server(("127.0.0.1", 0))
        return sock, {"transport": "tcp", "host": "127.0.0.1", "port": sock.getsockname()[1]}
    path = str(Path(directory, f"r{next(_numbers)}"))
    sock = socket.socket(getattr(socket, "AF_UNIX"))  # noqa: B009 - absent on Windows
    sock.bind(path)
    sock.listen()
    return sock, {"transport": "unix", "path": path}


def connected_to(address: dict[str, Any]) -> socket.socket:
    """A socket that is connected."""
    if WINDOWS:
        return socket.create_connection((address["host"], address["port"]))
    sock = socket.socket(getattr(socket, "AF_UNIX"))  # noqa: B009 - absent on Windows
    sock.connect(address["path"])
    return sock
