"""A driver written in another language, from the protocol document alone, runs through the suites."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "drivers" / "examples" / "node-tls" / "driver.mjs"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs Node.js: the example driver is a JavaScript program")
def test_the_node_driver_runs_through_the_channel_suites(tmp_path: Path) -> None:
    """Node's TLS withstands wrong peers and replayed sessions, and calls a cut stream a regular end."""
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "ipc_gauntlet.cli",
        "run",
        "--driver",
        f'"{NODE}" "{DRIVER}"',
        "-n",
        "0",
        "--seed",
        "5",
    ]
    chosen = ["--transport", "unix"]
    for pattern in ("REPL-02", "ORD-07", "AUTH-0[1-4]"):
        chosen += ["--requirement", pattern]
    done = subprocess.run(
        [*command, *chosen, "--json", str(report)], capture_output=True, text=True, timeout=300, check=False
    )
    assert report.exists(), done.stdout + done.stderr
    cases = json.loads(report.read_text())["cases"]
    failed = {(case["requirement"], case["reason"]) for case in cases if case["verdict"] == "fail"}
    assert failed == {("ORD-07", "clean-end")}
    assert not [case["id"] for case in cases if case["verdict"] in ("error", "inconclusive")]
    assert done.returncode == 1


def test_the_example_is_minimal() -> None:
    """A driver of a channel stays under 150 lines, as the protocol document promises."""
    assert len(DRIVER.read_text(encoding="utf-8").splitlines()) < 150
