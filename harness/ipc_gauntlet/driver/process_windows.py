"""Starts and kills process trees on Windows.

The program begins suspended and goes into a job object before its first instruction, so whatever it starts is in the job
too: nothing can leave it, and `kill` needs to find nobody. The only handle of the job is ours and is not inherited; when the
harness dies, however it dies, the system closes the handle and with it ends the whole tree.

Between its creation and its entry into the job the program is a process like any other, for less than a millisecond. Were
the harness killed in just that moment, it would stay behind, but suspended, having done nothing. Windows 10 can create a
process inside of a job (PROC_THREAD_ATTRIBUTE_JOB_LIST), but Python's `subprocess` cannot.

The program gets a console of its own that nobody sees, and is the first of a process group: Ctrl-C and Ctrl-Break in the
harness's console do not reach it. The harness decides when it ends.
"""

import contextlib
import msvcrt
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import psutil

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.windows import api, jobs, pipe

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells mypy whose module this is

KILLED = 137
"""Exit status of a process that was killed by us: Windows has no signals, so 128 and the number of SIGKILL, as in shells."""

_CREATE_SUSPENDED = 0x4
_KILL_SECONDS = 10.0
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02


class WindowsProcess:
    """See `DriverProcess`."""

    def __init__(self, program: str, argv: Sequence[str], cwd: str | None, env: Mapping[str, str]) -> None:
        self._gone = False
        with contextlib.ExitStack() as undo:
            self._job = jobs.Job()
            undo.callback(self._job.close)
            self.stdin, stdin = _pipe(undo, child_reads=True)
            self.stdout, stdout = _pipe(undo, child_reads=False)
            self.stderr, stderr = _pipe(undo, child_reads=False)
            with contextlib.ExitStack() as theirs:
                for number in (stdin, stdout, stderr):
                    theirs.callback(os.close, number)
                self._popen = subprocess.Popen(
                    list(argv),
                    executable=program,
                    cwd=cwd,
                    env=dict(env),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    creationflags=_CREATE_SUSPENDED
                    | subprocess.CREATE_NEW_PROCESS_GROUP
                    | subprocess.CREATE_NO_WINDOW,
                )
            self.pid = self._popen.pid
            undo.callback(self._popen.wait)
            undo.callback(self._popen.kill)
            self._release()
            undo.pop_all()

    def exit_status(self) -> int | None:
        """See `DriverProcess.exit_status`."""
        return self._popen.poll()

    def wait(self, seconds: float) -> int | None:
        """See `DriverProcess.wait`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        return self._popen.returncode

    def others(self) -> list[int]:
        """See `DriverProcess.others`."""
        return [] if self._gone else [pid for pid in self._job.pids() if pid != self.pid and _counts(pid)]

    def close_stdin(self) -> None:
        """See `DriverProcess.close_stdin`."""
        self.stdin.close()

    def kill(self) -> None:
        """See `DriverProcess.kill`."""
        if self._gone:
            return
        for one in (self.stdin, self.stdout, self.stderr):
            one.close()
        deadline = time.monotonic() + _KILL_SECONDS
        pause = _FIRST_PAUSE
        # Ending a process takes a moment; one that was just being created may come up after the others were ended.
        while (left := self._job.pids()) or self._popen.poll() is None:
            if left:
                self._job.terminate(KILLED)
            if time.monotonic() > deadline:
                raise HarnessError(f"processes {left or [self.pid]} of a driver cannot be ended")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        self._gone = True
        self._job.close()

    def _release(self) -> None:
        """Put the program under control, then let it run.

        Raises:
            HarnessError: When that is not possible; the caller ends it.
        """
        try:
            self._job.add(self.pid)
            psutil.Process(self.pid).resume()
        except (OSError, psutil.Error) as error:
            raise HarnessError(f"a driver cannot be put under control: {error}") from error


def _counts(pid: int) -> bool:
    """Whether a living process was started by the program: the one that plays its console was not."""
    program = jobs.program_of(pid)
    return program != "" and not program.lower().endswith("\\conhost.exe")


def _pipe(undo: contextlib.ExitStack, *, child_reads: bool) -> tuple[pipe.OverlappedPipe, int]:
    """Make a pipe; return our end, and a descriptor for the child's, which the caller closes."""
    ours, theirs = pipe.for_child(child_reads=child_reads)
    undo.callback(ours.close)
    try:
        return ours, msvcrt.open_osfhandle(theirs, os.O_RDONLY if child_reads else os.O_WRONLY)
    except OSError:
        api.close_handle(theirs)
        raise
