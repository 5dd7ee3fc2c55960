"""With an implementation beside, pairs of verdicts and its edges count; without it, a corpus that it led is left alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.errors import DriverStartError, GauntletError
from ipc_gauntlet.fuzz.campaign.harvest import harvest
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.corpus import care
from ipc_gauntlet.fuzz.corpus.measure import measure
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets
from ipc_gauntlet.fuzz.work import digest

BOX_DRIVER = Path(__file__).parent.parent / "engines" / "toys" / "box_driver.py"
TARGETS = """
import box_parser
from ipc_gauntlet.fuzz import Target

TARGETS = [
    Target(name="t.box", title="Boxes.", layer="other", parse=box_parser.read, rejects=(box_parser.Refused,),
           measured=("box_parser",), reference_parser="box"),
    Target(name="t.mute", title="No parser.", layer="other", parse=box_parser.read, rejects=(box_parser.Refused,),
           measured=("box_parser",)),
]
"""
PARSER = """
class Refused(Exception):
    reason = "malformed"


def read(data):
    if data[:3] != b"BOX":
        raise Refused
    return data
"""
SAME = [b"no", b"not"]
# The parser takes all of these the same way; the implementation refuses one, and accepts the other.
TAKEN = [b"BOX\x05\x01a", b"BOX\x05\x09a"]


def command(habit: str) -> str:
    return str(DriverCommand((sys.executable, str(BOX_DRIVER), habit)))


@pytest.fixture(name="module")
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delitem(sys.modules, "box_parser", raising=False)
    (tmp_path / "box_parser.py").write_text(PARSER, encoding="utf-8")
    path = tmp_path / "box_targets_of_pairs.py"
    path.write_text(TARGETS, encoding="utf-8")
    return path


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for data in [*SAME, *TAKEN]:
        store.add("t.box", data)
    return store


def targets(module: Path, habit: str = "") -> Targets:
    return Targets([str(module)], Settings(hang_seconds=5.0, driver=command(habit) if habit else ""))


def fuzz(module: Path, store: Store, *arguments: str, status: int = 0) -> Result:
    options = ("--store", str(store.root), "--targets", str(module), "--target", "t.*")
    ended = CliRunner().invoke(cli, ["fuzz", "corpus", *arguments, *options])
    assert ended.exit_code == status, ended.output
    return ended


def test_what_shows_a_pair_of_verdicts_is_kept(module: Path, store: Store) -> None:
    """And what is a disagreement stays: it is the implementation's finding, and not the target's."""
    done = care.prune("t.box", targets(module, "good"), store)
    assert set(store.inputs("t.box")) == {SAME[0], *TAKEN}
    assert not done.findings
    assert not done.untouched


def test_without_the_implementation_they_are_one(module: Path, store: Store) -> None:
    """As long as none has led the corpus."""
    care.prune("t.box", targets(module), store)
    assert len(store.paths("t.box")) == 2


@pytest.mark.parametrize("habit", ["", "good"])
def test_a_merge_takes_what_shows_a_pair(module: Path, tmp_path: Path, habit: str) -> None:
    store = Store(tmp_path / "other")
    care.merge("t.box", targets(module, habit), store, [*SAME, *TAKEN])
    assert set(store.inputs("t.box")) >= ({SAME[0], *TAKEN} if habit else {SAME[0]})
    assert len(store.paths("t.box")) == (3 if habit else 2)
    assert store.is_paired("t.box") == bool(habit)


def test_edges_that_the_implementation_tells_count(module: Path) -> None:
    measured = measure("t.box", targets(module, "edges"), TAKEN)
    assert "their edge 12d" in measured.features


def test_a_corpus_that_an_implementation_led_is_left_alone_without_it(module: Path, store: Store) -> None:
    """Unless a person says that pairs do not count."""
    store.mark_paired("t.box")
    told = fuzz(module, store, "prune", "--no-mutants").output
    assert "LEFT ALONE" in told
    assert "--driver" in told
    assert len(store.paths("t.box")) == 4
    fuzz(module, store, "prune", "--no-mutants", "--driver", command("good"))
    assert len(store.paths("t.box")) == 3
    fuzz(module, store, "prune", "--no-mutants", "--no-pairs")
    assert len(store.paths("t.box")) == 2


def test_what_the_engine_driver_kept_makes_a_corpus_led(module: Path, tmp_path: Path) -> None:
    for engine in ("portable", "driver"):
        slice_, store = tmp_path / engine, Store(tmp_path / f"{engine} store")
        (slice_ / "inputs").mkdir(parents=True)
        (slice_ / "inputs" / digest(b"x")).write_bytes(b"x")
        spec = Spec(
            engine=engine, target="t.box", module=str(module), measured=("m",), folder=str(slice_), driver="d"
        )
        harvest(slice_, spec, store, tmp_path / "campaign")
        assert store.is_paired("t.box") == (engine == "driver")
        assert store.targets() == ["t.box"]


def test_a_driver_that_does_not_start_is_an_error(module: Path, store: Store) -> None:
    """Of each command that executes, also where no target needs it."""
    for name in ("stats", "check", "prune"):
        ended = fuzz(module, store, name, "--driver", "/nonexistent/driver", status=3)
        assert isinstance(ended.exception, SystemExit)
        assert "nonexistent" in ended.output
    assert len(store.paths("t.box")) == 4
    with pytest.raises(DriverStartError):
        measure("t.box", Targets([str(module)], Settings(driver="/nonexistent/driver")), SAME)


def test_stats_count_pairs(module: Path, store: Store) -> None:
    def features(*options: str) -> int:
        (numbers,) = json.loads(fuzz(module, store, "stats", "--json", *options).stdout)
        return int(numbers["features"])

    assert features("--driver", command("good")) == features() + 3


def test_a_parser_that_the_implementation_lacks_is_measured_without(module: Path, store: Store) -> None:
    for data in SAME:
        store.add("t.mute", data)
    care.prune("t.mute", targets(module, "good"), store)
    assert set(store.inputs("t.mute")) == {SAME[0]}


def test_an_implementation_that_does_not_start_again_is_no_finding(module: Path, tmp_path: Path) -> None:
    """To die of it would be taken for the input's doing, and the input for a finding of the target."""
    copy = tmp_path / "driver.py"
    copy.write_text(
        BOX_DRIVER.read_text(encoding="utf-8").replace(
            "import sys\n", "import sys\nimport pathlib\npathlib.Path(__file__).unlink()\n", 1
        ),
        encoding="utf-8",
    )
    once = str(DriverCommand((sys.executable, str(copy), "exits")))
    known = Targets([str(module)], Settings(hang_seconds=5.0, driver=once))
    with (
        Child(known.orders("t.box", coverage=True, remote=True)) as child,
        pytest.raises(GauntletError, match="driver"),
    ):
        list(child.run([b"BOX\x77\x01z", b"BOX\x01\x01z", b"BOX\x02\x01z"]))
