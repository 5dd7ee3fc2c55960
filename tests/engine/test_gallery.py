"""Several implementations side by side."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ipc_gauntlet.engine.gallery import Exhibit, cell, exhibits, findings, gallery_status, write_gallery
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseFinished, CaseResult, Implementation, RunFinished, RunStarted
from ipc_gauntlet.report.model import from_events
from ipc_gauntlet.verdict import Verdict


@pytest.fixture
def exhibit(make_result: Callable[..., CaseResult]) -> Callable[..., Exhibit]:
    """Make an exhibit from verdicts of the suite replay."""

    def make(name: str, *verdicts: str, error: str = "", interrupted: bool = False) -> Exhibit:
        start = RunStarted(
            at=0.0, run="r", version="0", platform="p", implementation=Implementation(name=name), seed=1
        )
        results = [
            make_result(f"replay/a/b/{number}", Verdict(verdict)) for number, verdict in enumerate(verdicts)
        ]
        status = 130 if interrupted else 0
        end = RunFinished(
            at=0.0, run="r", duration_s=1.0, error=error, interrupted=interrupted, exit_status=status
        )
        events = [start, *(CaseFinished(at=0.0, run="r", result=result) for result in results), end]
        return Exhibit(name=name, folder=name, report=from_events(events))

    return make


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        (["pass", "pass", "fail"], "2/1"),
        (["pass", "inconclusive"], "1/0?"),
        (["fail", "error", "inconclusive"], "0/1?!"),
        (["not_applicable"], "-"),
        ([], "-"),
    ],
)
def test_cells(exhibit: Callable[..., Exhibit], verdicts: list[str], text: str) -> None:
    """A cell shows passes and failures, and marks what is neither."""
    assert cell(exhibit("x", *verdicts).report, "replay") == text


@pytest.mark.parametrize(
    ("reference", "other", "status"),
    [
        (["pass"], ["fail", "inconclusive"], 0),
        (["fail"], ["pass"], 1),
        (["pass", "inconclusive"], ["pass"], 1),
        (["not_applicable"], ["pass"], 1),
        (["pass"], ["error"], 1),
    ],
)
def test_status(exhibit: Callable[..., Exhibit], reference: list[str], other: list[str], status: int) -> None:
    """The reference has to be flawless; others only have to be testable."""
    assert gallery_status([exhibit("reference", *reference), exhibit("other", *other)]) == status


def test_status_of_what_could_not_be_run(exhibit: Callable[..., Exhibit]) -> None:
    """A driver that broke counts, a library that is not installed does not, Ctrl-C is Ctrl-C."""
    assert gallery_status([exhibit("x", error="driver x: died")]) == 1
    assert gallery_status([exhibit("x", error="driver x: ModuleNotFoundError: No module named 'zmq'")]) == 0
    assert gallery_status([exhibit("x", "pass", interrupted=True)]) == 130


def test_the_reference_comes_first() -> None:
    """Without names everything bundled is shown, the reference first; a name that is not bundled is wrong use."""
    names = exhibits([])
    assert names[0] == "reference"
    assert names[1:] == sorted(names[1:])
    assert exhibits(["reference", "reference"]) == ["reference"]
    with pytest.raises(UsageError):
        exhibits(["nope"])


def test_the_file(exhibit: Callable[..., Exhibit], tmp_path: Path) -> None:
    """The comparison is written for programs too."""
    shown = [exhibit("reference", "pass"), exhibit("other", "fail", "fail")]
    assert [(item.requirement, item.cases) for item in findings(shown[1])] == [("REPL-01", 2)]
    write_gallery(tmp_path / "deep" / "showcase.json", shown)
    document = json.loads((tmp_path / "deep" / "showcase.json").read_text(encoding="utf-8"))
    assert document["implementations"]["reference"]["suites"]["replay"]["pass"] == 1
    assert document["findings"] == [
        {"implementation": "other", "requirement": "REPL-01", "statement": "", "cases": 2}
    ]
