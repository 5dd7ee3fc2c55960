"""Wine itself: the package, a prefix (a Windows installation of our own), and its server shared by all who run.

Traps, each found the hard way:

- A Windows program started with a regular file as its standard output cannot use it. It gets pipes.
- The first program of a prefix starts service processes that inherit whatever it has. It gets nothing, or the pipe of
  the real program would never end.
- The server is stopped by the last user only: stopping it ends every process in the prefix.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from windows_python import BuildError

# Wine is for other systems; this keeps the type checker from looking at it on Windows.
assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101

_FOLDER = Path("/usr/lib/wine")
_BOOT_S = 180
# The server leaves by itself this many seconds after the last program, should nobody be left to stop it.
_LINGER = "-p60"


class Wine:
    """Runs Windows programs in one prefix.

    Args:
        cache: The folder that holds the prefix.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._loader = _program("wine64")
        self._server = _program("wineserver64", "wineserver")
        version = subprocess.run([self._loader, "--version"], capture_output=True, text=True, check=True)
        self.version = version.stdout.split()[0]
        self._prefix = cache / f"prefix-{self.version}"
        self.environment = _environment(self._prefix, self._server)

    def command(self, *words: str) -> list[str]:
        """The command line that runs a Windows program.

        Args:
            words: The program, by its path here, and its arguments.
        """
        return [self._loader, *words]

    def boot(self) -> None:
        """Make the prefix unless it is there. Only one at a time may do this.

        Raises:
            BuildError: Wine did not get that far.
        """
        ready = self._prefix / "ready"
        if ready.exists():
            return
        shutil.rmtree(self._prefix, ignore_errors=True)
        self._prefix.mkdir(parents=True)
        try:
            self._silently("wineboot.exe", "-i")
            self._wait()
            # Without this it is Windows 7.
            self._silently("winecfg.exe", "-v", "win10")
            self._wait()
        except (OSError, subprocess.SubprocessError) as error:
            raise BuildError(f"Wine could not make its prefix {self._prefix}: {error}") from error
        ready.touch()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Hold the prefix's server; the last one to leave stops it, and with it whatever still runs."""
        with (
            (self._cache / "users.lock").open("w") as users,
            (self._cache / "starting.lock").open("w") as starting,
        ):
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(starting, fcntl.LOCK_EX)
            self._silently_server(_LINGER)
            self._silently("cmd.exe", "/c", "exit")
            fcntl.flock(starting, fcntl.LOCK_UN)
            try:
                yield
            finally:
                # Of several that leave at once the kernel lets exactly one have it alone; whoever comes now waits.
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._silently_server("-k")
                    self._wait()

    def _wait(self) -> None:
        """Wait until the server has ended."""
        self._silently_server("-w")

    def _silently_server(self, option: str) -> None:
        # Exit status 1 or 2: it runs already, or does not run.
        self._quiet([self._server, option], check=False)

    def _silently(self, *words: str) -> None:
        self._quiet(self.command(*words), check=True)

    def _quiet(self, command: list[str], *, check: bool) -> None:
        null = subprocess.DEVNULL
        subprocess.run(
            command, stdin=null, stdout=null, stderr=null, env=self.environment, check=check, timeout=_BOOT_S
        )


def _environment(prefix: Path, server: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}},
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        # Neither .NET nor a browser is wanted, and no entries in anybody's menus.
        "WINEDLLOVERRIDES": "mscoree,mshtml=d;winemenubuilder.exe=d",
        "WINESERVER": server,
    }


def _program(*names: str) -> str:
    for name in names:
        if (_FOLDER / name).exists():
            return str(_FOLDER / name)
    for name in names:
        if found := shutil.which(name):
            return found
    raise BuildError(f"Wine's program {names[0]} is neither in {_FOLDER} nor on the PATH.")


def install_wine() -> None:
    """Install Debian's package unless there is a Wine.

    Raises:
        BuildError: That needs another user, or another system.
    """
    with contextlib.suppress(BuildError):
        _program("wine64")
        return
    command = "apt-get install --no-install-recommends wine64"
    program = shutil.which("apt-get")
    if program is None or os.geteuid() != 0:
        raise BuildError(f"There is no Wine on this machine. Install it: {command}")
    options = ["-q", "-o", "DPkg::Lock::Timeout=300"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", "wine64"]):
        done = subprocess.run(
            [program, *options, *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode and words[0] == "install":
            raise BuildError(f"{command} failed:\n{done.stderr}")
