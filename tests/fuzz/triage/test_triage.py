"""From findings of a campaign to minimised cases, replays and the check of a fix, on a parser with planted flaws."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from flawed_targets import framed, written

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.case import Case, case_name, make_case, read_case, write_case
from ipc_gauntlet.fuzz.triage.fixing import check_fix
from ipc_gauntlet.fuzz.triage.one import triage
from ipc_gauntlet.fuzz.triage.replaying import Inputs, replay, sweep
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets

CRASH = framed(b"C" + bytes(range(40, 90)) + b"!")
HANG = framed(b"HH and more of it")
DEATH = framed(b"Dead and gone")


@pytest.fixture(name="targets")
def make_targets(tmp_path: Path) -> Targets:
    return Targets([str(written(tmp_path))], Settings(hang_seconds=0.2, memory_mb=200))


def found(targets: Targets, data: bytes, target: str = "t.clumsy") -> Finding:
    with Child(targets.orders(target)) as child:
        finding = child.one(data).finding
    assert finding is not None
    return finding


def case_of(targets: Targets, data: bytes, expect: str = "no-finding") -> Case:
    return make_case(found(targets, data), expect=expect)


def repaired(folder: Path, before: str, after: str) -> None:
    path = folder / "flawed_parsers.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize(
    ("data", "smallest"), [(CRASH, framed(b"C!")), (DEATH, framed(b"D")), (HANG, framed(b"HH"))]
)
def test_a_finding_is_run_again_and_made_smaller(targets: Targets, data: bytes, smallest: bytes) -> None:
    finding = found(targets, data)
    done = triage([finding], targets.get("t.clumsy"), targets.orders("t.clumsy"), Budget(executions=400))
    assert done.reproduced == "5/5"
    assert done.case.data == smallest
    assert done.case.minimised_from == len(data)
    assert done.case.signature == finding.signature
    assert done.case.kind == finding.kind


def test_what_is_left_behind_once_for_each_input_shows_again(targets: Targets, tmp_path: Path) -> None:
    """In a process that has seen the input nothing is added: each run has a process of its own."""
    repaired(tmp_path, "kept.append(len(body))", "body in kept or kept.append(body)")
    finding = found(targets, framed(b"Kept for ever"))
    done = triage([finding], targets.get("t.clumsy"), targets.orders("t.clumsy"), Budget(executions=400))
    assert (finding.kind, done.reproduced, done.case.data) == ("residue", "5/5", framed(b"K"))


def test_what_does_not_show_again_is_told_and_kept(targets: Targets) -> None:
    finding = msgspec.structs.replace(found(targets, CRASH), input_b64="AA==")
    done = triage([finding], targets.get("t.clumsy"), targets.orders("t.clumsy"), Budget(executions=50))
    assert done.reproduced == "0/5"
    assert done.case.data == b"\x00"
    assert done.case.minimised_from == 0


def test_of_several_inputs_the_first_that_shows_it_is_taken(targets: Targets) -> None:
    good = found(targets, CRASH)
    gone = msgspec.structs.replace(good, input_b64="AA==")
    done = triage([gone, good], targets.get("t.clumsy"), targets.orders("t.clumsy"), Budget(executions=400))
    assert (done.shown, done.case.data) == (5, framed(b"C!"))


def test_replay_tells_fixed_failing_and_changed(targets: Targets, tmp_path: Path) -> None:
    crash, death = case_of(targets, CRASH), case_of(targets, DEATH)
    wants = make_case(crash, expect="accepted")
    cases = [crash, death, wants]
    assert [outcome.word for _, outcome in replay(cases, targets)] == ["STILL FAILING"] * 3
    repaired(tmp_path, 'return {}["missing"]', 'raise Refused("missing")')
    repaired(tmp_path, "os._exit(9)", 'raise ValueError("D")')
    words = {case.expect + case.kind: outcome for case, outcome in replay(cases, targets)}
    assert words["no-findingcrash"].word == "FIXED"
    assert words["no-findingcrash"].now == "rejected:missing"
    assert words["no-findingnative"].word == "CHANGED"  # another finding is no fix
    assert words["acceptedcrash"].word == "CHANGED"
    assert words["acceptedcrash"].now == "rejected:missing, expected accepted"


def test_a_case_of_a_target_that_is_gone_is_not_fixed(targets: Targets) -> None:
    case = msgspec.structs.replace(case_of(targets, CRASH), target="t.gone")
    outcomes = [outcome for _, outcome in replay([case], targets)]
    assert [outcome.good for outcome in outcomes] == [False]
    assert "no fuzz target t.gone" in outcomes[0].now


def test_a_case_about_an_implementation_that_is_not_here_is_not_fixed(targets: Targets) -> None:
    case = msgspec.structs.replace(case_of(targets, CRASH), engine="driver", kind="disagreement")
    outcomes = [outcome for _, outcome in replay([case], targets)]
    assert [outcome.good for outcome in outcomes] == [False]
    assert "--driver" in outcomes[0].now


@pytest.mark.parametrize(
    ("before", "after", "word", "is_same"),
    [
        ("unused", "unused", "STILL FAILING", False),
        ('body[-1:] == b"!"', 'body[-1:] == b"?" and body', "FIXED BUT A NEIGHBOUR FAILS", True),
        ('return {}["missing"]', 'raise Refused("missing")', "FIXED", False),
    ],
)
def test_a_fix_is_checked_with_all_inputs_and_what_lies_around_them(
    targets: Targets, tmp_path: Path, before: str, after: str, word: str, is_same: bool
) -> None:
    inputs = [case_of(targets, framed(b"C!")), case_of(targets, CRASH)]
    if before != "unused":
        repaired(tmp_path, before, after)
        repaired(tmp_path, "os._exit(9)", "pass")
        repaired(tmp_path, "kept.append(len(body))", "pass")
        repaired(tmp_path, "        while True:\n            pass\n", "        pass\n")
        repaired(tmp_path, "hog.append(bytearray(1 << 20))", "break")
    check = check_fix(inputs, targets, Budget(executions=2500))
    assert check.word == word, check.neighbour
    assert check.is_same == is_same
    assert len(check.outcomes) == 2
    if word == "FIXED":
        assert check.neighbours == 2500


def test_a_cause_that_shows_with_several_targets_is_checked_with_each(targets: Targets) -> None:
    crash = case_of(targets, framed(b"C!"))
    elsewhere = msgspec.structs.replace(crash, target="t.tidy")
    outcomes = check_fix([elsewhere, crash], targets, Budget(executions=10)).outcomes
    assert [(case.target, outcome.word) for case, outcome in outcomes] == [
        ("t.tidy", "FIXED"),
        ("t.clumsy", "STILL FAILING"),
    ]


def test_corpora_are_swept_and_each_finding_told_once(targets: Targets) -> None:
    told: list[tuple[str, int]] = []
    groups = [
        Inputs("t.clumsy", "seeds", [b"\x00", CRASH, framed(b"Cx!"), DEATH]),
        Inputs("t.tidy", "seeds", [b"\x00", CRASH]),
    ]
    found_now = list(sweep(groups, targets, lambda group, count: told.append((group.target, count))))
    assert [finding.kind for finding in found_now] == ["crash", "native"]
    assert told == [("t.clumsy", 4), ("t.tidy", 2)]
    with pytest.raises(UsageError, match="no fuzz target"):
        list(sweep([Inputs("t.x", "a folder", [b""])], targets))


def test_a_case_is_written_and_read_again(targets: Targets, tmp_path: Path) -> None:
    case = make_case(found(targets, CRASH), expect="rejected:missing", parser="clumsy", reproduced="5/5")
    path = write_case(case, tmp_path / "cases")
    assert path.name.startswith("t.clumsy-crash-keyerror-broken-")
    assert read_case(path) == case
    assert make_case(case, expect="rejected").reproduced == "5/5"
    assert case_name(case) == case_name(case.finding)


def test_a_file_that_is_no_case_is_a_users_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in (
        "{}",
        "[",
        '{"target": "a", "kind": "crash", "signature": "s", "message": "m", "input_b64": "%"}',
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="neither a finding nor a regression case"):
            read_case(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_case(tmp_path / "none.json")


@pytest.mark.parametrize("expect", ["", "ok", "rejected:", "finding"])
def test_an_expectation_that_means_nothing_is_refused(targets: Targets, expect: str) -> None:
    with pytest.raises(UsageError, match="cannot be expected"):
        case_of(targets, CRASH, expect)
