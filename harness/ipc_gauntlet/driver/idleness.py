"""Whether a process has nothing to do: what lets the harness stop waiting for news that cannot come any more.

On Linux only; elsewhere nothing can be told, and the harness waits for a longer silence instead.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

# How Linux numbers the CPU-time clock of a process: its id inverted, and a 2 for "all threads, by the scheduler".
_CPU_CLOCK = 2
_SLEEPING = (b"S", b"I")


def cpu_time(pid: int) -> int | None:
    """CPU time that all threads of a process have used so far, in nanoseconds; None where that cannot be told."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return time.clock_gettime_ns((~pid << 3) | _CPU_CLOCK)
    return None


def sleeps(pid: int) -> bool:
    """Whether every thread of a process waits for something, and it has no child that could work in its place.

    False also where that cannot be told.
    """
    return sys.platform == "linux" and _all_threads_sleep(pid)


def _all_threads_sleep(pid: int) -> bool:
    """The same on Linux, from the files that tell of each thread."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a third of the time of Path.iterdir
            directory = Path("/proc", str(pid), "task", task)
            status = (directory / "stat").read_bytes().rpartition(b") ")[2]
            if not status.startswith(_SLEEPING) or (directory / "children").read_bytes():
                return False
    except OSError:
        return False
    return True
