"""No process outlives a run, however the run ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from ipc_gauntlet.verdict import ExitStatus

if sys.platform == "win32":
    from ipc_gauntlet.windows import jobs

    _jobs: list[jobs.Job] = []

_PR_SET_CHILD_SUBREAPER = 36
_WAIT_S = 3.0


class Household:
    """The processes that this one started, directly or not, since the household was made."""

    # psutil is imported late: on Windows every command begins with `die_together`, and `--help` waits for no library.

    def __init__(self) -> None:
        import psutil

        self._me = psutil.Process()
        self._before = {process.pid for process in self._me.children(recursive=True)}
        if sys.platform == "linux":
            # A process whose parents are gone then becomes our child instead of init's, and can still be found.
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def kill(self) -> None:
        """Kill them all."""
        import psutil

        # Twice: the death of a parent can bring up children that were not in the first list.
        for _ in range(2):
            found = [child for child in self._me.children(recursive=True) if child.pid not in self._before]
            for child in found:
                with contextlib.suppress(psutil.Error):
                    child.kill()
            psutil.wait_procs(found, timeout=_WAIT_S)


class Stopper:
    """Turns the signals that end a program into one `KeyboardInterrupt`; further ones wait until all is cleaned up."""

    def __init__(self) -> None:
        self.status: ExitStatus | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the body runs (in the main thread; elsewhere signals do not arrive)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in _signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.status is not None:
            return
        self.status = ExitStatus.interrupted if number in _interrupts() else ExitStatus.terminated
        raise KeyboardInterrupt


def _interrupts() -> list[signal.Signals]:
    """What a keyboard sends to everything in its terminal: Ctrl-C, and on Windows Ctrl-Break."""
    found = [signal.SIGINT]
    if sys.platform == "win32":
        found.append(signal.SIGBREAK)
    return found


def _signals() -> list[signal.Signals]:
    found = [*_interrupts(), signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        found.append(signal.SIGHUP)
    return found


def on_interrupts(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Handle what a keyboard sends to everything in its terminal, for good."""
    for number in _interrupts():
        signal.signal(number, handler)


def ignore_interrupts() -> None:
    """Leave it to the controlling process, which gets them too, when this one ends."""
    on_interrupts(signal.SIG_IGN)


def die_together() -> None:
    """Make sure that nothing this process starts outlives it, even if it is killed; for a program's beginning.

    Windows has neither process groups that end with their leader nor a parent for orphans. So this process goes into a job
    object that is its own: when it ends, the last handle of the job is closed, and with it everything in the job ends.
    Where the system does not allow that, drivers still end, each with a job of its own; only workers could stay behind
    if this process is killed. On POSIX nothing is needed: workers end with their input, drivers with their parent.
    """
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            job = jobs.Job()
            job.add_this_process()
            _jobs.append(job)


def cpu_seconds() -> float:
    """Processor time of this process and of all its ended children, in seconds."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def usable_cores() -> int:
    """Cores this process may use."""
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return count
