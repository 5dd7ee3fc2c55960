"""Baselines that test properties: plain Hypothesis, and HypoFuzz where there is one, on the parser with planted bugs.

HypoFuzz is no dependency of this project. Where another interpreter has it, name that with `--hypofuzz`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.fuzzing_process import Found, measured

PLAIN = "plain hypothesis"
HYPOFUZZ = "hypofuzz"


def missing(kind: str, python: str) -> str:
    """Why a baseline cannot run here, empty if it can.

    Args:
        kind: `PLAIN` or `HYPOFUZZ`.
        python: The interpreter that has HypoFuzz.
    """
    if kind == PLAIN:
        return ""
    done = subprocess.run([python, "-c", "import hypofuzz"], capture_output=True, check=False)
    return f"{python} has no hypofuzz; name one that has with --hypofuzz" if done.returncode else ""


def look_for(kind: str, mode: str, seed: int, limit: float, bug: str, python: str) -> Found:
    """Look for one bug.

    Args:
        kind: `PLAIN` or `HYPOFUZZ`, which takes no seed.
        mode: `bytes` or `structured`.
        seed: Of Hypothesis.
        limit: CPU seconds to give up after.
        bug: Its exception.
        python: The interpreter that has HypoFuzz.
    """
    plain = [sys.executable, "-m", "benchmarks.planted.properties", mode, bug, str(seed)]
    other = [python, "-m", "benchmarks.planted.hypofuzz_run", mode]
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found"
        command = plain if kind == PLAIN else other
        cpu = measured(command, limit, cwd=Path(folder), PLANTED_BUG=bug, PLANTED_FOUND=str(found))
        return Found(cpu, 0, found.exists())
