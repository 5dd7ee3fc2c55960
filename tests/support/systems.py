"""What tests have to know of the system they run on."""

import ctypes
import sys

import psutil
import pytest

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
