"""Starts and kills process trees on POSIX systems.

The program gets its own session, so one `killpg` reaches whatever did not leave its process group. What did leave is
found by a mark that children inherit; how, differs between systems (`process_linux`, `process_bsd`).
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
import warnings
import weakref
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

import psutil

from ipc_gauntlet.errors import HarnessError

assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101 - tells mypy whose module this is

if sys.platform == "linux":
    from ipc_gauntlet.driver.process_linux import Marker
else:
    from ipc_gauntlet.driver.process_bsd import Marker

# SIGKILL takes effect within microseconds; only a process inside a hung system call needs longer.
_KILL_SECONDS = 10.0
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02


class DescriptorPipe:
    """See `ChildPipe`.

    Args:
        file: Our end as `subprocess` made it; owned from now on.
    """

    def __init__(self, file: IO[bytes] | None) -> None:
        assert file is not None  # noqa: S101 - all three are pipes
        self._file = file
        os.set_blocking(file.fileno(), False)

    @property
    def closed(self) -> bool:
        """See `ChildPipe.closed`."""
        return self._file.closed

    def fileno(self) -> int:
        """See `ChildPipe.fileno`."""
        return self._file.fileno()

    def read(self, size: int) -> bytes:
        """See `ChildPipe.read`."""
        return os.read(self._file.fileno(), size)

    def write(self, data: bytes | bytearray) -> int:
        """See `ChildPipe.write`."""
        return os.write(self._file.fileno(), data)

    def close(self) -> None:
        """Close our end; idempotent."""
        with contextlib.suppress(OSError):  # unbuffered: there is nothing to lose
            self._file.close()


class PosixProcess:
    """See `DriverProcess`."""

    def __init__(self, program: str, argv: Sequence[str], cwd: str | None, env: Mapping[str, str]) -> None:
        self._marker = Marker()
        self._owner = os.getpid()
        self._gone = False
        with warnings.catch_warnings():
            # From 3.12 on, Python warns about a fork beside other threads. The marker's hook only makes system calls.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._popen = subprocess.Popen(
                list(argv),
                executable=program,
                cwd=cwd,
                env={**env, **self._marker.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                preexec_fn=self._marker.in_child,  # see above
            )
        self.pid = self._popen.pid
        self.stdin = DescriptorPipe(self._popen.stdin)
        self.stdout = DescriptorPipe(self._popen.stdout)
        self.stderr = DescriptorPipe(self._popen.stderr)
        _living.add(self)

    def exit_status(self) -> int | None:
        """See `DriverProcess.exit_status`."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        return self._marker.peek(self._popen)

    def wait(self, seconds: float) -> int | None:
        """See `DriverProcess.wait`."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while (status := self.exit_status()) is None and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return status

    def others(self) -> list[int]:
        """See `DriverProcess.others`."""
        return [pid for pid in self._marker.find(self.pid) if pid != self.pid and not _is_zombie(pid)]

    def close_stdin(self) -> None:
        """See `DriverProcess.close_stdin`."""
        self.stdin.close()

    def kill(self) -> None:
        """See `DriverProcess.kill`."""
        if self._gone or os.getpid() != self._owner:  # a fork of ours must not kill its parent's drivers
            return
        for pipe in (self.stdin, self.stdout, self.stderr):
            pipe.close()
        deadline = time.monotonic() + _KILL_SECONDS
        pause = _FIRST_PAUSE
        # A process may fork while it is being killed, so look again until nothing is found.
        while (left := self._kill_marked()) or self._popen.poll() is None:
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"processes {left or [self.pid]} of a driver survive SIGKILL; look at them with ps"
                )
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        self._gone = True
        _living.discard(self)

    def _kill_marked(self) -> list[int]:
        """Kill every process of the tree that is still there and return their ids, zombies included."""
        found = self._marker.find(self.pid)
        for pid in found:
            # Once the program has been collected, its number could belong to somebody else.
            if pid != self.pid or self._popen.returncode is None:
                _kill_with_group(pid)
            if pid != self.pid:
                # Orphans of the driver became our children where we are their subreaper; elsewhere init collects.
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        return [pid for pid in found if pid != self.pid]


def _kill_with_group(pid: int) -> None:
    # The program leads a session, so the group of any process of its tree has members of the tree only. Killing the
    # group at once also catches a process that replaces itself faster than we can look.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        if group not in (0, os.getpgrp()):
            os.killpg(group, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


_living: "weakref.WeakSet[PosixProcess]" = weakref.WeakSet()


def _kill_the_living() -> None:
    for process in list(_living):
        process.kill()


atexit.register(_kill_the_living)


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
