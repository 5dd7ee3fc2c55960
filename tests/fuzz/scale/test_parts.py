"""A campaign in parts: cut, worked on, put together; what is missing or spoilt shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ipc_gauntlet.cli.fuzz.app import command
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.orders import Wishes
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.scale.collect import Ours, collect
from ipc_gauntlet.fuzz.scale.parts import Part, cut, read, write
from ipc_gauntlet.fuzz.scale.worked import Worked
from ipc_gauntlet.fuzz.triage.saved import of_signature
from ipc_gauntlet.fuzz.work import digest


@pytest.fixture
def wishes(checkout: Path) -> Wishes:
    """Two seconds of the demo."""
    demo = str(checkout / "tests" / "support" / "fuzz_demo.py")
    return Wishes(
        name="night", seconds=2.0, jobs=1, seed=5, patterns=("demo.*",), modules=(demo,), slice_seconds=1.0
    )


def fuzz(*words: str | Path) -> Result:
    """Run a command of `fuzz`."""
    return CliRunner().invoke(command, list(map(str, words)), catch_exceptions=False)


def test_parts_differ_and_share_their_targets(wishes: Wishes) -> None:
    parts = cut(wishes, 3)
    assert [(part.number, part.count, part.campaign) for part in parts] == [
        (n, 3, "night") for n in (1, 2, 3)
    ]
    assert len({part.wishes.seed for part in parts}) == 3
    assert [part.wishes.weights for part in parts] == [{"demo.length": 3.0}, {}, {}]
    assert cut(wishes, 3) == parts


def test_a_plan_holds_the_corpus(wishes: Wishes, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.add("demo.length", b"\x01z")
    paths = write(cut(wishes, 2), store, tmp_path / "plan")
    assert [read(path) for path in paths] == cut(wishes, 2)
    assert list(Store(tmp_path / "plan").inputs("demo.length")) == [b"\x01z"]
    with pytest.raises(UsageError, match="not empty"):
        write(cut(wishes, 2), store, tmp_path / "plan")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"campaign": "x", "number": 3, "count": 2, "wishes": {}}'])
def test_a_file_that_is_no_part(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shard-1.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="part"):
        read(path)


def test_from_plan_to_report(checkout: Path, tmp_path: Path) -> None:
    """Two machines work, one puts together: the bug is found, both corpora are there, and twice is once."""
    demo = checkout / "tests" / "support" / "fuzz_demo.py"
    planned = fuzz(
        "plan",
        "--target",
        "demo.*",
        "--targets",
        demo,
        "--time",
        "3s",
        "-n",
        "1",
        "--name",
        "night",
        "--seed",
        "3",
        "--shards",
        "2",
        "--out",
        tmp_path / "plan",
        "--store",
        tmp_path / "none",
    )
    assert planned.exit_code == 0, planned.output
    for number in (1, 2):
        worked = fuzz(
            "work", tmp_path / "plan" / f"shard-{number}.json", "--out", tmp_path / "there" / str(number)
        )
        assert worked.exit_code == 0, worked.output
    files = {"--sarif": tmp_path / "f.sarif", "--markdown": tmp_path / "f.md"}
    words = [word for pair in files.items() for word in pair]
    first = fuzz("collect", tmp_path / "there", "--targets", demo, "--store", tmp_path / "store", *words)
    assert first.exit_code == 1, first.output
    assert "IndexError" in first.output
    assert json.loads(files["--sarif"].read_bytes())["runs"][0]["results"]
    with State.open(tmp_path / "store" / "campaigns" / "night") as state:
        (before,) = state.targets()
        (finding,) = state.findings()
    theirs = {
        path.name for number in "12" for path in Store(tmp_path / "there" / number).paths("demo.length")
    }
    ours = {path.name for path in Store(tmp_path / "store").paths("demo.length")}
    assert ours <= theirs
    assert len(ours) >= 3
    assert before.executions > 0
    assert (tmp_path / "store" / "campaigns" / "night" / "findings" / finding.signature).is_dir()
    again = fuzz("collect", tmp_path / "there", "--store", tmp_path / "store")
    assert again.exit_code == 1
    with State.open(tmp_path / "store" / "campaigns" / "night") as state:
        assert state.targets()[0].executions == before.executions
    shutil.rmtree(tmp_path / "there" / "2")
    lonely = fuzz("collect", tmp_path / "there", "--targets", demo, "--store", tmp_path / "other")
    assert "part 2/2 is missing" in lonely.output
    assert lonely.exit_code in (1, 3)


def hand_made(folder: Path, part: Part, status: int = 0) -> None:
    """The result of a part that never began."""
    folder.mkdir(parents=True)
    worked = Worked(
        part=part, system="Nowhere", exit_status=status, message="the disk is full" if status else ""
    )
    (folder / "worked.json").write_bytes(msgspec.json.encode(worked))


def test_parts_of_different_campaigns(wishes: Wishes, tmp_path: Path) -> None:
    hand_made(tmp_path / "a", cut(wishes, 2)[0])
    hand_made(tmp_path / "b", cut(msgspec.structs.replace(wishes, name="day"), 2)[1])
    with pytest.raises(UsageError, match="another campaign"):
        collect([tmp_path], Store(tmp_path / "store"), None, lambda _text: None)


def test_a_part_that_failed_shows(wishes: Wishes, tmp_path: Path) -> None:
    one, two = cut(wishes, 2)
    hand_made(tmp_path / "r" / "a", one)
    hand_made(tmp_path / "r" / "b", two, status=3)
    collected = collect(
        [tmp_path / "r"], Store(tmp_path / "store"), None, lambda _text: None, Ours(modules=wishes.modules)
    )
    failed, unread = collected.missing
    assert failed == "part 2/2 on Nowhere ended with status 3: the disk is full"
    # The other one says that all went well, and has nothing to show for it.
    assert "part 1/2 counted cannot be read: there is no fuzz campaign" in unread


def test_nothing_to_collect(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no result"):
        collect([tmp_path], Store(tmp_path / "store"), None, lambda _text: None)


def test_a_result_folder_belongs_to_one_part(wishes: Wishes, tmp_path: Path) -> None:
    write(cut(wishes, 2), Store(tmp_path / "none"), tmp_path / "plan")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part.json").write_bytes(msgspec.json.encode(cut(wishes, 2)[1]))
    ended = CliRunner().invoke(
        command, ["work", str(tmp_path / "plan" / "shard-1.json"), "--out", str(tmp_path / "out")]
    )
    assert isinstance(ended.exception, UsageError)
    assert "another part" in str(ended.exception)


def test_spoilt_inputs_of_a_result_are_refused(wishes: Wishes, tmp_path: Path) -> None:
    """A name that is not that of the content, and an input that is too long, do not join; one that is a finding is kept as one."""
    (part,) = cut(wishes, 1)
    store = Store(tmp_path / "r")
    hand_made(tmp_path / "r", part)
    with State.open(_made(store.campaigns / "night"), writable=True) as state:
        from ipc_gauntlet.fuzz.campaign import orders

        state.adopt(orders.make(part.wishes, None, jobs=1))
    good, bug, long = b"\x02ok", b"\x07x\x40aaaaa", b"\x00" * 5000
    for data in (good, bug, long):
        store.add("demo.length", data)
    (store.folder("demo.length") / ("0" * 64)).write_bytes(b"other")
    collected = collect(
        [tmp_path / "r"], Store(tmp_path / "store"), None, lambda _text: None, Ours(modules=wishes.modules)
    )
    assert [path.name for path in Store(tmp_path / "store").paths("demo.length")] == [digest(good)]
    assert (collected.added, collected.misbehaved, collected.refused) == (1, 1, 2)
    (signature,) = collected.new
    (kept,) = of_signature(collected.folder, signature).inputs
    assert kept.data == bug
    with State.open(collected.folder) as state:
        assert [(one.signature, one.count, one.status) for one in state.findings()] == [(signature, 1, "new")]
    again = collect(
        [tmp_path / "r"], Store(tmp_path / "store"), None, lambda _text: None, Ours(modules=wishes.modules)
    )
    assert again.new == ()
    with State.open(again.folder) as state:
        assert [one.count for one in state.findings()] == [1]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
