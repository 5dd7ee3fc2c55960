"""Results of parts that are damaged, foreign or made to harm: each is named, the rest is taken over, nothing leads outside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign import orders
from ipc_gauntlet.fuzz.campaign.orders import Wishes
from ipc_gauntlet.fuzz.campaign.state import DATABASE, State, read_plan
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.execute import made
from ipc_gauntlet.fuzz.registry import find
from ipc_gauntlet.fuzz.scale.collect import Collected, Ours, collect
from ipc_gauntlet.fuzz.scale.parts import Part, cut
from ipc_gauntlet.fuzz.scale.worked import Worked
from ipc_gauntlet.fuzz.triage.campaign import triage_all
from ipc_gauntlet.fuzz.work import digest

GOOD, OTHER = b"\x02ok", b"\x03yes"


@pytest.fixture
def wishes(checkout: Path) -> Wishes:
    """The demo."""
    demo = str(checkout / "tests" / "support" / "fuzz_demo.py")
    return Wishes(name="night", seconds=2.0, patterns=("demo.length",), modules=(demo,))


def result(folder: Path, part: Part, *inputs: bytes) -> Path:
    """The result of a part that did its work."""
    store = Store(folder)
    for data in inputs:
        store.add("demo.length", data)
    campaign = store.campaigns / str(part.wishes.name)
    campaign.mkdir(parents=True)
    with State.open(campaign, writable=True) as state:
        state.adopt(orders.make(part.wishes, None, jobs=1))
    (folder / "worked.json").write_bytes(
        msgspec.json.encode(Worked(part=part, system="There", exit_status=0))
    )
    return folder


def changed(folder: Path, **changes: Any) -> None:  # noqa: ANN401 - members of a part
    """Let the result say something else of its part."""
    path = folder / "worked.json"
    said = json.loads(path.read_bytes())
    said["part"] |= changes
    path.write_text(json.dumps(said))


DEMO = str(Path(__file__).resolve().parents[2] / "support" / "fuzz_demo.py")


def collected(
    there: Path, *, modules: tuple[str, ...] = (DEMO,), driver: str = ""
) -> tuple[Collected, Store]:
    """Collect into a store beside the results."""
    store = Store(there.parent / "ours")
    ours = Ours(modules=modules, driver=driver or None)
    return collect([there], store, None, lambda _text: None, ours), store


@pytest.mark.parametrize("text", [b"", b'{"part": {"camp', b"[" * 100_000, b"\xff\xfe", b" " * (5 << 20)])
def test_a_damaged_result_is_named_and_the_other_one_is_taken(
    wishes: Wishes, tmp_path: Path, text: bytes
) -> None:
    one, two = cut(wishes, 2)
    there = tmp_path / "there"
    result(there / "a", one, OTHER)
    (there / "a" / "worked.json").write_bytes(text)
    result(there / "b", two, GOOD)
    done, store = collected(there)
    assert list(store.inputs("demo.length")) == [GOOD]
    assert "part 1/2 is missing" in done.missing
    assert any(f"{there / 'a' / 'worked.json'} is no result" in why for why in done.missing)


def test_a_part_that_was_worked_on_twice_loses_nothing(wishes: Wishes, tmp_path: Path) -> None:
    (part,) = cut(wishes, 1)
    there = tmp_path / "there"
    result(there / "a", part, GOOD)
    result(there / "b", part, OTHER)
    done, store = collected(there)
    assert set(store.inputs("demo.length")) == {GOOD, OTHER}
    assert [why for why in done.missing if "is there 2 times" in why]
    again, _ = collected(there)
    assert again.added == 0


def test_what_a_part_found_after_it_was_collected_is_taken_over(wishes: Wishes, tmp_path: Path) -> None:
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    collected(there)
    Store(there).add("demo.length", OTHER)
    done, store = collected(there)
    assert (done.added, set(store.inputs("demo.length"))) == (1, {GOOD, OTHER})


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0" + b"\xff" * 200, b"no database at all"])
def test_without_its_database_a_part_still_brings_its_inputs(
    wishes: Wishes, tmp_path: Path, damage: bytes
) -> None:
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    (there / "campaigns" / "night" / DATABASE).write_bytes(damage)
    for beside in (there / "campaigns" / "night").glob(f"{DATABASE}-*"):
        beside.unlink()
    done, store = collected(there)
    assert list(store.inputs("demo.length")) == [GOOD]
    assert len(done.missing) == 1
    assert "part 1/1 counted cannot be read" in done.missing[0]
    with State.open(done.folder) as state:
        assert state.targets()[0].blind == ""


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside", "a/b", "..", ""])
def test_the_name_of_a_campaign_leads_nowhere_else(wishes: Wishes, tmp_path: Path, name: str) -> None:
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    changed(there, campaign=name)
    with pytest.raises(UsageError, match="makes no sense"):
        collected(there)
    changed(there, campaign="night", wishes={**msgspec.to_builtins(part.wishes), "name": name})
    with pytest.raises(UsageError, match="makes no sense"):
        collected(there)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


@pytest.mark.parametrize("numbers", [(0, 1), (2, 1), (1, 100_000), (-1, 1)])
def test_numbers_of_parts_that_cannot_be(wishes: Wishes, tmp_path: Path, numbers: tuple[int, int]) -> None:
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    changed(there, number=numbers[0], count=numbers[1])
    with pytest.raises(UsageError, match="makes no sense"):
        collected(there)


@pytest.mark.parametrize("module", ["there/x/../evil.py", "there.evil", "evil", "elsewhere.evil"])
def test_no_module_that_results_name_is_imported(
    wishes: Wishes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Neither by its path nor by a name that the current folder, or the import path, gives a meaning to."""
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    trace = tmp_path / "imported"
    for folder in (there, tmp_path / "elsewhere"):
        folder.mkdir(exist_ok=True)
        (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w')\nTARGETS = ()\n")
    named = str(tmp_path / module) if module.endswith(".py") else module
    changed(there, wishes={**msgspec.to_builtins(part.wishes), "modules": [named]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    if module == "evil":
        monkeypatch.syspath_prepend(str(there))
    done, store = collected(there)
    assert (done.missing, list(store.inputs("demo.length"))) == ((), [GOOD])
    with pytest.raises(UsageError, match="not imported unless you name it with --targets"):
        collect([there], Store(tmp_path / "other"), None, lambda _text: None)
    assert not trace.exists()
    assert not (tmp_path / "other").exists()


def test_targets_that_are_not_known_here_are_named(wishes: Wishes, tmp_path: Path) -> None:
    """Without patterns all targets are meant: what the parts had more of than we have must not go unnoticed."""
    (part,) = cut(msgspec.structs.replace(wishes, patterns=()), 1)
    there = result(tmp_path / "there", part, GOOD)
    done, _ = collected(there, modules=())
    assert any("demo.length; name the module with --targets" in why for why in done.missing)


def test_the_modules_of_the_campaign_that_is_there_are_ours(wishes: Wishes, tmp_path: Path) -> None:
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    collected(there)
    again, _ = collected(there, modules=())
    assert read_plan(again.folder).modules == (DEMO,)


def test_engines_that_came_with_results_are_refused(wishes: Wishes, tmp_path: Path) -> None:
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    changed(there, wishes={**msgspec.to_builtins(part.wishes), "engines": ["evil:ENGINE"]})
    with pytest.raises(UsageError, match="would be imported"):
        collected(there)


def test_nothing_is_collected_from_among_the_results(
    wishes: Wishes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that is named is looked for in the current folder, too."""
    (part,) = cut(wishes, 1)
    there = result(tmp_path / "there", part, GOOD)
    monkeypatch.chdir(there / "corpus")
    with pytest.raises(UsageError, match="collect from another folder"):
        collected(there)


def test_the_command_of_a_driver_is_never_taken_from_results(tmp_path: Path) -> None:
    """Nor from their campaign: what it found is kept, and says that nobody here can run it again."""
    trace = tmp_path / "ran"
    evil = f'"{sys.executable}" -c "open({str(trace)!r}, \'w\')"'
    (part,) = cut(
        Wishes(name="night", seconds=2.0, patterns=("sipc.cbor",), engines=("driver",), driver=evil), 1
    )
    there = result(tmp_path / "there", part)
    found = made(find(("sipc.cbor",))[0].target, "disagreement", b"\x01", "they differ")
    found = msgspec.structs.replace(found, engine="driver")
    group = there / "campaigns" / "night" / "findings" / found.signature
    group.mkdir(parents=True)
    (group / f"{digest(found.data)}.json").write_bytes(found.to_json())
    done, store = collected(there, modules=())
    assert done.new == (found.signature,)
    assert (read_plan(done.folder).driver, read_plan(done.folder).engines) == ("", ("driver",))
    (triaged,) = triage_all(done.folder, 10.0)
    assert triaged.result is None
    assert "name it with --driver" in triaged.trouble
    arguments = ["fuzz", "replay", found.signature, "--store", str(store.root)]
    replayed = CliRunner().invoke(cli, arguments)
    assert replayed.exit_code == 1
    assert "cannot be run again: it is about an implementation behind a driver" in replayed.output
    assert not trace.exists()
    # What the collecting side names is what runs.
    mine = f'"{sys.executable}" -c "raise SystemExit(7)"'
    again, _ = collected(there, modules=(), driver=mine)
    assert read_plan(again.folder).driver == mine
    kept, _ = collected(there, modules=())
    assert read_plan(kept.folder).driver == mine
    named = ["fuzz", "triage", found.signature, "--store", str(store.root), "--driver", evil]
    CliRunner().invoke(cli, named)
    assert trace.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a link needs a right of its own")
def test_inputs_that_lead_elsewhere_do_not_join(wishes: Wishes, tmp_path: Path) -> None:
    (part,) = cut(wishes, 1)
    secret = tmp_path / "secret"
    secret.write_bytes(OTHER)
    there = result(tmp_path / "there", part, GOOD)
    (there / "corpus" / "demo.length" / digest(OTHER)).symlink_to(secret)
    _, store = collected(there)
    assert list(store.inputs("demo.length")) == [GOOD]
