"""What a campaign finds of an earlier run: slices of other targets, of moved modules, and deaths nobody looked into."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fuzz_campaigns import TARGETS, Campaign

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import canaries, unsettled
from ipc_gauntlet.fuzz.campaign.supervisor import Supervisor
from ipc_gauntlet.fuzz.campaign.unsettled import Death
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.execute import made
from ipc_gauntlet.fuzz.findings import from_json
from ipc_gauntlet.fuzz.registry import find
from ipc_gauntlet.fuzz.spec import Exit, Progress, Spec
from ipc_gauntlet.fuzz.work import Current, Work, digest

Make = Callable[..., Campaign]
QUICK: dict[str, Any] = {"canary": False, "jobs": 1, "seconds": 0.5, "slice_seconds": 0.3}


class Left:
    """A slice that its supervisor has left."""

    def __init__(
        self,
        campaign: Campaign,
        target: str = "small.right",
        module: str = TARGETS,
        engine: str = "odd_engines:STEADY",
    ) -> None:
        self.campaign, self.target = campaign, target
        self.folder = campaign.folder / "slices" / f"000777-{target}"
        (self.folder / "inputs").mkdir(parents=True)
        self.spec = Spec(
            target=target,
            module=module,
            measured=find((target,), (module,))[0].target.measured,
            folder=str(self.folder.resolve()),
            engine=engine,
        )
        (self.folder / "spec.json").write_bytes(msgspec.json.encode(self.spec))
        (self.folder / "progress.json").write_bytes(msgspec.json.encode(Progress(executions=77, seconds=1.0)))

    def input(self, data: bytes) -> None:
        """It kept an input."""
        (self.folder / "inputs" / digest(data)).write_bytes(data)

    def finding(self) -> str:
        """It found something."""
        found = made(
            find((self.target,), (self.spec.module,))[0].target, "crash", b"boom", "Boom", error="Boom"
        )
        group = self.folder / "findings" / found.signature
        group.mkdir(parents=True)
        (group / f"{digest(found.data)}.json").write_bytes(found.to_json())
        return found.signature

    def busy(self, data: bytes) -> None:
        """It was executing something."""
        current = Current(self.folder / "current", 64)
        current.set(data, 5)
        current.close()

    def died(self, **death: Any) -> None:  # noqa: ANN401 - members of Death
        """Its supervisor was about to look into its death."""
        unsettled.remember(self.folder, Death(**death))


@pytest.fixture(name="begun")
def make_begun(campaign: Make) -> Campaign:
    """A campaign over two targets that has run."""
    run = campaign(patterns=("small.right", "small.other"), **QUICK)
    run.run(until=lambda now: all(target.slices for target in now.targets))
    assert run.leftovers() == []
    return run


def test_slices_of_targets_that_are_left_out_now_are_taken_over(
    campaign: Make, begun: Campaign, store: Store
) -> None:
    """As after a run over all targets was killed, and goes on with a narrower `--target`."""
    left = Left(begun, "small.other")
    left.input(b"precious")
    signature = left.finding()
    before = begun.target("small.other").executions
    again = campaign(patterns=("small.right",), **QUICK)
    end = again.run()
    assert b"precious" in set(store.inputs("small.other"))
    assert signature in {one.signature for one in end.findings}
    assert (again.folder / "findings" / signature).is_dir()
    assert again.leftovers() == []
    campaign(patterns=("small.right", "small.other"), **QUICK).run()
    assert begun.target("small.other").executions >= before + 77


def test_slices_of_a_module_that_has_moved_are_taken_over(
    campaign: Make, store: Store, tmp_path: Path
) -> None:
    old, new = tmp_path / "old" / "moved_targets.py", tmp_path / "new" / "moved_targets.py"
    for path in (old, new):
        path.parent.mkdir()
        shutil.copy(TARGETS, path)
    first = campaign(modules=(str(old),), **QUICK)
    first.run()
    left = Left(first, module=str(old))
    left.input(b"precious")
    signature = left.finding()
    old.unlink()
    end = campaign(modules=(str(new),), **QUICK).run()
    assert b"precious" in set(store.inputs("small.right"))
    assert signature in {one.signature for one in end.findings}
    assert first.leftovers() == []


def test_what_belongs_to_no_target_of_the_campaign_is_left_where_it_is(
    campaign: Make, begun: Campaign
) -> None:
    Left(begun, "small.third").input(b"foreign")
    campaign(**QUICK).run()
    assert begun.leftovers() == ["000777-small.third"]


def test_a_death_that_was_being_looked_into_is_kept(campaign: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor dies the moment before the input is run once more alone."""
    start = Supervisor.start

    def killed(self: Supervisor, doing: Any, *words: Any, **options: Any) -> Any:  # noqa: ANN401
        if doing == "confirm":
            raise KeyboardInterrupt
        return start(self, doing, *words, **options)

    run = campaign(engines=("odd_engines:ABORT",), **QUICK)
    with monkeypatch.context() as dying:
        dying.setattr(Supervisor, "start", killed)
        with pytest.raises(KeyboardInterrupt):
            run.run()
    (name,) = run.leftovers()
    assert (run.folder / "slices" / name / "death.json").is_file()
    end = campaign(**QUICK).run()
    (finding,) = end.findings
    found = from_json((run.folder / "findings" / finding.signature / f"{finding.smallest}.json").read_bytes())
    assert (found.kind, found.data, found.details["again"]) == ("native", b"deadly", "0/1")
    assert run.leftovers() == []


def test_a_death_while_the_campaign_stops_is_kept(campaign: Make) -> None:
    """Nothing is begun any more to see it again: triage says whether it shows."""
    run = campaign(engines=("odd_engines:LAST",), **{**QUICK, "seconds": 60.0, "slice_seconds": 60.0})
    end = run.run(stop_when=lambda now: now.targets[0].executions > 5)
    assert end.exit_status == 130
    (finding,) = end.findings
    assert (finding.kind, finding.size) == ("native", 6)


def test_who_was_killed_from_outside_is_no_finding(campaign: Make, begun: Campaign) -> None:
    left = Left(begun)
    left.died(data=b"calm", status=-9 if sys.platform != "win32" else 1)
    end = campaign(**QUICK).run()
    assert (end.findings, begun.leftovers()) == ((), [])


@pytest.mark.parametrize(("first", "kinds"), [(1, ["native"]), (9, [])])
def test_an_input_over_which_nobody_saw_a_slice_die_is_run_again(
    campaign: Make, toys: Path, first: int, kinds: list[str]
) -> None:
    """Supervisor and slice are gone: the input may have ended one of them, or be as harmless as most."""
    module = str(toys / "deadly_targets.py")
    wishes = {**QUICK, "modules": (module,), "patterns": ("deadly.dies",)}
    run = campaign(**wishes)
    run.run()
    left = Left(run, "deadly.dies", module, "portable")
    left.input(b"kept")
    left.busy(bytes([first, 9]))
    end = campaign(**wishes).run()
    assert [finding.kind for finding in end.findings] == kinds
    assert run.leftovers() == []
    assert b"kept" in set(run.store.inputs("deadly.dies"))


def test_a_hang_that_was_being_looked_into_is_judged_alone(campaign: Make, begun: Campaign) -> None:
    """It hangs no more when it runs alone: a stall, as if nobody had died."""
    left = Left(begun)
    left.busy(b"calm")
    left.died(data=b"calm", status=int(Exit.HANG))
    end = campaign(**QUICK).run()
    (finding,) = end.findings
    assert (finding.kind, finding.status) == ("hang", "unreproduced")


def test_a_death_of_a_target_that_is_left_out_now_is_a_finding(campaign: Make, begun: Campaign) -> None:
    left = Left(begun, "small.other")
    left.died(data=b"deadly", status=-11, said="Fatal Python error")
    end = campaign(**QUICK).run()
    assert [(finding.kind, finding.target) for finding in end.findings] == [("native", "small.other")]


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b'{"data": 7}'])
def test_what_is_written_of_a_death_need_not_be_believed(begun: Campaign, text: bytes) -> None:
    left = Left(begun)
    (left.folder / "death.json").write_bytes(text)
    assert unsettled.recall(left.folder, left.spec) is None


# What others do to files meanwhile.


def test_an_input_that_is_pruned_while_a_slice_begins_is_left_out(
    tmp_path: Path, toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    for data in (b"one", b"two"):
        store.add("small.right", data)
    target = find(("small.right",), (TARGETS,))[0].target
    spec = Spec(
        target="small.right",
        module=TARGETS,
        measured=target.measured,
        folder=str(tmp_path / "slice"),
        corpus=(str(store.folder("small.right")),),
    )
    read = Path.read_bytes

    def pruned(self: Path) -> bytes:
        if self.name == digest(b"one"):
            self.unlink()
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", pruned)
    with Work(spec, target) as work:
        assert b"two" in work.corpus()
        assert b"one" not in work.corpus()

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with Work(spec, target) as work, pytest.raises(GauntletError, match="cannot read"):
        work.corpus()


def test_a_store_in_which_no_canary_can_be_remembered_is_told(tmp_path: Path) -> None:
    (tmp_path / "canaries").write_text("a file")
    with pytest.raises(GauntletError, match="choose another folder with --store"):
        canaries.remember(tmp_path, "0" * 40, canaries.Caught(target="t", plant="p", seconds=1.0))


def test_a_suspect_that_the_code_under_test_removes_is_known_all_the_same(
    campaign: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is run again alone lies in a folder that hostile code can write to."""
    start = Supervisor.start

    def removing(self: Supervisor, doing: Any, *words: Any, **options: Any) -> Any:  # noqa: ANN401
        job = start(self, doing, *words, **options)
        if doing == "confirm":
            while job.process.status() is None:
                pass
            (job.folder / "suspect").unlink()
        return job

    monkeypatch.setattr(Supervisor, "start", removing)
    run = campaign(engines=("odd_engines:ABORT",), **{**QUICK, "seconds": 60.0})
    end = run.run(stop_when=lambda now: now.findings_total > 0)
    (finding,) = end.findings
    assert (finding.kind, finding.size) == ("native", 6)
