"""The command line that starts a driver."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet import quoting
from ipc_gauntlet.errors import DriverStartError, UsageError


@dataclass(frozen=True, slots=True)
class DriverCommand:
    """A program and its arguments; it is run without a shell.

    Args:
        argv: The program and its arguments.
        name: Short name for reports.
        cwd: Working directory, or None for the harness's own.
        env: Variables added to the harness's environment.
    """

    argv: tuple[str, ...]
    name: str = ""
    cwd: str | None = None
    env: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise UsageError("a driver command is empty; name a program, for example: python my_driver.py")
        if any("\0" in word for word in self.argv):
            raise UsageError(f"the driver command {self.argv!r} contains a NUL character")
        if not self.name:
            object.__setattr__(self, "name", _short_name(self.argv))

    @classmethod
    def parse(cls, text: str, *, name: str = "", cwd: str | None = None) -> "DriverCommand":
        """Split a command line into words the way a shell does, quotes included; nothing else is expanded.

        Args:
            text: For example `"my driver" --verbose`.
            name: Short name for reports; made from the program when empty.
            cwd: Working directory.

        Raises:
            UsageError: When the text is empty or a quote is not closed.
        """
        try:
            words = quoting.split(text)
        except ValueError as error:
            raise UsageError(f"cannot split the driver command {text!r} into words: {error}") from error
        return cls(tuple(words), name=name, cwd=cwd)

    @classmethod
    def module(cls, module: str, name: str = "") -> "DriverCommand":
        """Run a Python module with the interpreter of the harness.

        Args:
            module: What follows `python -m`.
            name: Short name for reports; the module's when empty.
        """
        return cls((sys.executable, "-m", module), name=name or module)

    def __str__(self) -> str:
        return quoting.join(self.argv)

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the program: the harness's, then `env`, then `extra`."""
        return {**os.environ, **(self.env or {}), **extra}

    def locate(self, driver: str) -> str:
        """Find the program, so that a wrong path is explained before anything is started.

        Args:
            driver: How the driver is called in messages.

        Returns:
            The path of the program.

        Raises:
            DriverStartError: When there is no such program, or it cannot be run; says what to try.
        """
        program = self.argv[0]
        if self.cwd is not None and not Path(self.cwd).is_dir():
            raise DriverStartError(driver, f"its working directory {self.cwd} does not exist; check the path")
        if Path(program).name == program:
            return self._locate_in_path(driver, program)
        path = _program_file(Path(self.cwd or ".", program))
        if not path.exists():
            where = (
                f" (relative to {Path(self.cwd or '.').resolve()})" if not Path(program).is_absolute() else ""
            )
            raise DriverStartError(driver, f"the program {program!r} does not exist{where}; check the path")
        if path.is_dir():
            raise DriverStartError(driver, f"{program!r} is a directory; name the program inside it")
        if not os.access(path, os.X_OK):
            raise DriverStartError(driver, f"the file {program!r} is not executable; {_how_to_run(program)}")
        # Windows would look for a relative path in our working directory, not in the program's.
        return str(path.absolute()) if sys.platform == "win32" else program

    def _locate_in_path(self, driver: str, program: str) -> str:
        found = shutil.which(program, path=self.environment({}).get("PATH"))
        if found is not None:
            return found
        if Path(self.cwd or ".", program).is_file():
            here = f"a file of that name is in the working directory: write ./{program}, or {_how_to_run(program)}"
        else:
            here = "install it, or write the path of the program"
        raise DriverStartError(driver, f"the program {program!r} was not found in PATH; {here}")


def _program_file(path: Path) -> Path:
    """The file that a path means: on Windows also one whose name goes on with `.exe` or another ending of programs."""
    if sys.platform == "win32" and not path.is_file():
        for ending in os.environ.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").split(";"):
            longer = path.with_name(path.name + ending)
            if ending and longer.is_file():
                return longer
    return path


def _how_to_run(program: str) -> str:
    if program.endswith(".py"):
        return f"run it with its interpreter: python {program}"
    how = "put its interpreter in front"
    if sys.platform != "win32":
        how = f"make it so (chmod +x {program}), or {how}"
    return how


def _short_name(argv: tuple[str, ...]) -> str:
    """Pick the word of a command line that a person would call the program by."""
    program = Path(argv[0]).stem
    if program.startswith("python") and len(argv) > 1:
        if argv[1] == "-m" and len(argv) > 2:
            return argv[2]
        if not argv[1].startswith("-"):
            return Path(argv[1]).stem
    return program
