"""The comparison with a bare atheris script measures both; its numbers are not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ipc_gauntlet.fuzz.engines.atheris import ENGINE

WHY = ENGINE.missing()


@pytest.mark.skipif(bool(WHY), reason=WHY or "atheris is here")
def test_a_small_comparison_prints_a_table_and_writes_json(checkout: Path, tmp_path: Path) -> None:
    """One parser, one round; with no limit to its ratio it ends well."""
    target = tmp_path / "out.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.fuzzing_atheris",
        "cbor",
        "--rounds",
        "1",
        "--executions",
        "1500",
    ]
    done = subprocess.run(
        [*command, "--limit", "1e9", "--json", str(target)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(target.read_text(encoding="utf-8"))
    assert found["subject"] == "cbor"
    assert len(found["ratios"]) == 1
    assert "cbor" in done.stdout
