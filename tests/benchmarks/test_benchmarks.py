"""The benchmark program measures what it says, on stacks that need no package; its numbers are not looked at."""

import json
import subprocess
import sys
from pathlib import Path

METRICS = {"sessions", "rr1k", "rr64k", "oneway1k"}


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program from the checkout, as its documentation says."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=60)


def test_a_small_measurement_prints_a_table_and_writes_json(checkout: Path, tmp_path: Path) -> None:
    """Both stacks have every metric with one sample for each round, and the baseline's ratio to itself is one."""
    target = tmp_path / "out.json"
    result = run(
        checkout, "ssl", "multiprocessing", "--rounds", "2", "--scale", "0.01", "--json", str(target)
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(target.read_text(encoding="utf-8"))
    assert document["samples"].keys() == {"ssl", "multiprocessing"}
    for metrics in document["samples"].values():
        assert {name: len(samples) for name, samples in metrics.items()} == dict.fromkeys(METRICS, 2)
        assert all(sample > 0 for samples in metrics.values() for sample in samples)
    assert set(document["ratio"]["ssl"].values()) == {1.0}
    assert all(word in result.stdout for word in ["ssl", "multiprocessing", *METRICS])


def test_the_protocol_alone_can_be_measured(checkout: Path, tmp_path: Path) -> None:
    """Both ends in one process answer what the others answer: a wrong echo would end the measurement."""
    target = tmp_path / "out.json"
    result = run(
        checkout, "core-chacha", "core-aesgcm", "--rounds", "1", "--scale", "0.01", "--json", str(target)
    )
    assert result.returncode == 0, result.stderr
    samples = json.loads(target.read_text(encoding="utf-8"))["samples"]
    assert {name: set(metrics) for name, metrics in samples.items()} == dict.fromkeys(
        ("core-chacha", "core-aesgcm"), METRICS
    )


def test_an_unknown_stack_is_refused(checkout: Path) -> None:
    """A misspelt name is a usage error, not a table without it."""
    result = run(checkout, "sssl")
    assert result.returncode == 2
    assert "no such stack: sssl" in result.stderr
