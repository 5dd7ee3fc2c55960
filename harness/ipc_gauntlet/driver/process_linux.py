"""Marks a driver's processes so that none can hide, on Linux.

The mark is a random value of `RLIMIT_LOCKS`, a resource limit that the kernel has not used since 2.4 but still
inherits across fork and exec. Unlike an environment variable it survives `env -i`, it is there before the program's
first instruction, and it can be read of a zombie. An environment variable is set as well, for nested harnesses,
which may not be allowed to choose a limit.

The harness becomes the *subreaper* of its descendants: a grandchild whose parent has ended becomes our child, so it
stays among our descendants and we can collect it. In return, the kernel kills the program when we die.
"""

import contextlib
import ctypes
import os
import resource
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

assert not TYPE_CHECKING or sys.platform == "linux"  # noqa: S101 - tells mypy whose module this is

VARIABLE = "IPC_GAUNTLET_DRIVER"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_RLIMIT_LOCKS = 10

_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)


class Marker:
    """The mark of one driver."""

    def __init__(self) -> None:
        self._value = secrets.randbits(60)
        self._parent = os.getpid()
        self._limit = f" {self._value} ".encode()
        self._variable = f"{VARIABLE}={self._value:x}".encode()
        self.environment = {VARIABLE: f"{self._value:x}"}
        self._adopts_orphans = _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0

    def in_child(self) -> None:
        """Mark the process that is about to become the program; runs between fork and exec.

        The kernel takes the end of the *thread* that forked for our death, so drivers are started on the thread that
        runs the reactor, for as long as the reactor lives.
        """
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(1)  # the harness died before the line above could take effect
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(_RLIMIT_LOCKS, (self._value, self._value))

    @staticmethod
    def peek(popen: "subprocess.Popen[bytes]") -> int | None:
        """Return the exit status without collecting the process: while it is a zombie, its group id stays ours."""
        try:
            info = os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # somebody ignores SIGCHLD, or collected it before us
            return popen.poll()
        if info is None:
            return None
        return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status

    def find(self, leader: int) -> list[int]:
        """Return the ids of all marked processes, zombies included.

        Args:
            leader: The id of the program itself.
        """
        if self._adopts_orphans:
            candidates = [process.pid for process in psutil.Process().children(recursive=True)]
        else:
            candidates = psutil.pids()
        return [pid for pid in candidates if pid == leader or self._is_marked(pid)]

    def _is_marked(self, pid: int) -> bool:
        directory = Path("/proc", str(pid))
        with contextlib.suppress(OSError):
            if self._limit in (directory / "limits").read_bytes():
                return True
            return self._variable in (directory / "environ").read_bytes().split(b"\0")
        return False
