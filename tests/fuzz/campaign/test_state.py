"""The memory of a campaign: all or nothing, once and not twice, never without limit."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fuzz_campaigns import progress, seen, slice_end

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign import ledger
from ipc_gauntlet.fuzz.campaign.notes import MOST_NOTES, MOST_PAIRS, Said
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetPlan
from ipc_gauntlet.fuzz.campaign.state import DATABASE, State


def _plan(code: str = "one", *names: str) -> Plan:
    targets = {
        name: TargetPlan(module="m", measured=("m",), seeds=2, code=code, reach=("m:f", "m:g"))
        for name in (names or ("small.right", "small.other"))
    }
    return Plan(name="test", seconds=60.0, targets=targets)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """The memory of a new campaign."""
    with State.open(tmp_path, writable=True) as made:
        made.adopt(_plan())
        yield made


def _merge(state: State, name: str = "000001-small.right", **changes: object) -> tuple[str, ...]:
    return state.merge(slice_end(name, **changes), given=1.0, passed=2.0)


def test_a_slice_is_added(state: State) -> None:
    assert _merge(state, findings=(seen(),)) == ("crash-0123456789abcdef",)
    right, other = state.targets()
    assert (right.executions, right.edges, right.edges_total, right.corpus, right.slices) == (
        1000,
        2,
        10,
        5,
        1,
    )
    assert right.verdicts == {"accepted": 400, "short": 600}
    assert right.unreached == ("m:g",)
    assert (other.executions, other.slices) == (0, 0)
    assert state.covered("small.right") == {"m:1:b:0", "m:2:b:0"}
    (point,) = state.growth("small.right")
    assert (point.executions, point.edges, point.rate) == (1000, 2, pytest.approx(1000 / 0.9))
    (finding,) = state.findings()
    assert (finding.count, finding.status, finding.size, finding.first_at) == (2, "new", 9, 1.0)
    assert state.known() == ("crash-0123456789abcdef",)
    account = state.accounts()[0]
    assert (account.given, account.passed, account.slices) == (1.0, 2.0, 1)
    assert state.rates() == {"small.right": pytest.approx(1000 / 0.9)}


def test_what_engines_say_is_kept_once_and_added_up(state: State) -> None:
    one = Said(
        notes=("implementation: box 1, 3 edges told",),
        warnings=("box claims coverage",),
        counts={"it broke": 1},
        pairs={"accepted / accepted": 5, "accepted / malformed": 1},
    )
    two = Said(
        notes=("implementation: box 1, 57 edges told",),
        counts={"it broke": 2},
        pairs={"accepted / accepted": 2},
    )
    _merge(state, engine="driver", said=one)
    first = state.targets()[0]
    assert "box claims coverage" in first.warnings
    _merge(state, "000002-small.right", engine="driver", said=two)
    _merge(state, "000003-small.right", engine="driver")  # one that was cut short says nothing
    right = state.targets()[0]
    assert right.notes == ("implementation: box 1, 57 edges told", "it broke: 3 times")
    assert right.pairs == {"accepted / accepted": 7, "accepted / malformed": 1}
    assert "box claims coverage" not in right.warnings  # it tells edges by now
    state.adopt(_plan("two"))
    assert not state.targets()[0].notes
    assert not state.targets()[0].pairs


def test_of_several_engines_it_is_told_which_one_says_it(state: State) -> None:
    state.adopt(msgspec.structs.replace(_plan(), engines=("portable", "atheris")))
    _merge(state, engine="atheris", said=Said(notes=("edges are unknown",), warnings=("mind this",)))
    right = state.targets()[0]
    assert right.notes == ("atheris: edges are unknown",)
    assert "atheris: mind this" in right.warnings


def test_what_engines_say_has_a_limit(state: State) -> None:
    letters = [chr(ord("a") + number // 26) + chr(ord("a") + number % 26) for number in range(300)]
    flood = Said(notes=tuple(letters), pairs=dict.fromkeys(letters, 1))
    _merge(state, said=flood)
    _merge(state, "000002-small.right", said=flood)
    right = state.targets()[0]
    assert len(right.notes) == MOST_NOTES
    assert len(right.pairs) == MOST_PAIRS + 1
    assert sum(right.pairs.values()) == 600


def test_a_slice_is_added_once(state: State) -> None:
    _merge(state, findings=(seen(),))
    before = (state.targets(), state.findings(), state.growth("small.right"), state.accounts())
    assert _merge(state, findings=(seen(),)) == ()
    assert (state.targets(), state.findings(), state.growth("small.right"), state.accounts()) == before


def test_others_read_while_one_writes(state: State) -> None:
    with State.open(state.folder) as reader:
        _merge(state)
        assert reader.targets() == state.targets()
        assert reader.plan() == _plan()


def test_a_slice_that_cannot_be_added_whole_is_not_added(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state.targets()

    def full(base: sqlite3.Connection, end: object) -> tuple[str, ...]:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "_add_findings", full)
        with pytest.raises(GauntletError, match="free space"):
            _merge(state, findings=(seen(),))
    assert state.targets() == before
    assert not state.is_merged("000001-small.right")
    _merge(state)
    assert state.targets()[0].slices == 1


def test_a_dead_writer_leaves_no_half(state: State) -> None:
    state._database.execute("BEGIN IMMEDIATE")
    ledger.add(state._database, slice_end(findings=(seen(),)))
    copy = state.folder.parent / "copy"
    copy.mkdir()
    for path in state.folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    state._database.execute("ROLLBACK")
    with State.open(copy) as found:
        assert found.targets()[0].slices == 0
        assert found.findings() == []


def test_broken_slices_are_counted_in_a_row(state: State) -> None:
    for number in range(2):
        _merge(state, f"{number:06d}-a", outcome="broken", trouble="it died", covered=(), functions=())
    assert (state.accounts()[0].broken_in_a_row, state.targets()[0].broken) == (2, 2)
    assert "it died" in state.targets()[0].blind
    _merge(state, "000007-a")
    assert (state.accounts()[0].broken_in_a_row, state.targets()[0].broken) == (0, 2)
    assert state.targets()[0].blind == ""


def test_what_was_refused_is_given_up_at_once(state: State) -> None:
    _merge(state, outcome="refused", trouble="not on this system")
    assert state.accounts()[0].broken_in_a_row == 3


def test_pay_follows_what_is_new_and_fades(state: State) -> None:
    _merge(state, "000001-a")
    _merge(state, "000002-a", progress=progress(features=500), covered=())
    rich = state.accounts()[0].pay
    for number in range(3, 9):
        _merge(state, f"{number:06d}-a", progress=progress(features=500), covered=(), kept=0)
    assert 0 < state.accounts()[0].pay < rich / 10


def test_time_since_something_was_new(state: State) -> None:
    _merge(state, "000001-a", progress=progress(seconds=10.0, cpu_seconds=9.0, last_new=4.0))
    assert state.targets()[0].last_new == pytest.approx(6.0)
    quiet = progress(seconds=10.0, cpu_seconds=9.0)
    _merge(state, "000002-a", progress=quiet, kept=0, covered=())
    assert state.targets()[0].last_new == pytest.approx(15.0)


def test_a_smaller_input_takes_the_place_of_the_smallest(state: State) -> None:
    _merge(state, "000001-a", findings=(seen(),))
    _merge(state, "000002-a", findings=(seen(size=20, smallest="cd" * 32),))
    assert (state.findings()[0].smallest, state.findings()[0].count) == ("ab" * 32, 4)
    _merge(state, "000003-a", findings=(seen(size=3, smallest="ef" * 32),))
    assert (state.findings()[0].smallest, state.findings()[0].size) == ("ef" * 32, 3)
    _merge(state, "000004-a", findings=(seen(size=0, smallest="", message=""),))
    assert (state.findings()[0].size, state.findings()[0].message) == (3, "Boom in f")


def test_triage_is_remembered_and_a_fixed_finding_that_comes_back_is_new(state: State) -> None:
    _merge(state, "000001-a", findings=(seen(),))
    state.mark("crash-0123456789abcdef", status="triaged", reproduced="5/5", smallest="cd" * 32, size=2)
    (finding,) = state.findings()
    assert (finding.status, finding.reproduced, finding.size) == ("triaged", "5/5", 2)
    state.mark("crash-0123456789abcdef", status="fixed")
    (finding,) = state.findings()
    assert (finding.status, finding.reproduced, finding.size) == ("fixed", "5/5", 2)
    _merge(state, "000002-a", findings=(seen(),))
    assert state.findings()[0].status == "new"
    with pytest.raises(UsageError, match="no finding nothing"):
        state.mark("nothing", status="fixed")


def test_curves_reasons_and_findings_have_a_limit(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_POINTS", 20)
    monkeypatch.setattr(ledger, "MOST_REASONS", 4)
    monkeypatch.setattr(ledger, "MOST_SIGNATURES", 5)
    for number in range(100):
        _merge(
            state,
            f"{number:06d}-a",
            at=float(number),
            progress=progress(verdicts={f"reason-{number}": 1}),
            findings=(seen(f"crash-{number:016x}"),),
        )
    points = state.growth("small.right")
    assert len(points) <= 21
    assert (points[0].at, points[-1].at) == (0.0, 99.0)
    assert [point.at for point in points] == sorted(point.at for point in points)
    verdicts = state.targets()[0].verdicts
    assert len(verdicts) == 5
    assert sum(verdicts.values()) == 100
    assert len(state.findings()) == 5


def test_changed_code_forgets_its_edges_and_its_canary(state: State) -> None:
    _merge(state)
    state.canary("small.right", "portable", "caught", 0.5)
    state.adopt(_plan("two"))
    right = state.targets()[0]
    assert (right.edges, right.edges_total, right.features, right.canary) == (0, 0, 0, "untried")
    assert state.covered("small.right") == set()
    assert right.executions == 1000


def test_the_same_code_keeps_them(state: State) -> None:
    _merge(state)
    state.canary("small.right", "portable", "caught", 0.5)
    state.adopt(_plan())
    assert (state.targets()[0].edges, state.targets()[0].canary) == (2, "caught")


def test_a_new_target_does_not_take_all_the_time(state: State) -> None:
    _merge(state)
    state.merge(slice_end("000002-b", target="small.other"), given=100.0, passed=300.0)
    state.adopt(_plan("one", "small.right", "small.other", "small.third"))
    assert state.accounts()[2].passed == 2.0


def test_a_target_that_is_left_out_is_kept_and_not_shown(state: State) -> None:
    _merge(state)
    state.adopt(_plan("one", "small.other"))
    assert [target.target for target in state.targets()] == ["small.other"]
    state.adopt(_plan())
    assert state.targets()[0].executions == 1000


def test_time_is_remembered(state: State) -> None:
    assert (state.elapsed(), state.budget()) == (0.0, 0.0)
    state.pass_time(12.5, 60.0)
    assert (state.elapsed(), state.budget()) == (12.5, 60.0)


def test_numbers_of_slices_go_on(state: State) -> None:
    assert state.last_slice() == 0
    _merge(state, "000041-small.right")
    _merge(state, "1000007-small.right")
    assert state.last_slice() == 1000007


def test_there_must_be_a_campaign_to_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no fuzz campaign"):
        State.open(tmp_path / "none")


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"this is no database, but long enough to be looked at " * 40)
    with pytest.raises(GauntletError, match="--fresh"):
        State.open(tmp_path)


def test_a_database_of_another_release_is_refused(tmp_path: Path) -> None:
    with State.open(tmp_path, writable=True) as state:
        state._database.execute("PRAGMA user_version = 99")
    with pytest.raises(GauntletError, match="another release"):
        State.open(tmp_path, writable=True)


def test_a_plan_that_is_none_is_named(state: State) -> None:
    (state.folder / "plan.json").write_text("[]")
    with pytest.raises(GauntletError, match="--fresh"):
        state.plan()
