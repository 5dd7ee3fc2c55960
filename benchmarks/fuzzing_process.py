"""Runs what the fuzzing benchmarks compare, each in a process of its own, and measures its CPU time."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Found:
    """What one process came to.

    Attributes:
        cpu_s: CPU seconds of the process.
        executions: How many it did.
        found: Whether it found what it looked for.
    """

    cpu_s: float
    executions: int
    found: bool


def measured(
    command: Sequence[str], limit: float, said: Path | None = None, cwd: Path = ROOT, **more: str
) -> float:
    """Run a program until it ends or has used so much CPU time.

    Args:
        command: The program.
        limit: CPU seconds.
        said: Where its output goes; nowhere by default.
        cwd: The folder that it runs in.
        more: Variables.

    Returns:
        CPU seconds that it used.
    """
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    with open(said or os.devnull, "wb") as output:  # noqa: PTH123 - devnull has no better way
        process = subprocess.Popen(command, env=variables, cwd=cwd, stdout=output, stderr=output)
        watched = psutil.Process(process.pid)
        used = 0.0
        while process.poll() is None:
            try:
                times = watched.cpu_times()
                used = times.user + times.system
            except psutil.Error:
                break
            if used > limit:
                process.terminate()
                break
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return used
