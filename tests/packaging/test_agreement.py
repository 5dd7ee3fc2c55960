"""The script that compares runs says where they do not agree, and only there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def agreement(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module `ci/agreement.py`."""
    monkeypatch.syspath_prepend(str(checkout / "ci"))
    import agreement as module

    yield module
    sys.modules.pop("agreement")


def report(path: Path, **cases: tuple[str, str, str]) -> str:
    """Write a report of some cases: verdict, stage, reason."""
    told = [
        {"id": name, "verdict": verdict, "stage": stage, "reason": reason}
        for name, (verdict, stage, reason) in cases.items()
    ]
    path.write_text(json.dumps({"cases": told}), encoding="utf-8")
    return str(path)


FINE, BAD = ("pass", "closing", ""), ("fail", "closing", "gap")


def test_equal_runs_agree(agreement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also if cases fail, as long as they fail alike; how far a case came that passed does not count."""
    reports = [report(tmp_path / f"{one}.json", a=FINE, b=BAD) for one in range(2)]
    reports.append(report(tmp_path / "other.json", a=("pass", "transport", ""), b=BAD))
    assert agreement.main(["compare", *reports]) == 0
    assert capsys.readouterr().out == "3 runs, 2 cases, 0 on which they do not agree\n"


@pytest.mark.parametrize(
    "other",
    [
        BAD,
        ("not_applicable", "", "not-verifiable"),
        ("fail", "handshake", "gap"),
        ("fail", "closing", "late"),
    ],
)
def test_a_difference_is_told(
    agreement: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    other: tuple[str, str, str],
) -> None:
    """A verdict, a stage or a reason in one run of three."""
    same = FINE if other == BAD else BAD
    reports = [report(tmp_path / f"{one}.json", a=same) for one in range(2)]
    reports.append(report(tmp_path / "other.json", a=other))
    assert agreement.main(["compare", *reports]) == 1
    assert "DIFFERS  a: " in capsys.readouterr().out


def test_a_case_that_was_not_run_differs(agreement: ModuleType, tmp_path: Path) -> None:
    """Silence is no agreement, and neither is nothing at all."""
    full, less = report(tmp_path / "full.json", a=FINE, b=FINE), report(tmp_path / "less.json", a=FINE)
    none = report(tmp_path / "none.json")
    assert agreement.main(["compare", full, less]) == 1
    assert agreement.main(["compare", none, none]) == 1
    assert agreement.main(["compare", full]) == 1


def test_runs_are_of_one_seed(agreement: ModuleType, checkout: Path) -> None:
    """Here and under Wine, where the checkout has another name."""
    where = checkout / "ci-results" / "agreement-1.json"
    here = agreement.command(where, 7, wine=False, options=["--suite", "replay"])
    wine = agreement.command(where, 7, wine=True, options=[])
    assert here[:2] == [sys.executable, "-m"]
    assert here[-6:] == ["--seed", "7", "--json", "ci-results/agreement-1.json", "--suite", "replay"]
    assert wine[1] == str(checkout / "ci/wine/run")
    assert "ci-results/agreement-1.json" in wine
