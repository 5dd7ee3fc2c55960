"""What decides in `.ci/run` and what does not: its functions with stand-ins for commands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = r"""
set -uo pipefail
logs="$1"; summary=(); status=0
%s
ends() { local next; next=$(head -n 1 "$logs/ends"); sed -i 1d "$logs/ends"; exit "$next"; }
export -f ends; export logs
%s
printf '%%s\n' "${summary[@]}" "status $status"
"""
TWICE = "advise windows 1 bash -c ends; if ((code == 1)); then convict windows 1 bash -c ends; fi"


def ran(checkout: Path, folder: Path, words: str, *ends: int) -> list[str]:
    """Run words with the functions of the script; commands end one after the other as they are told."""
    path = checkout / ".ci" / "run"
    if not path.is_file():
        pytest.skip("the source distribution comes without the check script")
    bash = shutil.which("bash")
    if sys.platform == "win32" or bash is None or shutil.which("timeout") is None:
        pytest.skip("the check script is for Debian-like machines")
    text = path.read_text(encoding="utf-8")
    functions = re.findall(
        r"^(?:latest=55\n)?(?:advise|convict)\(\) \{\n.*?^\}", text, re.MULTILINE | re.DOTALL
    )
    assert len(functions) == 2
    (folder / "ends").write_text("".join(f"{number}\n" for number in ends), encoding="utf-8")
    script = SCRIPT % ("\n".join(functions), words)
    ended = subprocess.run(
        [bash, "-c", script, "-", str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    return [line.partition(" (")[0] for line in ended.stdout.splitlines() if line and "===" not in line]


@pytest.mark.parametrize(
    ("ends", "status", "last"),
    [
        ((0,), 0, "ok      windows"),
        ((1, 0), 0, "ok      windows-again"),
        ((1, 1), 1, "FAILED  windows: what failed did so twice"),
        ((3,), 0, "NOTE    windows ended with status 3, which is for a person to look at"),
        ((124,), 0, "NOTE    windows ended with status 124, which is for a person to look at"),
        ((1, 124), 0, "NOTE    windows-again ended with status 124, which is for a person to look at"),
        ((1, 3), 0, "NOTE    windows-again ended with status 3, which is for a person to look at"),
    ],
)
def test_what_fails_twice_decides(
    checkout: Path, tmp_path: Path, ends: tuple[int, ...], status: int, last: str
) -> None:
    """Neither a machine that cannot do it nor one that is too slow does."""
    told = ran(checkout, tmp_path, TWICE, *ends)
    assert told[-2:] == [last, f"status {status}"]
    assert (tmp_path / "ends").read_text(encoding="utf-8") == ""


def test_what_comes_too_late_is_left_out(checkout: Path, tmp_path: Path) -> None:
    """It counts as if it had not failed."""
    told = ran(checkout, tmp_path, "SECONDS=3400; " + TWICE, 1, 1)
    assert told == [
        "NOTE    windows was left out: the machine is slow, and what decides came first",
        "status 0",
    ]
    told = ran(checkout, tmp_path, "SECONDS=3400; latest=70; " + TWICE, 1, 1)
    assert told[-1] == "status 1"


def case(name: str, verdict: str = "fail", **facts: str) -> dict[str, str]:
    """A result in a report."""
    return {"id": name, "verdict": verdict, "level": "MUST", "requirement": "R-1", "reason": "gap", **facts}


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([case("b"), case("a"), case("c", "pass"), case("d", "error")], ["--case", "a", "--case", "b"]),
        ([case("a", level="SHOULD"), case("c", "pass")], []),
        (
            [case("a", requirement="R-2"), case("s/untestable/R-1/all", reason="untestable")],
            ["--requirement", "R-1", "--requirement", "R-2"],
        ),
    ],
)
def test_what_failed_can_be_run_again(
    script: Callable[[str], ModuleType],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cases: list[Any],
    words: list[str],
) -> None:
    """With the seed of the run, and nothing else."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"seed": 5, "cases": cases}), encoding="utf-8")
    assert script("again").main([str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == (["--seed", "5", *words] if words else [])


def test_without_a_report_nothing_is_run_again(
    script: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that broke before it could write one has judged nothing."""
    assert script("again").main([str(tmp_path / "nowhere.json")]) == 0
    ended = capsys.readouterr()
    assert ended.out == ""
    assert "no report" in ended.err
