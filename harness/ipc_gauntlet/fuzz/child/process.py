"""One life of a process that executes inputs: lines in, lines out, and its standard error for when it dies."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import psutil

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.spec import Exit

_STDERR_LONGEST = 1 << 16


class Process:
    """A process that runs `program`.

    Args:
        hash_seed: Its `PYTHONHASHSEED`.
        path: Where it looks for modules before it looks where we do.

    Raises:
        GauntletError: It cannot be started.
    """

    def __init__(self, hash_seed: str, path: Sequence[str] = ()) -> None:
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "ipc_gauntlet.fuzz.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=_environment(hash_seed, path),
            )
        except OSError as error:
            self._stderr.close()
            raise GauntletError(f"cannot start a process to execute inputs in: {error}") from error
        self._pump = threading.Thread(target=_pump, args=(self._popen.stdout, self._answers), daemon=True)
        self._pump.start()

    def say(self, line: bytes) -> None:
        """Send a line. That the process is dead is noticed when its answer does not come."""
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.write(line + b"\n")
                self._popen.stdin.flush()

    def line(self, seconds: float) -> bytes | None:
        """Its next line; None if it closed its output, or said nothing for so long."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None

    def end(self) -> tuple[int, bytes]:
        """Kill it with all that it started, and wait until it is gone.

        Returns:
            Its status, as `subprocess` has it, or that of a hang if it had to be killed; and what it left on standard
            error, the end of it.
        """
        # One that closed its output is about to end by itself, with a status that tells why.
        if not self._pump.is_alive():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(5.0)
        status = self._popen.poll()
        family: list[psutil.Process] = []
        if status is None:
            status = int(Exit.HANG)
            with contextlib.suppress(psutil.Error):
                family = psutil.Process(self._popen.pid).children(recursive=True)
            self._popen.kill()
        for member in family:
            with contextlib.suppress(psutil.Error):
                member.kill()
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()
        self._popen.wait()
        self._pump.join()
        with self._stderr:
            size = os.fstat(self._stderr.fileno()).st_size
            self._stderr.seek(max(size - _STDERR_LONGEST, 0))
            return status, self._stderr.read()


def _environment(hash_seed: str, first: Sequence[str]) -> dict[str, str]:
    """The variables of the process: ours, our import path, and no choice by accident."""
    path = os.pathsep.join(dict.fromkeys(entry or str(Path.cwd()) for entry in (*first, *sys.path)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed, "PYTHONUTF8": "1"}


def _pump(pipe: IO[bytes] | None, answers: queue.SimpleQueue[bytes | None]) -> None:
    if pipe is not None:
        with pipe, contextlib.suppress(OSError, ValueError):
            for line in pipe:
                answers.put(line)
    answers.put(None)
