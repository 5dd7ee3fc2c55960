"""Campaigns over odd engines: what is kept, what is believed, and what is said."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from fuzz_campaigns import Campaign, settled

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign import canaries, status
from ipc_gauntlet.fuzz.campaign.jobs import Patience
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import from_json
from ipc_gauntlet.fuzz.registry import find

Make = Callable[..., Campaign]


def test_a_campaign_keeps_what_its_slices_found(campaign: Make, store: Store) -> None:
    run = campaign(patterns=("small.right", "small.other"))
    end = run.run(until=settled)
    assert (end.phase, end.exit_status, end.running) == ("ended", 0, ())
    assert [target.target for target in end.targets] == ["small.right", "small.other"]
    for target in end.targets:
        assert target.blind == ""
        assert target.canary == "caught"
        assert target.executions > 0
        assert target.edges == target.edges_total or target.edges > 0
        assert target.corpus == len(store.paths(target.target)) > 0
        assert target.unreached == ()
    assert run.leftovers() == []
    assert status.read(run.folder) == end
    with run.state() as state:
        assert sum(account.slices for account in state.accounts()) == sum(t.slices for t in end.targets)
        assert len(state.growth("small.right")) == end.targets[0].slices
        assert state.elapsed() == pytest.approx(end.elapsed, abs=1.0)


def test_it_goes_on_where_it_was(campaign: Make) -> None:
    run = campaign(seconds=1.0)
    first = run.run(until=settled)
    again = run.run(until=lambda now: now.targets[0].slices > first.targets[0].slices)
    assert again.targets[0].executions > first.targets[0].executions
    assert again.targets[0].slices > first.targets[0].slices
    assert again.elapsed > first.elapsed
    assert not any("canary" in one.doing for one in again.running)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canaries that are missed are missed soon, also by engines that mostly sleep."""
    monkeypatch.setattr(canaries, "SECONDS", 0.3)
    monkeypatch.setattr(canaries, "LEAST_CPU", 0.0)


@pytest.mark.usefixtures("hasty")
def test_a_canary_that_was_caught_is_remembered(campaign: Make, store: Store) -> None:
    campaign().run(until=settled)
    assert len(list((store.root / "canaries").iterdir())) == 1
    # This engine would miss it, but the same code under the same name was caught by the other: not asked again.
    other = campaign(name="other")
    assert other.run(until=settled).targets[0].canary == "caught"
    missed = campaign(name="third", engines=("odd_engines:BLIND",)).run(until=settled)
    assert missed.targets[0].canary == "missed"


@pytest.mark.usefixtures("hasty")
def test_a_missed_canary_is_blind(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:BLIND",))
    end = run.run(until=settled)
    assert end.exit_status == 3
    assert "canary" in end.targets[0].blind
    assert any("canary was missed" in line for line in run.ear.lines)


@pytest.mark.usefixtures("hasty")
def test_each_engine_has_a_canary_of_its_own(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:STEADY", "odd_engines:BLIND", "odd_engines:REFUSE"))
    end = run.run(until=lambda now: len(now.targets[0].canaries) == 3 and bool(now.targets[0].slices))
    (target,) = end.targets
    assert target.canaries == {
        "odd_engines:BLIND": "missed",
        "odd_engines:REFUSE": "unused",
        "odd_engines:STEADY": "caught",
    }
    assert (target.canary, target.blind, end.exit_status) == ("caught", "", 0)
    assert any("odd_engines:BLIND missed its canary" in line for line in target.warnings)


def test_a_defect_in_what_prepares_a_target_is_left_out(campaign: Make, store: Store) -> None:
    """The others of its group are tried without it, or nobody would know whether the target is tested."""
    end = campaign(engines=("odd_engines:PREPARING",)).run(until=settled)
    assert end.targets[0].canary == "caught"
    (kept,) = (store.root / "canaries").iterdir()
    assert "+" not in json.loads(kept.read_text())["plant"]


def test_a_canary_that_had_no_processor_was_not_missed(
    campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine sleeps most of its time, as on a machine that is busy with something else."""
    monkeypatch.setattr(canaries, "SECONDS", 0.3)
    run = campaign(engines=("odd_engines:BLIND",), slice_seconds=0.5)
    end = run.run(until=lambda now: now.targets[0].slices >= 2)
    assert (end.targets[0].canary, end.targets[0].blind) == ("untried", "")
    assert not any("missed" in line for line in run.ear.lines)


def test_a_short_run_after_the_code_changed_is_not_blind(campaign: Make, tmp_path: Path, toys: Path) -> None:
    """What its first run reached is forgotten with the old code; nothing was done yet with the new one."""
    module = tmp_path / "changing_targets.py"
    text = (toys / "small_targets.py").read_text()
    module.write_text(text)
    run = campaign(modules=(str(module),), canary=False)
    run.run(until=lambda now: now.targets[0].executions > 100)
    module.write_text(text + "\n# changed\n")
    again = campaign(modules=(str(module),), seconds=0.01, canary=False, engines=("odd_engines:SLOW",))
    end = again.run()
    assert (end.targets[0].blind, end.exit_status) == ("", 3)
    assert "give the campaign more time" in end.targets[0].uncounted


def test_a_stall_of_the_machine_is_no_finding(campaign: Make) -> None:
    """Its input is run once more alone, and answers at once; the campaign goes on, and does not stop at it."""
    run = campaign(engines=("odd_engines:STALL",), canary=False, jobs=1, stop_at_first=True)
    end = run.run(until=lambda now: now.targets[0].slices >= 2)
    (finding,) = end.findings
    assert (finding.kind, finding.status, finding.reproduced) == ("hang", "unreproduced", "0/1")
    assert end.exit_status != 1
    assert any("not again when it ran alone" in line for line in run.ear.lines)


def test_without_canaries_none_flies(campaign: Make, store: Store) -> None:
    end = campaign(canary=False, seconds=1.0).run()
    assert (end.exit_status, end.targets[0].canary) == (0, "untried")
    assert not (store.root / "canaries").exists()


def test_no_edges_are_blind(campaign: Make) -> None:
    end = campaign(engines=("odd_engines:UNMEASURED",), canary=False, seconds=1.0).run()
    assert end.exit_status == 3
    assert "instrumented" in end.targets[0].blind


def test_targets_that_had_no_time_do_not_count(campaign: Make) -> None:
    run = campaign(patterns=("small.*",), canary=False, jobs=1, seconds=0.05, slice_seconds=0.5)
    end = run.run()
    assert end.exit_status == 3
    assert [bool(target.slices) for target in end.targets] == [True, False, False, False]
    assert end.targets[-1].blind == ""
    assert "not fuzzed" in end.targets[-1].uncounted


@pytest.mark.parametrize("engine", ["JUNK", "MUTE"])
def test_slices_without_a_result_are_broken(campaign: Make, engine: str) -> None:
    run = campaign(engines=(f"odd_engines:{engine}",), canary=False, seconds=60.0)
    end = run.run()
    assert end.phase == "ended"
    assert end.elapsed < 50
    assert end.exit_status == 3
    assert end.targets[0].broken >= 3
    assert "left no result" in end.targets[0].blind
    assert end.findings == ()
    assert run.leftovers() == []


def test_an_engine_that_cannot_says_so_and_the_campaign_ends(campaign: Make) -> None:
    end = campaign(engines=("odd_engines:REFUSE",), canary=False, seconds=60.0, jobs=1).run()
    assert (end.exit_status, end.targets[0].slices) == (3, 1)
    assert "this engine does not do that" in end.targets[0].blind


def test_where_another_engine_can_the_one_that_cannot_is_left_out(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:REFUSE", "odd_engines:STEADY"), canary=False, jobs=1)
    end = run.run(until=lambda now: now.targets[0].slices >= 2)
    assert (end.exit_status, end.targets[0].broken, end.targets[0].blind) == (0, 0, "")
    assert sum("not with odd_engines:REFUSE" in line for line in run.ear.lines) == 1


def test_trouble_is_told(campaign: Make) -> None:
    end = campaign(engines=("odd_engines:TROUBLE",), canary=False, seconds=60.0).run()
    assert "this engine is unwell" in end.targets[0].blind


def test_a_flood_on_standard_error_costs_nothing(campaign: Make) -> None:
    end = campaign(engines=("odd_engines:FLOOD",), canary=False, seconds=3.0, jobs=1).run()
    assert (end.exit_status, end.targets[0].broken) == (0, 0)


def test_what_slices_start_does_not_outlive_them(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:HIDE",), canary=False, seconds=1.5, jobs=1)
    end = run.run()
    assert end.targets[0].slices > 0
    pid = int((run.folder / "slices" / "hidden").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_death_is_a_finding_with_its_input(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:ABORT",), canary=False, seconds=60.0)
    end = run.run(stop_when=lambda now: now.findings_total > 0)
    assert end.exit_status == 130
    (finding,) = end.findings
    assert (finding.kind, finding.target, finding.size) == ("native", "small.right", 6)
    path = run.folder / "findings" / finding.signature / f"{finding.smallest}.json"
    found = from_json(path.read_bytes())
    assert found.data == b"deadly"
    # Alone the input does no harm: the engine died, not the parser.
    assert found.details["again"] == "0/1"


def test_a_slice_that_says_nothing_more_is_ended(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:SILENT",), canary=False, seconds=3.0, jobs=1)
    end = run.supervise(patience=Patience(start=2.0, silent=2.0, over=2.0, once=30.0, stop=2.0))
    assert end.findings == ()
    assert end.targets[0].broken >= 1
    assert any("no sign of work" in line for line in run.ear.lines)


def test_the_first_finding_may_end_it(campaign: Make) -> None:
    end = campaign(engines=("odd_engines:FIND",), canary=False, seconds=60.0, stop_at_first=True).run()
    assert (end.phase, end.exit_status, end.findings_total) == ("ended", 1, 1)
    assert end.elapsed < 50


def test_findings_are_told_once(campaign: Make) -> None:
    run = campaign(engines=("odd_engines:FIND",), canary=False)
    end = run.run(until=lambda now: now.targets[0].slices >= 2)
    assert (end.exit_status, end.findings_total) == (1, 1)
    assert sum(line.startswith("found") for line in run.ear.lines) == 1
    assert end.findings[0].count >= 2


def test_stopping_keeps_what_was_found(campaign: Make, store: Store) -> None:
    run = campaign(seconds=0.0, slice_seconds=600.0, canary=False)
    end = run.run(stop_when=lambda now: now.targets[0].executions > 50)
    assert (end.phase, end.exit_status) == ("stopped", 130)
    assert end.targets[0].executions > 50
    assert len(store.paths("small.right")) >= 5
    assert run.leftovers() == []
    # The slices ended by themselves and told all: their edges are known.
    assert run.target().edges > 0
    with run.state() as state:
        assert state.entered("small.right")


def test_stopping_twice_keeps_it_too(campaign: Make, store: Store) -> None:
    run = campaign(seconds=0.0, slice_seconds=600.0, canary=False)

    def twice(now: status.Status) -> bool:
        if now.targets[0].executions > 50:
            run.ear.stop()
            return True
        return False

    end = run.run(stop_when=twice)
    assert (end.phase, end.exit_status) == ("stopped", 130)
    assert len(store.paths("small.right")) >= 5
    assert run.target().executions > 0
    assert run.leftovers() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_slices_that_are_killed_from_outside_lose_nothing(campaign: Make, store: Store) -> None:
    killed: list[int] = []
    kept: set[str] = set()
    run = campaign(slice_seconds=60.0, canary=False, jobs=1)

    def kill(now: status.Status) -> bool:
        for one in now.running:
            if one.doing == "fuzz" and one.executions > 20 and one.pid not in killed:
                # Hidden files are inputs that are half written: those a kill may cost.
                inputs = (run.folder / "slices" / one.slice / "inputs").glob("[!.]*")
                kept.update(path.name for path in inputs)
                os.kill(one.pid, signal.SIGKILL)
                killed.append(one.pid)
        return False

    end = run.run(stop_when=kill, until=lambda now: now.targets[0].broken >= 3)
    assert len(killed) >= 2
    assert kept <= {path.name for path in store.paths("small.right")}
    assert end.findings == ()
    # The last one may have been killed and not settled; three in a row give the target up.
    assert 3 <= end.targets[0].broken <= len(killed)
    assert "killed from outside" in " ".join(run.ear.lines)


def test_a_full_disk_stops_it_with_a_clear_word(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = campaign(seconds=60.0, canary=False)
    real = shutil.disk_usage
    begun = time.monotonic()

    def shrinking(path: Path) -> object:
        return real(path)._replace(free=1 << 20) if time.monotonic() - begun > 1.5 else real(path)

    monkeypatch.setattr(shutil, "disk_usage", shrinking)
    with pytest.raises(GauntletError, match="only 1 MB are free"):
        run.run()
    assert status.read(run.folder).phase == "failed"
    monkeypatch.setattr(shutil, "disk_usage", real)
    campaign(seconds=1.0, canary=False).run()
    assert run.leftovers() == []


def test_a_merge_that_cannot_be_written_is_done_when_it_can(
    campaign: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = campaign(seconds=60.0, canary=False)
    with monkeypatch.context() as full:

        def refuse(self: Store, target: str, data: bytes) -> bool:
            raise GauntletError("cannot write: No space left on device; free space")

        full.setattr(Store, "add", refuse)
        with pytest.raises(GauntletError, match="No space left"):
            run.run()
    left = run.leftovers()
    assert left
    inputs = {
        path.name for path in (run.folder / "slices").glob("*/inputs/*") if not path.name.startswith(".")
    }
    assert inputs
    campaign(seconds=1.0, canary=False).run()
    assert inputs <= {path.name for path in store.paths("small.right")}
    assert run.leftovers() == []


def test_a_store_that_is_a_file_is_refused(campaign: Make, store: Store) -> None:
    store.root.write_text("not a folder")
    with pytest.raises(GauntletError, match="--store"):
        campaign().run()


def test_targets_that_are_gone_are_named(campaign: Make, toys: Path, tmp_path: Path) -> None:
    file = tmp_path / "changing_targets.py"
    text = (toys / "small_targets.py").read_text()
    file.write_text(text)
    campaign(modules=(str(file),), seconds=0.5, canary=False).run()
    file.write_text(text.replace("small.right", "small.renamed"))
    for name in [name for name in sys.modules if name.startswith("_fuzz_targets_changing_targets")]:
        del sys.modules[name]
    with pytest.raises(UsageError, match=r"no more: small\.right"):
        campaign(modules=(), patterns=()).run()


def test_two_files_of_one_name_are_two_modules(toys: Path, tmp_path: Path) -> None:
    other = tmp_path / "careless_targets.py"
    other.write_text((toys / "careless_targets.py").read_text().replace('"careless"', '"other"'))
    found = find(("careless", "other"), (str(toys / "careless_targets.py"), str(other)))
    assert [one.target.name for one in found] == ["careless", "other"]


def test_with_a_real_engine_a_bug_is_found_and_made_small(campaign: Make, toys: Path) -> None:
    """The whole way: instrumented, canary caught, found, run again, made smaller."""
    run = campaign(
        engines=("portable",),
        modules=(str(toys / "careless_targets.py"),),
        patterns=("careless",),
        seconds=100.0,
        slice_seconds=10.0,
        jobs=1,
        stop_at_first=True,
    )
    run.triage_seconds = 20.0
    end = run.run()
    (target,) = end.targets
    assert (end.exit_status, target.blind, target.canary) == (1, "", "caught")
    assert target.edges_total > 0
    for finding in end.findings:
        assert finding.message.startswith(("ZeroDivisionError in parse", "IndexError in parse"))
        assert (finding.status, finding.reproduced) == ("triaged", "5/5")
        assert finding.size <= 2
    assert status.read(run.folder) == end
    assert any("run again and made smaller" in line for line in run.ear.lines)


def test_a_real_engine_is_blind_where_everything_is_swallowed(campaign: Make) -> None:
    run = campaign(
        engines=("portable",), patterns=("small.right", "small.swallows"), seconds=25.0, slice_seconds=1.0
    )
    end = run.run(stop_when=lambda now: all(target.canary in ("caught", "missed") for target in now.targets))
    assert {target.target: target.canary for target in end.targets} == {
        "small.right": "caught",
        "small.swallows": "missed",
    }


def test_a_target_that_dies_of_its_seeds_does_not_keep_other_canaries_down(
    campaign: Make, toys: Path, tmp_path: Path
) -> None:
    path = tmp_path / "dying_targets.py"
    text = (
        (toys / "small_targets.py")
        .read_text()
        .replace("import small_parser", "import os\n\nimport small_parser")
    )
    path.write_text(
        text.replace('_target("small.other")', '_target("small.other", parse=lambda data: os._exit(9))')
    )
    names = ("small.right", "small.other", "small.third")
    run = campaign(modules=(str(path),), patterns=names, seconds=60.0, slice_seconds=0.5)
    end = run.run(stop_when=lambda now: all(target.canary != "untried" for target in now.targets))
    canary = {target.target: target.canary for target in end.targets}
    assert (canary["small.right"], canary["small.third"]) == ("caught", "caught")
    assert canary["small.other"].startswith("none: exit 9")


@pytest.mark.parametrize(
    ("name", "kind", "word"),
    [("dies", "native", "SIGABRT"), ("hangs", "hang", "deadly_parser"), ("eats", "memory", "emory")],
)
def test_a_real_engine_tells_what_ended_it(
    campaign: Make, toys: Path, name: str, kind: str, word: str
) -> None:
    run = campaign(
        engines=("portable",),
        modules=(str(toys / "deadly_targets.py"),),
        patterns=(f"deadly.{name}",),
        seconds=60.0,
        slice_seconds=10.0,
        memory_mb=128,
        canary=False,
        jobs=1,
    )
    end = run.run(stop_when=lambda now: now.findings_total > 0)
    assert end.exit_status == 130
    finding = end.findings[0]
    # Out of memory, Python may be able to say so itself.
    assert finding.kind == kind or (kind == "memory" and finding.message.startswith("MemoryError"))
    if sys.platform != "win32":
        assert word in finding.message
    data = from_json(
        (run.folder / "findings" / finding.signature / f"{finding.smallest}.json").read_bytes()
    ).data
    assert data[0] == {"dies": 1, "hangs": 2, "eats": 3}[name]


def test_code_that_keeps_the_interpreter_to_itself_is_a_hang(campaign: Make, toys: Path) -> None:
    run = campaign(
        engines=("portable",),
        modules=(str(toys / "deadly_targets.py"),),
        patterns=("deadly.sticks",),
        seconds=1.5,
        slice_seconds=10.0,
        canary=False,
        jobs=1,
    )
    end = run.supervise(patience=Patience(start=20.0, silent=3.0, over=5.0, once=4.0, stop=2.0))
    assert [finding.kind for finding in end.findings] == ["hang"]
    assert "could not even end itself" in end.findings[0].message
