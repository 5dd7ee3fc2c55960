"""A driver's process and everything it starts, as one thing that can be killed.

Rule of this package: after `kill` returned, no process that the program started is alive, wherever it went to hide,
and no process that anybody else started was touched. One module per operating system does it.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ipc_gauntlet.errors import HarnessError

if sys.platform != "win32":
    from ipc_gauntlet.driver.process_posix import PosixProcess


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


class DriverProcess(Protocol):
    """A running program with three pipes that do not block."""

    @property
    def pid(self) -> int:
        """The process id of the program itself."""

    @property
    def stdin(self) -> int:
        """Descriptor of our end of its standard input, -1 once closed."""

    @property
    def stdout(self) -> int:
        """Descriptor of our end of its standard output, -1 once closed."""

    @property
    def stderr(self) -> int:
        """Descriptor of our end of its standard error, -1 once closed."""

    def exit_status(self) -> int | None:
        """Return its exit status, minus the signal's number if one ended it, None while it runs."""

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
    """Start a program in a session of its own.

    Args:
        launch: What to start.

    Raises:
        OSError: When the operating system refuses to start it.
        HarnessError: On an operating system whose processes we cannot supervise.
    """
    if sys.platform == "win32":
        raise HarnessError(
            "this release starts drivers on POSIX systems only; on Windows use it inside WSL 2"
        )
    else:  # noqa: RET506 - without it, mypy calls the line unreachable on Windows
        return PosixProcess(launch.program, launch.argv, launch.cwd, launch.env)
