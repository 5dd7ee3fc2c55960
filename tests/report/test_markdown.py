"""The summary says what counts, and nothing of what an implementation says becomes markup."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.events import CaseResult, Required
from ipc_gauntlet.report.markdown import cell, markdown
from ipc_gauntlet.report.model import Report
from ipc_gauntlet.verdict import Verdict

Make = Callable[..., CaseResult]
Build = Callable[..., Report]


def test_failures_are_named_by_requirement(make_result: Make, make_report: Build) -> None:
    bad = make_result("replay/records/bad/unix-x509", Verdict.fail)
    fine = make_result("ordering/lanes/a/unix-x509", requirement="ORD-01", suite="ordering")
    text = markdown(make_report(bad, make_result(), fine)).decode()
    assert "## toy 1 **fails**" in text
    assert "| suite | pass | fail |" in text
    assert "| replay | 1 | 1 |" in text
    assert "| REPL-01 | MUST | fail | 1 of 2 | No record twice. |" in text
    assert "ORD-01" not in text


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"exit_status": 0}, "passes"),
        ({"exit_status": 3}, "could not"),
        ({"interrupted": True}, "interrupted"),
    ],
)
def test_what_a_run_came_to(
    make_result: Make, make_report: Build, facts: dict[str, object], word: str
) -> None:
    report = msgspec.structs.replace(make_report(make_result()), **facts)
    assert word in markdown(report).decode().splitlines()[0]


def test_hostile_text_stays_in_its_row(make_result: Make, make_report: Build) -> None:
    bad = make_result(verdict=Verdict.fail, required=Required("| a\n| b <script> `x` @all \ud800", "x"))
    rows = [line for line in markdown(make_report(bad)).decode().splitlines() if line.startswith("| REPL-01")]
    assert len(rows) == 1
    assert rows[0].count("|") == 6
    assert "<script>" not in rows[0]


@given(st.text())
def test_cells_hold_no_marks(text: str) -> None:
    shown = cell(text)
    assert not set(shown) & set("<>|`*_[]@\\~\n\r\t\x1b")
