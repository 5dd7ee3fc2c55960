"""`ci`: doctor, suites, reports, and what a CI system is told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from commands import Runner
from systems import STACK_TRANSPORT

from ipc_gauntlet import quoting
from ipc_gauntlet.cli.ci import run_words


def test_reports_outputs_and_summary(command: Runner, plain: str, folder: Path) -> None:
    """On a system with a summary page and outputs, both are written; the exit status is that of the run."""
    told = {"GITHUB_STEP_SUMMARY": str(folder / "page.md"), "GITHUB_OUTPUT": str(folder / "outputs")}
    options = f"--package toy_suites --suite ordering --transport {STACK_TRANSPORT} -n 0 --seed 3"
    ended = command("ci", "--driver", plain, "--options", options, "--out", "there", env=told)
    report = ended.json("there/report.json")
    assert ended.status == report["exit_status"]
    assert report["seed"] == 3
    assert (folder / "there" / "junit.xml").is_file()
    assert (folder / "page.md").read_text(encoding="utf-8").startswith("## ")
    lines = (folder / "outputs").read_text(encoding="utf-8").splitlines()
    assert lines == [f"report={folder / 'there' / 'report.json'}", f"junit={folder / 'there' / 'junit.xml'}"]


def test_options_are_split_by_the_rules_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `--driver` is: on Windows a backslash is part of a path."""
    monkeypatch.setattr(quoting, "split", partial(quoting.split, windows=True))
    words = run_words("driver", r'--json C:\reports\new.json --case "a b"', Path("out"))
    assert words[-4:] == ["--json", r"C:\reports\new.json", "--case", "a b"]


def test_a_driver_that_is_not_fit_is_not_run(command: Runner, folder: Path) -> None:
    """The doctor's word comes first."""
    ended = command("ci", "--driver", "no-such-program-anywhere")
    assert ended.status in (1, 3)
    assert not (folder / "ipc-gauntlet-results" / "report.json").exists()


def test_options_that_cannot_be_split(command: Runner, plain: str) -> None:
    """An open quotation mark is wrong use, not a traceback."""
    ended = command("ci", "--driver", plain, "--options", "--case 'x")
    assert ended.status == 2
    assert "cannot be split" in ended.err
