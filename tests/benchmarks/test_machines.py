"""The benchmark of the machines tries what it says; its numbers are not looked at."""

import json
import subprocess
import sys
from pathlib import Path


def test_every_machine_is_measured(checkout: Path, tmp_path: Path) -> None:
    """Each machine has tried its schedules on the reference, and none of them was bad."""
    target = tmp_path / "out.json"
    command = [sys.executable, "-m", "benchmarks.machines", "--schedules", "5", "--json", str(target)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(target.read_text(encoding="utf-8"))
    assert len(results) == 7
    assert all(result["schedules"] == 5 and result["steps"] > 5 for result in results.values())
    assert len(done.stdout.splitlines()) == len(results)
