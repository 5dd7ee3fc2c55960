"""docs/requirements is what the catalogue, the cases and the last hunt say."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ipc_gauntlet_corpora import requirement_sets
from sipc_mutants.here import LINUX, WINE, why_not
from sipc_mutants.patching import unified_diff
from sipc_mutants.registry import MUTANTS

Json = dict[str, Any]

RESULT: Json = {
    "id": "ORD-02.m1",
    "requirement": "ORD-02",
    "suite": "ordering",
    "defect": "d",
    "killed": True,
    "killed_by": [
        "ordering/records/deleted_record/unix-x509-c2s",
        "ordering/records/deleted_record/unix-psk-c2s",
    ],
    "reason": "gap at stage established",
    "fate": "killed",
    "diff": "--- a/x\n+++ b/x\n-a\n+b\n",
    "duration_s": 1.5,
    "cases_run": 7,
}
ALIVE: Json = {
    **RESULT,
    "id": "ORD-02.m2",
    "killed": False,
    "killed_by": [],
    "fate": "survived",
    "reason": "a | b",
    "diff": "",
}
REPORT: Json = {
    "mutants": [RESULT, ALIVE],
    "dead_cases": ["ordering/records/blind"],
    "requirements_without_mutant": [],
    "tool": {"name": "x"},
    "duration_s": 3.0,
}
CASES: list[Json] = [
    {
        "id": "ordering/records/deleted_record",
        "requirement": "ORD-02",
        "description": "Records\nvanish.",
        "variants": ["a", "b"],
    }
]


@pytest.fixture
def maker(script: Callable[[str], ModuleType], checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script; its texts are a module beside it."""
    monkeypatch.syspath_prepend(str(checkout / "ci"))
    return script("make_requirement_pages")


def test_the_pages_are_up_to_date(maker: ModuleType, checkout: Path) -> None:
    """Made again from the committed report, every file is the same: `python ci/make_requirement_pages.py`."""
    folder = checkout / "docs" / "requirements"
    expected = maker.documents(
        maker.read(folder / "kills.json"), maker.read(folder / "kills-windows.json"), maker.cases()
    )
    assert {path.name for path in folder.iterdir()} == expected.keys()
    stale = [name for name, text in expected.items() if (folder / name).read_text(encoding="utf-8") != text]
    assert stale == []


def test_the_reports_are_about_the_present_mutants(maker: ModuleType, checkout: Path) -> None:
    """Every mutant was hunted as it is now where it shows: on Linux, `ipc-gauntlet kills --json FILE`, then the script with
    `--kills FILE`; under Wine those of the suite for transports, then `--windows FILE`."""
    for name, machine, requirements in (("kills.json", LINUX, ""), ("kills-windows.json", WINE, "XPT-")):
        text = (checkout / "docs" / "requirements" / name).read_text(encoding="utf-8")
        hunted = {one["id"]: one["diff"] for one in json.loads(text)["mutants"]}
        shown = [one for one in MUTANTS if not why_not(one.system, machine)]
        mine = [one for one in shown if one.requirement.startswith(requirements)]
        assert hunted == {mutant.id: maker.without_places(unified_diff(mutant)) for mutant in mine}, name


def test_the_last_hunt_left_nothing_alive(checkout: Path) -> None:
    """No flawed variant that nobody notices, no case that notices none, no case that fails where nothing is flawed."""
    report = json.loads((checkout / "docs" / "requirements" / "kills.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in report["mutants"] if one["fate"] != "killed"] == []
    assert report["dead_cases"] == []
    assert report["requirements_without_mutant"] == []
    assert report["defects_without_mutant"] == []
    assert report["exit_status"] == 0
    bugs = {
        case["case"] for one in report["mutants"] for case in one["failing"] if case["reason"] == "case-bug"
    }
    assert bugs == set(), "a case that breaks shows nothing"


def test_what_was_seen_under_wine_is_told_apart(maker: ModuleType) -> None:
    """A mutant that only Wine shows stands among the others, with its place; one that nobody ran, with its reason."""
    seen = {**RESULT, "id": "XPT-08.m1", "requirement": "XPT-08", "suite": "transport"}
    both = {**RESULT, "killed": False, "fate": "survived", "killed_by": []}
    far = {"id": "XPT-10.m1", "requirement": "XPT-10", "defect": "d", "why": "only Windows itself"}
    windows = {**REPORT, "mutants": [seen, both], "not_expressible": [far]}
    made = maker.documents(maker.settled(REPORT), maker.settled(windows), CASES)
    matrix = made["kill-matrix.md"]
    assert "2 of 3 mutants are killed" in matrix
    assert "| XPT-08.m1 | killed (under Wine) |" in matrix
    assert "| ORD-02.m1 | killed |" in matrix
    assert "1 of 2 mutants that show there are killed" in matrix[matrix.index("under Wine\n") :]
    assert (
        "XPT-10.m1: plain CreateFile (Python open()). *Built, and never run where it shows:* only"
        in (made["transport.md"])
    )
    assert "- XPT-10.m1, plain CreateFile (Python open()): only Windows itself" in made["ledger.md"]
    assert json.loads(made["kills.json"]) == maker.settled(REPORT)


def test_a_report_is_settled(maker: ModuleType) -> None:
    """What depends on the machine and the moment is not committed; what was found is."""
    kept = maker.settled(REPORT)
    assert kept.keys() == REPORT.keys() - {"tool", "duration_s"}
    assert kept["mutants"][0].keys() == RESULT.keys() - {"duration_s", "cases_run"}
    assert maker.settled(kept) == kept
    moved = {**RESULT, "diff": "--- a/x\n+++ b/x\n@@ -268,7 +268,7 @@\n-@@ x\n"}
    assert maker.settled({**REPORT, "mutants": [moved]})["mutants"][0]["diff"] == (
        "--- a/x\n+++ b/x\n@@\n-@@ x\n"
    )
    crashed = {**ALIVE, "reason": f"driver client ({sys.executable} -m x): it ended"}
    assert maker.settled({**REPORT, "mutants": [crashed]})["mutants"][0]["reason"] == (
        "driver client (python -m x): it ended"
    )


def test_a_section_says_everything(maker: ModuleType) -> None:
    """Statement, level, source, cases with their words, mutants with what kills them and their change, what happened."""
    made = maker.documents(maker.settled(REPORT), None, CASES)
    newest = requirement_sets()[-1]
    assert {"README.md", "ordering.md", "ledger.md", "kill-matrix.md", "kills.json"} <= made.keys()
    page = made["ordering.md"]
    section = page[page.index("## ORD-02") : page.index("## ORD-03")]
    for text in (
        "Deletion of any protected record",
        "**MUST**, from profile *channel* on.",
        "- source: Terrapin CVE-2023-48795",
        "- `ordering/records/deleted_record` (2 variants): Records vanish.",
        "Killed by `ordering/records/deleted_record`\n",
        "  -a\n  +b\n",
        "**survived**: a | b",
        "CVE-2023-48795",
    ):
        assert text in section
    rows = [line for line in made["README.md"].splitlines() if line.startswith("| [")]
    unmarked = {line.partition("]")[0].removeprefix("| [") for line in rows if "(not in the set)" not in line}
    assert unmarked == set(newest.statements)
    assert "(ordering.md#ord-02) | MUST | channel | 1 | 1/2 |" in made["README.md"]
    assert "1 of 2 mutants are killed; 1 case functions kill none" in made["kill-matrix.md"]
    assert "| survived | - | a \\| b |" in made["kill-matrix.md"]
    assert "- `ordering/records/blind`" in made["kill-matrix.md"]


def test_the_ledger_hides_nothing(maker: ModuleType) -> None:
    """Survivors, requirements without a case, defects without a mutant, and the limits of the means."""
    ledger = maker.documents(maker.settled(REPORT), None, CASES)["ledger.md"]
    assert "- ORD-02.m2 (survived): a | b" in ledger
    assert "- ORD-01: " in ledger
    assert "- ORD-02: " not in ledger
    assert "Loss of power" in ledger


def test_nothing_to_write_from(maker: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report that is not there is said, and nothing is written."""
    assert maker.main(["--kills", str(tmp_path / "none.json")]) == 1
    assert "ipc-gauntlet kills --json" in capsys.readouterr().err


def test_the_files_are_written(maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report goes in settled, and a second time gives the same."""
    monkeypatch.setattr(maker, "FOLDER", tmp_path / "pages")
    monkeypatch.setattr(maker, "cases", lambda: CASES)
    (tmp_path / "new.json").write_text(json.dumps(REPORT), encoding="utf-8")
    assert maker.main(["--kills", str(tmp_path / "new.json")]) == 0
    first = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "pages").iterdir()}
    assert json.loads(first["kills.json"]) == maker.settled(REPORT)
    assert maker.main([]) == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "pages").iterdir()} == first
