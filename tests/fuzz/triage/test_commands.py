"""`fuzz triage`, `show`, `replay`, `fix-check` and `adopt`, from a campaign's folder to a case that stays."""

from __future__ import annotations

import json
import shlex
import sqlite3
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from flawed_campaigns import campaign
from flawed_targets import framed

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.state import DATABASE, State
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import from_json
from ipc_gauntlet.fuzz.triage.campaign import Asked, triage_all
from ipc_gauntlet.fuzz.triage.saved import signatures
from ipc_gauntlet.fuzz.work import digest

CRASH = framed(b"C" + bytes(range(40, 60)) + b"!")
DEATH = framed(b"Dead")


@pytest.fixture(name="made")
def make_campaign(tmp_path: Path) -> tuple[Store, Path]:
    return campaign(tmp_path, [CRASH, DEATH])


def fuzz(store: Store, *arguments: str, status: int = 0) -> Result:
    ended = CliRunner().invoke(cli, ["fuzz", *arguments, "--store", str(store.root)])
    assert ended.exit_code == status, ended.output
    return ended


def repaired(folder: Path, before: str, after: str) -> None:
    path = folder / "flawed_parsers.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_triage_all_minimises_and_remembers(made: tuple[Store, Path]) -> None:
    _, folder = made
    done = triage_all(folder, 60.0)
    assert [one.result.reproduced for one in done if one.result] == ["5/5", "5/5"]
    with State.open(folder) as state:
        crash, death = sorted(state.findings(), key=lambda one: one.kind)
    assert (crash.status, crash.reproduced, crash.smallest, crash.size) == (
        "triaged",
        "5/5",
        digest(framed(b"C!")),
        3,
    )
    assert death.smallest == digest(framed(b"D"))
    for one in done:
        assert one.path == folder / "cases" / f"{one.signature}.json"
    assert (folder / "findings" / crash.signature / f"{crash.smallest}.json").is_file()
    assert triage_all(folder, 60.0) == []  # nothing is new
    assert triage_all(folder, 60.0, stop=lambda: True, asked=Asked(only=frozenset(signatures(folder)))) == []


def test_a_hang_that_never_shows_again_does_not_count(made: tuple[Store, Path]) -> None:
    """A machine that stood still for a moment; a crash that shows now and then is a finding all the same."""
    _, folder = made
    crash, death = sorted(signatures(folder))
    with sqlite3.connect(folder / DATABASE) as base:
        base.execute(
            "UPDATE finding SET signature = 'hang-0123456789abcdef', kind = 'hang' WHERE signature = ?",
            (death,),
        )
    (folder / "findings" / death).rename(folder / "findings" / "hang-0123456789abcdef")
    path = next((folder / "findings" / "hang-0123456789abcdef").iterdir())
    told = msgspec.structs.replace(
        from_json(path.read_bytes()), kind="hang", signature="hang-0123456789abcdef", input_b64=""
    )
    path.unlink()
    path.with_name(f"{digest(told.data)}.json").write_bytes(told.to_json())
    triage_all(folder, 60.0)
    with State.open(folder) as state:
        found = {one.signature: (one.status, one.reproduced) for one in state.findings()}
    assert found == {crash: ("triaged", "5/5"), "hang-0123456789abcdef": ("unreproduced", "0/5")}


def test_a_finding_of_a_target_that_is_gone_does_not_stop_the_others(made: tuple[Store, Path]) -> None:
    _, folder = made
    death = next(name for name in signatures(folder) if name.startswith("native"))
    path = next((folder / "findings" / death).iterdir())
    path.write_text(path.read_text(encoding="utf-8").replace("t.clumsy", "t.gone"), encoding="utf-8")
    done = {one.signature: one for one in triage_all(folder, 60.0)}
    assert "there is no fuzz target t.gone" in done[death].trouble
    assert sum(one.result is not None for one in done.values()) == 1


def test_from_a_finding_to_a_case_that_stays(
    made: tuple[Store, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, folder = made
    monkeypatch.chdir(tmp_path)
    crash = next(name for name in signatures(folder) if name.startswith("crash"))
    module = str(tmp_path / "flawed_targets_module.py")

    told = fuzz(store, "triage", "--time", "60s").output
    assert f"5/5           {crash}" in told
    assert f"from {len(CRASH)} to 3 bytes" in told

    shown = fuzz(store, "show", crash[:9]).output
    for text in (
        "every input is accepted or refused with Refused",
        "KeyError in broken (flawed_parsers.py",
        "seen 5 times, shown again by 5/5 runs",
        f"3 bytes, minimised from {len(CRASH)}",
        "0000  02 43 21",
        f"ipc-gauntlet fuzz replay {crash}",
    ):
        assert text in shown
    listed = fuzz(store, "show").output
    assert listed.count("5/5") == 2
    assert json.loads(fuzz(store, "show", crash, "--json", "--write", "raw").output)["signature"] == crash
    assert Path("raw").read_bytes() == framed(b"C!")

    assert "STILL FAILING" in fuzz(store, "replay", crash, status=1).output
    assert "STILL FAILING" in fuzz(store, "fix-check", crash, status=1).output

    repaired(tmp_path, "kept.append(len(body))", "pass")
    repaired(tmp_path, "        while True:\n            pass\n", "        pass\n")
    repaired(tmp_path, "hog.append(bytearray(1 << 20))", "break")
    repaired(tmp_path, 'body[-1:] == b"!"', 'body[-1:] == b"?"')
    halfway = fuzz(store, "fix-check", crash, "--seconds", "20", status=1).output
    assert "FIXED BUT A NEIGHBOUR FAILS" in halfway
    assert "the same finding" in halfway

    repaired(tmp_path, 'return {}["missing"]', 'raise Refused("missing")')
    repaired(tmp_path, 'body[-1:] == b"?"', 'body[-1:] == b"!"')
    assert "FIXED" in fuzz(store, "fix-check", crash, "--seconds", "0.5").output
    with State.open(folder) as state:
        assert {one.signature: one.status for one in state.findings()}[crash] == "fixed"

    adopted = fuzz(store, "adopt", crash).output
    assert "expects rejected:missing" in adopted
    assert f"--store {shlex.quote(str(store.root))} --targets {shlex.quote(module)}" in adopted
    case = next(store.regressions.glob("*.json"))
    assert case.name == f"t.clumsy-crash-keyerror-broken-{digest(framed(b'C!'))[:8]}.json"
    replayed = fuzz(store, "replay", "--targets", module, "--target", "t.clumsy", "-v").output
    assert f"FIXED         {case.stem}" in replayed
    # The store's campaigns know where the target comes from.
    again = fuzz(store, "replay", "--target", "t.clumsy", "-v").output
    assert f"FIXED         {case.stem}" in again
    repaired(tmp_path, 'raise Refused("missing")', 'raise Refused("other")')
    changed = fuzz(store, "replay", str(store.regressions), "--targets", module, status=1).output
    assert "now rejected:other, expected rejected:missing" in changed


def test_replay_runs_corpora_and_tells_what_is_wrong_in_them(
    made: tuple[Store, Path], tmp_path: Path
) -> None:
    store, _ = made
    module = str(tmp_path / "flawed_targets_module.py")
    store.add("t.clumsy", framed(b"ok"))
    clean = fuzz(store, "replay", "--targets", module, "--target", "t.*").output
    assert "ALL AS EXPECTED  0 cases and 7 inputs of corpora" in clean
    store.add("t.clumsy", CRASH)
    dirty = fuzz(store, "replay", "--targets", module, "--target", "t.*", status=1).output
    assert "IN A CORPUS" in dirty
    every = fuzz(store, "replay", "--all", "--no-corpus", "--target", "t.*", status=1).output
    assert "NOT AS EXPECTED  2 cases; 2 are not as expected" in every


def test_wrong_use_is_told(made: tuple[Store, Path], tmp_path: Path) -> None:
    store, folder = made
    assert "neither a file nor a finding" in fuzz(store, "show", "zzz", status=2).output
    assert "there is no fuzz campaign 'other'" in fuzz(store, "show", "--campaign", "other", status=2).output
    empty = Store(tmp_path / "empty")
    assert "there is no fuzz campaign" in fuzz(empty, "triage", status=2).output
    assert "needs an end" in fuzz(store, "triage", "--time", "forever", status=2).output
    with Lock(folder):
        assert "is being run by process" in fuzz(store, "triage", status=2).output


def test_a_beginning_of_a_signature_that_is_not_enough_is_refused(tmp_path: Path) -> None:
    store, folder = campaign(tmp_path, [CRASH, framed(b"K")])
    first = signatures(folder)[0]
    (folder / "findings" / first).rename(folder / "findings" / f"{first[:6]}aaa")
    second = folder / "findings" / f"{first[:6]}aab"
    second.mkdir()
    (second / "x.json").write_bytes(next((folder / "findings" / f"{first[:6]}aaa").iterdir()).read_bytes())
    assert "write more of it" in fuzz(store, "show", first[:6], status=2).output


def test_a_finding_can_be_ignored_and_taken_up_again(made: tuple[Store, Path]) -> None:
    store, folder = made
    names = signatures(folder)
    for mark in ("ignored", "fixed", "new"):
        assert mark.upper() in fuzz(store, "triage", names[0], "--mark", mark).output
        with State.open(folder) as state:
            assert {one.signature: one.status for one in state.findings()} == {
                names[0]: mark,
                names[1]: "new",
            }
    assert "needs the names" in fuzz(store, "triage", "--mark", "fixed", status=2).output


def test_a_cause_of_several_targets_is_triaged_with_one(tmp_path: Path) -> None:
    _, folder = campaign(tmp_path, [framed(b"C!"), CRASH])
    name = signatures(folder)[0]
    files = sorted((folder / "findings" / name).iterdir(), key=lambda path: path.stat().st_size)
    files[-1].write_text(
        files[-1].read_text(encoding="utf-8").replace("t.clumsy", "t.gone"), encoding="utf-8"
    )
    (done,) = triage_all(folder, 30.0)
    assert done.result is not None
    assert (done.result.reproduced, done.result.case.target) == ("5/5", "t.clumsy")


def test_a_finding_is_shown_even_if_its_module_is_gone(made: tuple[Store, Path], tmp_path: Path) -> None:
    store, folder = made
    (tmp_path / "flawed_targets_module.py").unlink()
    crash = next(name for name in signatures(folder) if name.startswith("crash"))
    shown = fuzz(store, "show", crash).output
    assert "refused with what the target declares" in shown
    assert f"0000  {CRASH[:16].hex(' ')}" in shown
