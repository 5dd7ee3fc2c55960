"""Planted parsers that are slow, greedy or forgetful are noticed; honest ones are not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from costly_targets import PARSERS, TARGETS
from flawed_campaigns import campaign
from flawed_targets import orders, written

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.oracles.again import observed_again
from ipc_gauntlet.fuzz.oracles.answers import Expected, wrong_answers
from ipc_gauntlet.fuzz.oracles.campaign import examine_all
from ipc_gauntlet.fuzz.oracles.costly import costly
from ipc_gauntlet.fuzz.oracles.leak import leak
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.campaign import triage_all
from ipc_gauntlet.fuzz.triage.same import same

SEEDS = (b"\x01\x02\x03", b"\x01\x30\x00\x00")


def loaded(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The target, in this process: its parser is not called here."""
    monkeypatch.syspath_prepend(str(path.parent))
    for module in ("flawed_parsers", path.stem):
        monkeypatch.delitem(sys.modules, module, raising=False)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delitem(sys.modules, "flawed_parsers")
    found: dict[str, Target] = {target.name: target for target in module.TARGETS}
    return found[name]


def examined(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, wanted: tuple[str, str] = ("", "")
) -> tuple[list[Finding], list[Finding | None]]:
    """What the oracle for costs says, and what it says when it is asked for those that are wanted again."""
    path = written(folder, PARSERS, TARGETS)
    target = loaded(path, f"t.{name}", monkeypatch)
    with Child(orders(path, f"t.{name}", hang_seconds=5.0)) as child:
        found = list(costly(target, child, SEEDS, Budget(executions=2)))
        chosen = [one for one in found if (one.kind, one.error) == wanted]
        return chosen or found, [observed_again(finding, target, child) for finding in chosen[:1]]


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("pairs", "slow", "lines"),
        ("slices", "slow", "cpu_ns"),
        ("prefixes", "greedy", "peak"),
        ("reserving", "greedy", "amount"),
        ("counting", "slow", "amount"),
    ],
)
def test_what_costs_too_much_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, what: str
) -> None:
    found, again = examined(tmp_path, name, monkeypatch, (kind, what))
    assert again, [one.message for one in found]
    assert same(found[0], again[0])
    if kind == "slow":
        assert found[0].frames[-1].function == name


@pytest.mark.parametrize("name", ["linear", "sorting", "caching"])
def test_what_is_honest_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found, _ = examined(tmp_path, name, monkeypatch)
    assert [one.message for one in found] == []


@pytest.mark.parametrize(("name", "kept"), [("remembering", True), ("caching", False), ("linear", False)])
def test_memory_kept_for_every_rejection_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kept: bool
) -> None:
    path = written(tmp_path, PARSERS, TARGETS)
    target = loaded(path, f"t.{name}", monkeypatch)
    with Child(orders(path, f"t.{name}")) as child:
        finding = leak(target, child, SEEDS)
        assert (finding is not None) == kept
        if finding is not None:
            assert finding.kind == "residue"
            assert same(finding, observed_again(finding, target, child))


def test_a_wrong_class_of_answer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, PARSERS, TARGETS)
    target = loaded(path, "t.linear", monkeypatch)
    expected = [
        Expected(b"\x01", "accepted", "a vector"),
        Expected(b"", "rejected", "a vector"),
        Expected(b"", "rejected:Refused", "a vector"),
        Expected(b"\xff", "rejected:length", "a vector"),
        Expected(b"\xfe", "rejected:length", "a vector"),
        Expected(b"\x02", "rejected", "another vector"),
    ]
    with Child(orders(path, "t.linear")) as child:
        found = list(wrong_answers(target, child, expected))
        assert same(found[0], observed_again(found[0], target, child))
    assert [one.data for one in found] == [b"\xff", b"\xfe", b"\x02"]
    assert found[0].signature == found[1].signature != found[2].signature
    assert "answered rejected:Refused, where rejected:length is right (a vector)" in found[0].message


def test_a_campaign_is_examined_and_its_findings_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, folder = campaign(tmp_path, [], name="night")
    (tmp_path / "flawed_parsers.py").write_text(PARSERS, encoding="utf-8")
    (tmp_path / "flawed_targets_module.py").write_text(
        TARGETS.replace('"t." + name', '{"pairs": "t.clumsy"}.get(name, "t." + name)'), encoding="utf-8"
    )
    monkeypatch.delitem(sys.modules, "flawed_parsers", raising=False)
    examined_targets = examine_all(folder, store, 3.0)
    assert [one.target for one in examined_targets] == ["t.clumsy"]
    assert examined_targets[0].families >= 1
    with State.open(folder) as state:
        found = state.findings()
    assert ("slow", "new") in {(one.kind, one.status) for one in found}
    done = triage_all(folder, 30.0)
    assert [one.result.reproduced for one in done if one.result and one.result.case.kind == "slow"] == ["5/5"]


def test_the_command_tells_and_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, PARSERS, TARGETS)
    monkeypatch.delitem(sys.modules, "flawed_parsers", raising=False)
    options = ["--targets", str(path), "--store", str(tmp_path / "store"), "--time", "1s"]
    good = CliRunner().invoke(cli, ["fuzz", "oracles", "--target", "t.linear", *options])
    assert good.exit_code == 0, good.output
    assert "NOTHING FOUND" in good.output
    bad = CliRunner().invoke(
        cli, ["fuzz", "oracles", "--target", "t.remembering", "--save", str(tmp_path / "cases"), *options]
    )
    assert bad.exit_code == 1, bad.output
    case = next((tmp_path / "cases").glob("t.remembering-residue-*.json"))
    again = CliRunner().invoke(
        cli, ["fuzz", "replay", str(case), "--targets", str(path), "--store", str(tmp_path / "store")]
    )
    assert "STILL FAILING" in again.output
