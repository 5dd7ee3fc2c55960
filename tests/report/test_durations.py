"""How long cases took: kept in a small file, and taken out of reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.durations import digest, durations_bytes, durations_of, read_durations
from ipc_gauntlet.report.files import json_bytes
from ipc_gauntlet.report.model import Report

Make = Callable[..., CaseResult]
Build = Callable[..., Report]
A, B = ("replay/records/a/unix-x509", "replay/records/b/unix-x509")


def test_the_longest_of_several_runs(make_result: Make, make_report: Build, tmp_path: Path) -> None:
    first = make_report(make_result(A, duration_s=0.5), make_result(B, duration_s=0.126))
    second = make_report(make_result(A, duration_s=2.0))
    found = durations_of([first, second])
    assert found == {A: 2.0, B: 0.13}
    path = tmp_path / "durations.json"
    path.write_bytes(durations_bytes(found))
    assert json.loads(path.read_text("utf-8")) == {"durations": found}
    assert len(path.read_text("utf-8").splitlines()) > 2
    assert read_durations(path) == found


def test_a_report_will_do(make_result: Make, make_report: Build, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(json_bytes(make_report(make_result(A, duration_s=0.5))))
    assert read_durations(path) == {A: 0.5}
    path.write_text('{"cases": 5}', encoding="utf-8")
    with pytest.raises(UsageError, match="no report"):
        read_durations(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_durations(tmp_path / "nowhere.json")


def test_the_digest_is_about_names_and_seconds() -> None:
    assert digest({"a": 1.0, "b": 2.0}) == digest({"b": 2.0, "a": 1.0})
    assert len({digest({"a": 1.0}), digest({"a": 1.5}), digest({"b": 1.0}), digest({})}) == 4
