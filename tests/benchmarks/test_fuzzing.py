"""The fuzzing benchmark measures what it says; its numbers are not looked at."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_portable_engine_is_measured(checkout: Path, tmp_path: Path) -> None:
    """The shallow bug is found, executions are counted, and the table has a row for what was asked."""
    target = tmp_path / "out.json"
    options = ["--seeds", "1", "--limit", "2", "--rate-seconds", "0.5", "--json", str(target)]
    command = [sys.executable, "-m", "benchmarks.fuzzing", "portable, structured", *options]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(target.read_text(encoding="utf-8"))["portable, structured"]
    assert set(result["bugs"]) == {"MagicBug", "NestedBug", "SessionBug"}
    assert result["bugs"]["NestedBug"][0]["found"]
    assert result["rate"] > 0
    assert "| portable, structured |" in done.stdout


def test_each_planted_bug_is_there(checkout: Path) -> None:
    """The inputs that are known show one bug each, and no engine is given them."""
    code = (
        "from benchmarks.planted.inputs import INPUTS\n"
        "from benchmarks.planted.targets import TARGETS\n"
        "from ipc_gauntlet.fuzz.execute import execute\n"
        "for target in TARGETS:\n"
        "    assert not list(target.seeds())\n"
        "    print(*[execute(target, data).finding.error for data in INPUTS])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["MagicBug NestedBug SessionBug"] * 2


def test_an_unknown_set_up_is_refused(checkout: Path) -> None:
    """With the names that there are."""
    command = [sys.executable, "-m", "benchmarks.fuzzing", "nothing"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 2
    assert "'portable, bytes'" in done.stderr
