"""Marks a driver's processes so that they are found again, on macOS and the BSDs.

The mark is an environment variable, which children inherit unless they take care to drop it. Orphans are collected
by process 1 there, so there is nothing for us to reap.
"""

import contextlib
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

assert not TYPE_CHECKING or sys.platform not in ("linux", "win32")  # noqa: S101 - tells mypy whose module this is

VARIABLE = "IPC_GAUNTLET_DRIVER"


class Marker:
    """The mark of one driver."""

    in_child = None  # the environment is all it takes

    def __init__(self) -> None:
        self._value = secrets.token_hex(8)
        self.environment = {VARIABLE: self._value}

    @staticmethod
    def peek(popen: "subprocess.Popen[bytes]") -> int | None:
        """Return the exit status; where the system cannot tell without it, this collects the process."""
        return popen.poll()

    def find(self, leader: int) -> list[int]:
        """Return the ids of the leader's descendants and of all marked processes.

        Args:
            leader: The id of the program itself.
        """
        found: set[int] = set()
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(process.pid for process in psutil.Process(leader).children(recursive=True))
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if (
                    process.environ().get(VARIABLE) == self._value
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.add(process.pid)
        return sorted(found)
