"""The process that pins, and the command."""

import base64
import json
from pathlib import Path

import pin_demo
import pytest
from click.testing import CliRunner

from ipc_gauntlet.cli.fuzz.pin import command
from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.pin.bench import Bench
from ipc_gauntlet.fuzz.pin.runner import Wish, inputs_of, pin_target
from ipc_gauntlet.fuzz.pin.score import score
from ipc_gauntlet.fuzz.pin.vectors import read_vectors, write_vectors
from ipc_gauntlet.fuzz.registry import Found, Source

DEMO = "pin_demo"


def found(name: str, module: str = "pin_demo") -> Found:
    target = next(one for one in pin_demo.TARGETS if one.name == name)
    return Found(target, Source(module, "test"))


def test_a_target_is_pinned_in_a_process_of_its_own() -> None:
    pinned = pin_target(found("demo.pairs"), Wish(seconds=0, executions=1500))
    assert pinned.before.pinned < pinned.after.pinned
    assert pinned.minimal.pinned == pinned.after.pinned
    assert pinned.vectors.pinned == pinned.after.pinned
    assert pinned.executions >= 1500
    assert not pinned.deadly
    assert {vector.accepted for vector in pinned.vectors.vectors} == {True, False}
    for vector in pinned.vectors.vectors:
        if vector.accepted:
            assert pin_demo.parse(vector.data) is not None
        else:
            with pytest.raises(pin_demo.Refused) as refused:
                pin_demo.parse(vector.data)
            assert refused.value.reason == vector.reason
        assert vector.pins
        assert vector.why
    survivors = {one.name for one in pinned.survivors}
    assert len(survivors) == pinned.after.mutants - pinned.after.pinned


def test_the_same_orders_give_the_same_vectors() -> None:
    wish = Wish(seconds=0, executions=400)
    one, other = (pin_target(found("demo.pairs"), wish) for _ in range(2))
    assert one.vectors == other.vectors


def test_a_mutant_that_hangs_in_c_does_not_take_the_run_down() -> None:
    pinned = pin_target(found("demo.power"), Wish(seconds=0, executions=30, hang_seconds=0.4))
    assert any("drop-raise" in name for name in pinned.deadly), pinned.deadly
    assert set(pinned.deadly.values()) <= {"hangs where no step is counted", "uses too much memory"}
    assert pinned.after.mutants


def test_a_parser_that_hangs_itself_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"hanging_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        "from ipc_gauntlet.fuzz import Target\n"
        "def parse(data):\n    return 7 ** (10 ** 9) if data else 1\n"
        "TARGETS = (Target(name='hanging', title='', layer='other', parse=parse, "
        "measured=(__name__,), seeds=lambda: (b'', b'x')),)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    target = Target(name="hanging", title="", layer="other", parse=len, measured=(name,))
    with pytest.raises(GauntletError, match="the unchanged parser hangs"):
        pin_target(Found(target, Source(name, "test")), Wish(seconds=0, hang_seconds=0.3))


def test_a_target_that_is_not_there_is_a_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"has no target demo\.pairs"):
        pin_target(found("demo.pairs", "sipc_targets"), Wish(seconds=0))


def test_vectors_are_written_and_read(tmp_path: Path) -> None:
    file = pin_target(found("demo.pairs"), Wish(seconds=0)).vectors
    path = write_vectors(file, tmp_path / "deep" / "er")
    assert path.name == "pairs.json"
    assert read_vectors(path) == file
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(GauntletError, match="cannot read parser vectors"):
        read_vectors(path)


def test_the_command(tmp_path: Path) -> None:
    words = ["--targets", DEMO, "--target", "demo.pairs", "--store", str(tmp_path / "store")]
    report = tmp_path / "pin.json"
    out = tmp_path / "out"
    more = ["--executions", "500", "--time", "forever", "--list-survivors", "--json", str(report)]
    done = CliRunner().invoke(command, [*words, *more, "--out", str(out), "--keep"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "demo.pairs" in done.output
    assert "before" in done.output
    (pinned,) = json.loads(report.read_bytes())
    for survivor in pinned["survivors"]:
        assert survivor["source"] in done.output
    inputs = {base64.b64decode(one["input"]) for one in pinned["vectors"]["vectors"]}
    assert {path.read_bytes() for path in (out / "demo.pairs").iterdir()} == inputs
    # What was kept is where the next one begins.
    done = CliRunner().invoke(
        command, [*words, "--score-only", "--json", str(report)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    (again,) = json.loads(report.read_bytes())
    assert again["before"]["pinned"] == pinned["after"]["pinned"]


def test_a_low_score_fails_on_demand(tmp_path: Path) -> None:
    words = ["--targets", DEMO, "--target", "demo.pairs", "--store", str(tmp_path), "--score-only"]
    assert CliRunner().invoke(command, [*words, "--fail-under", "99"]).exit_code == 1
    assert CliRunner().invoke(command, [*words, "--fail-under", "1"]).exit_code == 0


def test_one_target_that_cannot_be_pinned_does_not_keep_others_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"mixed_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        "import zlib\n"
        "import pin_demo\n"
        "from ipc_gauntlet.fuzz import Target\n"
        "TARGETS = (Target(name='a.compiled', title='', layer='other', parse=zlib.decompress, measured=('zlib',)),\n"
        "           Target(name='b.pairs', title='', layer='other', parse=pin_demo.parse, measured=('pin_demo',),\n"
        "                  rejects=(pin_demo.Refused,), seeds=lambda: pin_demo.SEEDS))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = ["--targets", name, "--store", str(tmp_path / "store"), "--score-only"]
    done = CliRunner().invoke(command, [*words, "--target", "a.*", "--target", "b.*"])
    assert done.exit_code == 3
    assert "NOT PINNED  a.compiled" in done.output
    assert "b.pairs" in done.output
    done = CliRunner().invoke(command, [*words, "--target", "a.*"])
    assert isinstance(done.exception, UsageError)


def test_inputs_of_the_minimal_set() -> None:
    pinned = pin_target(found("demo.pairs"), Wish(seconds=0))
    assert score(Bench(pin_demo.TARGETS[0]), inputs_of(pinned)).pinned == pinned.before.pinned
