"""A driver's process and everything it starts, as one thing that can be killed.

Rule of this package: after `kill` returned, no process that the program started is alive, wherever it went to hide,
and no process that anybody else started was touched. One module per operating system does it.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

if sys.platform == "win32":
    from ipc_gauntlet.driver.process_windows import WindowsProcess as SystemProcess
else:
    from ipc_gauntlet.driver.process_posix import PosixProcess as SystemProcess


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start.

    Args:
        program: Path of the program, already found.
        argv: Its arguments, beginning with its name.
        cwd: Working directory, or None for ours.
        env: The whole environment.
    """

    program: str
    argv: Sequence[str]
    cwd: str | None
    env: Mapping[str, str]


class ChildPipe(Protocol):
    """Our end of a pipe to a program; it does not block, and a reactor can watch it."""

    @property
    def closed(self) -> bool:
        """Whether our end is closed."""

    def fileno(self) -> int:
        """Return its descriptor, or its handle on Windows.

        Raises:
            ValueError: When it is closed.
        """

    def read(self, size: int) -> bytes:
        """Return what has come, at most some bytes; empty at the end.

        Raises:
            BlockingIOError: When nothing is there.
        """

    def write(self, data: bytes | bytearray) -> int:
        """Write what the pipe takes, and return how many bytes that was; what is left has to follow unchanged.

        Raises:
            BlockingIOError: When it takes nothing at the moment.
            BrokenPipeError: When nobody reads it any more.
        """


class DriverProcess(Protocol):
    """A running program with three pipes that do not block."""

    @property
    def pid(self) -> int:
        """The process id of the program itself."""

    @property
    def stdin(self) -> ChildPipe:
        """Our end of its standard input."""

    @property
    def stdout(self) -> ChildPipe:
        """Our end of its standard output."""

    @property
    def stderr(self) -> ChildPipe:
        """Our end of its standard error."""

    def exit_status(self) -> int | None:
        """Return its exit status, None while it runs; on POSIX minus the signal's number if one ended it."""

    def wait(self, seconds: float) -> int | None:
        """Block until the program has ended, but not longer than some seconds; return its exit status."""

    def others(self) -> list[int]:
        """Return the ids of the processes of its tree that are alive, without the program itself."""

    def close_stdin(self) -> None:
        """End its standard input; idempotent. Nothing may watch the descriptor any more."""

    def kill(self) -> None:
        """End the whole tree, collect it, and close the pipes; idempotent. Nothing may watch them any more.

        Raises:
            HarnessError: When a process survives, which only the kernel can cause.
        """


def spawn(launch: Launch) -> DriverProcess:
    """Start a program in a session, or on Windows in a job, of its own.

    Args:
        launch: What to start.

    Raises:
        OSError: When the operating system refuses to start it.
        HarnessError: When it would not be under control.
    """
    return SystemProcess(launch.program, launch.argv, launch.cwd, launch.env)
