"""`fuzz run`, `fuzz status` and `fuzz list` as a person and a machine see them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner, Result
from fuzz_campaigns import TARGETS, Campaign, settled
from rich.console import Console

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.cli.fuzz.figures import clock, count
from ipc_gauntlet.cli.fuzz.run_view import RunView, most_telling
from ipc_gauntlet.cli.fuzz.summary import print_summary
from ipc_gauntlet.fuzz.campaign import status
from ipc_gauntlet.fuzz.campaign.records import FindingState, TargetState
from ipc_gauntlet.fuzz.corpus.store import Store

pytestmark = pytest.mark.usefixtures("toys")

_STEADY = ("--engine", "odd_engines:STEADY", "--targets", TARGETS, "--target", "small.right", "--jobs", "1")


def _fuzz(*arguments: str, store: Store) -> Result:
    return CliRunner().invoke(cli, ["fuzz", *arguments, "--store", str(store.root)])


def _status(**changes: Any) -> status.Status:  # noqa: ANN401 - members of Status
    usual: dict[str, Any] = {
        "name": "test",
        "phase": "ended",
        "pid": 1,
        "updated": 0.0,
        "elapsed": 75.0,
        "seconds_left": 0.0,
        "jobs": 2,
        "engines": ("portable",),
        "targets": (_target("one"), _target("two")),
        "rates": {"one": 81234.0},
        "running": (),
        "findings": (),
        "findings_total": 0,
        "exit_status": 0,
    }
    return status.Status(**{**usual, **changes})


def _target(name: str, **changes: Any) -> TargetState:  # noqa: ANN401 - members of TargetState
    usual: dict[str, Any] = {
        "executions": 1234567,
        "edges": 40,
        "edges_total": 60,
        "corpus": 12,
        "slices": 3,
        "canary": "caught",
        "last_new": 61.0,
    }
    return TargetState(target=name, **{**usual, **changes})


def _finding(**changes: Any) -> FindingState:  # noqa: ANN401 - members of FindingState
    usual: dict[str, Any] = {
        "signature": "crash-0123456789abcdef",
        "target": "one",
        "kind": "crash",
        "message": "Boom in f \x1b[31m",
        "size": 9,
    }
    return FindingState(**{**usual, **changes})


def _shown(now: status.Status, options: str = "", width: int = 200) -> str:
    out = io.StringIO()
    print_summary(Console(file=out, width=width, highlight=False, markup=False), now, options)
    return out.getvalue()


def test_a_run_in_a_pipe(store: Store) -> None:
    done = _fuzz("run", "--time", "1.5s", *_STEADY, store=store)
    assert done.exit_code == 0, done.output
    assert "1 target, 1 job, odd_engines:STEADY" in done.output
    assert "NOTHING FOUND" in done.output
    assert "\x1b" not in done.output
    assert "small.right" in done.output


def test_a_run_with_findings_says_how_to_see_them(store: Store) -> None:
    words = [word.replace("STEADY", "FIND") for word in _STEADY]
    done = _fuzz("run", "--time", "30s", "--no-canary", "--stop-at-first", *words, store=store)
    assert done.exit_code == 1, done.output
    line = next(line for line in done.output.splitlines() if line.startswith("FOUND"))
    signature = line.split()[1]
    assert f"ipc-gauntlet fuzz show {signature}" in done.output
    assert f"ipc-gauntlet fuzz replay {signature}" in done.output
    assert f"--store {store.root}" in done.output


def test_a_blind_run_says_so(store: Store) -> None:
    words = [word.replace("STEADY", "UNMEASURED") for word in _STEADY]
    done = _fuzz("run", "--time", "1s", "--no-canary", *words, store=store)
    assert done.exit_code == 3, done.output
    assert "BLIND  small.right" in done.output
    assert done.output.splitlines()[-2].startswith("BLIND")


def test_a_plan_file(store: Store, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'name = "night"\ntime = "1s"\nengines = ["odd_engines:STEADY"]\nmodules = ["{TARGETS}"]\ncanary = false\n'
        '[[target]]\nname = "small.third"\n'.replace("\\", "/"),
        encoding="utf-8",
    )
    done = _fuzz("run", "--plan", str(plan), "--jobs", "1", store=store)
    assert done.exit_code == 0, done.output
    assert status.read(store.campaigns / "night").targets[0].target == "small.third"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--target", "nothing"], "nothing"),
        (["--engine", "magic"], "magic"),
        (["--time", "soon"], "soon"),
        (["--plan", "none.toml"], "none.toml"),
        (["--name", "../x"], "--name"),
        (["--jobs", "0"], "jobs"),
    ],
)
def test_wrong_use(store: Store, arguments: list[str], word: str) -> None:
    done = _fuzz("run", *arguments, store=store)
    assert done.exit_code == 2
    assert word in done.output
    assert not (store.root / "corpus").exists()


def test_status_follows_its_schema(store: Store, campaign: Callable[..., Campaign], checkout: Path) -> None:
    run = campaign(seconds=1.0)
    run.run(until=settled)
    schema = json.loads((checkout / "docs" / "fuzz-status.schema.json").read_text(encoding="utf-8"))
    for text in (
        (run.folder / "status.json").read_bytes(),
        _fuzz("status", "--json", store=store).stdout_bytes,
    ):
        jsonschema.validate(json.loads(text), schema)
    said = json.loads(_fuzz("status", "test", "--json", store=store).stdout)
    assert said["phase"] == "ended"
    assert said["targets"][0]["canary"] == "caught"


def test_the_schema_is_that_of_the_code(checkout: Path) -> None:
    path = checkout / "docs" / "fuzz-status.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(status.schema())


def test_status_of_the_campaign_that_was_active_last(store: Store, campaign: Callable[..., Campaign]) -> None:
    for name in ("first", "second"):
        campaign(seconds=0.5, name=name, canary=False).run()
    assert json.loads(_fuzz("status", "--json", store=store).stdout)["name"] == "second"
    shown = _fuzz("status", "first", store=store)
    assert shown.exit_code == 0
    assert "small.right" in shown.output


def test_status_without_campaigns(store: Store) -> None:
    done = _fuzz("status", store=store)
    assert done.exit_code == 2
    assert "fuzz run" in done.output
    assert "none" in _fuzz("status", "other", store=store).output


def test_the_list(store: Store, campaign: Callable[..., Campaign]) -> None:
    empty = _fuzz("list", "--targets", TARGETS, "--target", "small.*", store=store)
    assert empty.exit_code == 0, empty.output
    assert "small.swallows" in empty.output
    assert "no campaigns yet" in empty.output
    campaign(seconds=0.5, canary=False).run()
    words = ("list", "--targets", TARGETS, "--target", "small.*")
    assert "campaign test  ended" in _fuzz(*words, store=store).output
    said = json.loads(_fuzz(*words, "--json", store=store).stdout)
    assert [one["name"] for one in said["targets"]][:2] == ["small.right", "small.other"]
    assert said["targets"][0]["corpus"] > 0
    assert said["campaigns"][0]["findings"] == 0
    assert {"name": "portable", "missing": ""} in said["engines"]


@pytest.mark.parametrize("phase", ["stopped", "killed"])
def test_the_summary_says_how_to_go_on_in_the_same_store(phase: str) -> None:
    shown = _shown(_status(phase=phase, targets=(_target("one"),)), " --store x")
    assert f"{phase.upper()}  " in shown
    assert "go on with: ipc-gauntlet fuzz run --name test --store x" in shown


def test_the_summary_tells_early_from_blind_and_stalls_from_findings() -> None:
    early = _target("one", uncounted="it was not fuzzed; give the campaign more time")
    stall = _finding(
        signature="hang-0123456789abcdef", status="unreproduced", message="no answer after 0.5 s"
    )
    other = msgspec.structs.replace(stall, target="two", signature="hang-1123456789abcdef")
    shown = _shown(_status(targets=(early,), findings=(stall, other), findings_total=2, exit_status=3))
    assert "2 targets  no answer after 0.5 s" in shown
    assert "does not count  one  it was not fuzzed" in shown
    assert "took too long once, and not again" in shown
    assert "FOUND" not in shown
    assert "NOT COUNTED" in shown
    assert "0 open findings, 0 blind, 1 without time enough to count" in shown


def test_the_summary_tells_the_truth() -> None:
    blind = _target("two", blind="no code was instrumented", edges=0, edges_total=0)
    odd = _target("one", warnings=("2 of 3 slices broke",))
    now = _status(targets=(odd, blind), findings=(_finding(),), findings_total=1, exit_status=1)
    shown = _shown(now, " --store x")
    assert "FOUND  crash-0123456789abcdef  one" in shown
    assert "ipc-gauntlet fuzz show crash-0123456789abcdef --store x" in shown
    assert "BLIND  two  no code was instrumented" in shown
    assert "look at  one  2 of 3 slices broke" in shown
    assert "\x1b[31m" not in shown
    assert "FINDINGS" in shown
    assert "1 open finding, 1 blind" in shown


def test_what_many_targets_have_is_said_once() -> None:
    targets = tuple(_target(f"t{number}", warnings=("no canary: no time",)) for number in range(9))
    shown = _shown(_status(targets=targets))
    assert shown.count("no canary: no time") == 1
    assert "9 targets" in shown
    assert "9 without a canary" in shown


def test_fixed_and_ignored_findings_are_not_shown() -> None:
    now = _status(findings=(_finding(status="fixed"), _finding(status="ignored")), findings_total=2)
    shown = _shown(now)
    assert "FOUND" not in shown.replace("NOTHING FOUND", "")
    assert "0 open findings" in shown
    assert status.open_findings(now.findings) == 0


@pytest.mark.parametrize(
    ("targets", "findings", "stopped", "code"),
    [
        ((_target("a"),), 0, False, 0),
        ((_target("a"),), 2, False, 1),
        ((_target("a", blind="x"),), 0, False, 3),
        ((_target("a", blind="x"),), 2, False, 1),
        ((_target("a"),), 2, True, 130),
    ],
)
def test_exit_statuses(targets: tuple[TargetState, ...], findings: int, stopped: bool, code: int) -> None:
    assert status.exit_status(targets, findings, stopped=stopped) == code


@pytest.mark.parametrize(("width", "height"), [(60, 10), (80, 24), (160, 50)])
def test_the_live_view_fits_its_terminal(width: int, height: int) -> None:
    targets = tuple(
        _target(f"target.with.a.rather.long.name.{number}", blind="" if number % 3 else "it is blind " * 5)
        for number in range(40)
    )
    busy = status.Running(
        slice="s", target=targets[35].target, engine="portable", doing="fuzz", pid=1, seconds=2.0, rate=10.0
    )
    now = _status(phase="running", exit_status=-1, seconds_left=12.0, targets=targets, running=(busy,))
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    view = RunView(console)
    view.status(now)
    view.stop()
    view._status = now
    rendered = console.render_lines(view._render(), pad=False)
    assert len(rendered) < height
    lines = ["".join(segment.text for segment in line) for line in rendered]
    assert all(len(line) <= width for line in lines)
    assert any(targets[35].target[:20] in line and "35" in line for line in lines)


def test_what_runs_is_shown_where_not_all_can_be() -> None:
    targets = tuple(_target(str(number)) for number in range(30))
    busy = status.Running(slice="s", target="29", engine="e", doing="fuzz", pid=1, seconds=1.0)
    now = _status(
        targets=(*targets, _target("blind", blind="x")), running=(busy,), findings=(_finding(target="17"),)
    )
    shown = [one.target for one in most_telling(now, 10)]
    assert {"29", "17", "blind"} <= set(shown)
    assert len(shown) == 9
    assert len(most_telling(now, 31)) == 31


def test_lines_in_a_pipe_come_now_and_then() -> None:
    out = io.StringIO()
    view = RunView(Console(file=out, width=200, highlight=False))
    for second in range(200):
        view.status(_status(phase="running", elapsed=float(second), seconds_left=200.0 - second))
    view.said("found  crash-1  one: Boom")
    lines = out.getvalue().splitlines()
    assert "campaign test" in lines[0]
    assert 6 <= len(lines) <= 12
    assert "found crash-1 one: Boom" in lines[-1]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (9999, "9999"), (42100, "42.1k"), (3070000, "3.07M"), (12e9, "12.0G")]
)
def test_counts(number: float, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(7, "0:07"), (754, "12:34"), (11045, "3:04:05"), (183845, "2d 3:04:05")]
)
def test_clocks(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_status_file_that_is_none_is_told(store: Store, campaign: Callable[..., Campaign]) -> None:
    run = campaign(seconds=0.5, canary=False)
    run.run()
    (run.folder / "status.json").write_bytes(msgspec.json.encode({"name": 7}))
    assert _fuzz("status", store=store).exit_code == 3
