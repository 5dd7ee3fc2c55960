"""The process of a slice as its supervisor sees it: started, watched, and ended with everything that it started."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from ipc_gauntlet.driver.process import DriverProcess, Launch, spawn
from ipc_gauntlet.errors import GauntletError

_MODULE = "ipc_gauntlet.fuzz.slice"
_SAID = 1 << 16
_AT_ONCE = 1 << 16
_READS = 16


class SliceProcess:
    """A child in a process group or job of its own. It is killed when the supervisor dies, by whatever death.

    Args:
        arguments: Of the program `ipc_gauntlet.fuzz.slice`, beside `--watched`.

    Raises:
        GauntletError: It cannot be started.

    Attributes:
        begun: When it was started, as `time.monotonic` has it.
        talks: Whether it said something when we listened last: more may follow soon.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        argv = [sys.executable, "-X", "faulthandler", "-m", _MODULE, "--watched", *arguments]
        try:
            self._process: DriverProcess = spawn(Launch(sys.executable, argv, None, environment()))
        except OSError as error:
            raise GauntletError(f"cannot start a process to fuzz in: {error}") from error
        self._said = b""
        self._cut = False
        self.talks = False
        self.begun = time.monotonic()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def status(self) -> int | None:
        """Its exit status as `subprocess` has it, None while it runs. Takes what it says meanwhile."""
        self._listen()
        return self._process.exit_status()

    def said(self) -> str:
        """The end of what it wrote to standard error; of a flood most is gone."""
        text = self._said.decode("utf-8", "replace")
        return f"... {text}" if self._cut else text

    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.begun

    def memory_mb(self) -> float:
        """Resident memory; 0 if it is gone."""
        try:
            return float(psutil.Process(self.pid).memory_info().rss) / (1 << 20)
        except psutil.Error:
            return 0.0

    def end(self) -> None:
        """Kill whatever is left of it and its descendants; idempotent.

        Raises:
            HarnessError: A process survives, which only the kernel can cause.
        """
        self._listen()
        self._process.kill()

    def _listen(self) -> None:
        """Take what has come. Bounded: who floods us waits, and does not keep us from our work."""
        pipe = self._process.stderr
        self.talks = False
        for _ in range(_READS):
            if pipe.closed:
                return
            try:
                data = pipe.read(_AT_ONCE)
            except (BlockingIOError, OSError, ValueError):
                return
            if not data:
                return
            self.talks = True
            self._said += data
            if len(self._said) > _SAID:
                self._said = self._said[-_SAID:]
                self._cut = True


def environment() -> dict[str, str]:
    """The variables of a slice: ours, the same import path, and no choice by accident."""
    path = os.pathsep.join(dict.fromkeys(entry or str(Path.cwd()) for entry in sys.path))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }


def remove(folder: Path) -> None:
    """Remove a slice's folder; what cannot be removed now is tried again when the campaign goes on."""
    shutil.rmtree(folder, ignore_errors=True)
