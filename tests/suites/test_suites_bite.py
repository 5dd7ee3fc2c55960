"""The suites against a stack that protects nothing after its first frame, and against real stacks with known habits.

A suite is worth what it catches. Each row names a requirement, and the reason class for which it must fail.
"""

import collections
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PLAIN = Path(__file__).parents[1] / "fixtures" / "plain_driver.py"

CAUGHT = [
    ("AUTH-01", "established"),
    ("AUTH-06", "established"),
    ("AUTH-07", "established"),
    ("AUTH-14", "attached"),
    ("DOWN-10", "gap"),
    ("REPL-01", "delivered-twice"),
    ("REPL-02", "delivered"),
    ("REPL-02", "established"),
    ("REPL-03", "injected-delivered"),
    ("REPL-03", "altered"),
    ("REPL-06", "altered"),
    ("ORD-01", "reordered"),
    ("ORD-02", "gap"),
    ("ORD-07", "clean-end"),
]

HABITS = {
    "python-ssl": ({("ORD-07", "clean-end")}, ("DOWN-10", "REPL-*", "ORD-*")),
    "python-ssl-strict": (set(), ("DOWN-10", "REPL-*", "ORD-*")),
    "curvezmq": (
        {
            ("DOWN-10", "gap"),
            ("DOWN-10", "delivered-beyond"),
            ("ORD-01", "gap"),
            ("ORD-02", "gap"),
            ("ORD-02", "delivered"),
            ("ORD-07", "clean-end"),
            ("ORD-07", "not-ended"),
        },
        ("DOWN-10", "ORD-01", "ORD-02", "ORD-07", "REPL-01"),
    ),
    "noise-xx": ({("ORD-07", "clean-end")}, ("DOWN-10", "REPL-*", "ORD-*")),
}


def run(target: list[str], folder: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run cases over Unix sockets in one process; return the exit status and the report's cases."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "ipc_gauntlet.cli", "run", *target, "-n", "0", "--transport", "unix"]
    done = subprocess.run(
        [*command, "--seed", "5", "--json", str(report), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(report.read_text())["cases"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, collections.Counter[tuple[str, str]]]:
    """Verdicts and reasons of the stack that protects nothing, by requirement."""
    suites = [
        option
        for name in ("authentication", "downgrade", "replay", "ordering")
        for option in ("--suite", name)
    ]
    status, cases = run(
        ["--driver", f'"{sys.executable}" "{PLAIN}"'], tmp_path_factory.mktemp("plain"), *suites
    )
    assert status == 1
    found: dict[str, collections.Counter[tuple[str, str]]] = collections.defaultdict(collections.Counter)
    for case in cases:
        found[case["requirement"]][case["verdict"], case["reason"]] += 1
    return found


@pytest.mark.parametrize(("requirement", "reason"), CAUGHT)
def test_a_stack_that_protects_nothing_is_caught(
    plain: dict[str, collections.Counter[tuple[str, str]]], requirement: str, reason: str
) -> None:
    """Every requirement the plain stack breaks is found broken, for the right reason."""
    assert plain[requirement]["fail", reason] > 0, plain[requirement]


def test_what_it_does_right_is_not_held_against_it(
    plain: dict[str, collections.Counter[tuple[str, str]]],
) -> None:
    """The plain stack checks a key in its first frame; wrong keys must not count as accepted."""
    assert set(plain["AUTH-02"]) == {("pass", "")} or all(
        verdict != "fail" for verdict, _ in plain["AUTH-02"]
    )
    assert not [
        verdict for found in plain.values() for verdict, _ in found if verdict in ("error", "inconclusive")
    ]


@pytest.mark.parametrize("name", HABITS)
def test_habits_of_real_stacks(name: str, tmp_path: Path) -> None:
    """Real stacks fail exactly what their libraries are known to let through, and nothing else."""
    expected, requirements = HABITS[name]
    options = [option for pattern in requirements for option in ("--requirement", pattern)]
    status, cases = run([name], tmp_path, *options)
    failed = {(case["requirement"], case["reason"]) for case in cases if case["verdict"] == "fail"}
    other = [case["id"] for case in cases if case["verdict"] in ("error", "inconclusive")]
    assert not other
    assert failed == expected
    assert status == (1 if expected else 0)
