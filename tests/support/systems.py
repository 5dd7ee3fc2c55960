"""What tests have to know of the system they run on."""

import contextlib
import ctypes
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
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
needs_waiting_queue = pytest.mark.skipif(
    sys.platform not in ("linux", "win32"),
    reason="a full queue of a Unix socket refuses here, as a dead server does, instead of letting one wait",
)
needs_fork = pytest.mark.skipif(WINDOWS, reason="Windows has no fork")
needs_pipes = pytest.mark.skipif(not WINDOWS, reason="named pipes are a thing of Windows")


def leading_its_group(words: Sequence[str], **options: Any) -> "subprocess.Popen[str]":  # noqa: ANN401 - passed on
    """Start a program that a group of processes begins with, so that it can be interrupted and we are not."""
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    return subprocess.Popen(words, text=True, **options)


def interrupt_group(leader: "subprocess.Popen[str]", number: signal.Signals = signal.SIGINT) -> None:
    """What a terminal does with everything in it: a signal, or on Windows Ctrl-Break, which only whole groups get.

    It comes through a console. Where a program has none, as under Wine without a display, nobody can be interrupted.
    """
    if sys.platform == "win32":
        try:
            leader.send_signal(signal.CTRL_BREAK_EVENT)
        except (OSError, SystemError):  # CPython reports some failures of this call as errors of its own
            end_family(leader)
            pytest.skip("there is no console through which Ctrl-Break could come")
    else:
        os.killpg(leader.pid, number)


def end_family(leader: "subprocess.Popen[str]") -> None:
    """Kill a program and all that it has started; for the end of a test, which leaves nothing behind."""
    if leader.poll() is None:
        for process in (*psutil.Process(leader.pid).children(recursive=True), psutil.Process(leader.pid)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def import_path(*folders: str | Path) -> str:
    """A `PYTHONPATH` with folders in front of what it has: the project itself may be found by it, as under Wine."""
    return os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])


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
