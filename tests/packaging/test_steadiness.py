"""The script that looks for false verdicts counts what is one, and only that."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "ci" / "steadiness.py"


def steadiness(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, object]]]:
    """Run the script on few cases."""
    report = folder / "steadiness.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", str(report), *words, "--transport", "unix", "-n", "0"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done, json.loads(report.read_text())


def test_passes_are_no_false_verdicts(tmp_path: Path) -> None:
    """Two runs with seeds of their own, beside a busy process; nothing is wrong."""
    done, runs = steadiness(
        tmp_path,
        "--runs",
        "2",
        "--load",
        "1",
        "--first-seed",
        "5",
        "--",
        "--case",
        "ordering/records/swapped*",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [run["seed"] for run in runs] == [5, 6]
    assert all(run["verdicts"] and run["wrong"] == [] for run in runs)


def test_whatever_is_no_pass_is_one(tmp_path: Path) -> None:
    """An implementation that is not good stands in for a false verdict."""
    words = (
        "--runs",
        "1",
        "--load",
        "0",
        "--name",
        "noise-xx",
        "--",
        "--case",
        "ordering/truncation/cut_stream*",
    )
    done, runs = steadiness(tmp_path, *words)
    assert done.returncode == 1
    assert "fail: ordering/truncation/cut_stream" in done.stdout
    assert runs[0]["wrong"]


def test_a_run_in_which_nothing_was_run_is_one(tmp_path: Path) -> None:
    """A choice that matches nothing must not look like steadiness."""
    done, runs = steadiness(tmp_path, "--runs", "1", "--load", "0", "--", "--case", "no/such/case")
    assert done.returncode == 1
    assert runs[0]["wrong"] == [["the whole run", "error", ""]]
