"""From a campaign's folder to its report, and to the files of `fuzz report`."""

from __future__ import annotations

import base64
import datetime
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ipc_gauntlet.cli.fuzz.report import command
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.ledger import Seen, SliceEnd
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetPlan
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.findings import Finding, Frame
from ipc_gauntlet.fuzz.modules import modules_of
from ipc_gauntlet.fuzz.report.gather import gather
from ipc_gauntlet.fuzz.spec import Progress
from ipc_gauntlet.fuzz.work import digest

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
SIGNATURE = "crash-0123456789abcdef"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package to measure, which can be found and is not imported."""
    package = tmp_path / "code" / "measured_demo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "parser.py").write_text(
        "def parse(data):\n    if data:\n        return 1\n    raise ValueError\n", "utf-8"
    )
    (package / "sub").mkdir()
    (package / "sub" / "__init__.py").write_text("", encoding="utf-8")
    (package / "sub" / "leaf.py").write_text("def f():\n    return 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    return "measured_demo"


@pytest.fixture
def store(tmp_path: Path, code: str) -> Path:
    """A store with one campaign that has one slice behind it."""
    folder = tmp_path / "store" / "campaigns" / "nightly"
    folder.mkdir(parents=True)
    plan = Plan(
        name="nightly",
        seconds=60,
        seed=7,
        targets={"demo.parser": TargetPlan(module="no_such_module", measured=(code,))},
    )
    name = digest(b"\x00")
    with State.open(folder, writable=True) as state:
        state.adopt(plan)
        seen = Seen(
            signature=SIGNATURE, kind="crash", message="IndexError in parse", count=3, smallest=name, size=1
        )
        end = SliceEnd(
            name="1",
            target="demo.parser",
            engine="portable",
            outcome="done",
            progress=Progress(executions=1000, seconds=2, cpu_seconds=2, edges=2, edges_total=9, features=2),
            at=2.0,
            covered=[f"{code}.parser:1:enter:0", f"{code}.parser:3:then:0"],
            functions=[f"{code}.parser:parse"],
            findings=[seen],
            kept=4,
            corpus=5,
        )
        state.merge(end, given=2.0, passed=2.0)
        state.pass_time(2.5, 60)
    findings = folder / "findings" / SIGNATURE
    findings.mkdir(parents=True)
    for data in (b"\x00", b"longer"):
        finding = Finding(
            target="demo.parser",
            kind="crash",
            signature=SIGNATURE,
            message="IndexError in parse",
            input_b64=base64.b64encode(data).decode(),
            error="IndexError",
            frames=(Frame("measured_demo/parser.py", 3, "parse"),),
        )
        (findings / f"{digest(data)}.json").write_bytes(finding.to_json())
    return tmp_path / "store"


def test_everything_is_read(store: Path, code: str) -> None:
    report = gather(store / "campaigns" / "nightly", NOW)
    assert (report.name, report.seed, report.made_at) == ("nightly", 7, "2026-01-02T03:04:05Z")
    (target,) = report.targets
    assert (target.state.executions, target.state.edges, len(target.growth)) == (1000, 2, 1)
    files = {file.module: file for file in target.files}
    assert set(files) == {f"{code}.parser", f"{code}.sub.leaf"}
    hits = [(line.hit, line.edges) for line in files[f"{code}.parser"].lines]
    assert hits[0] == (1, 1)
    assert sum(hit for hit, _ in hits) == 2
    assert files[f"{code}.sub.leaf"].hit == 0
    (finding,) = report.findings
    assert base64.b64decode(finding.input_b64) == b"\x00"
    assert (finding.state.count, finding.frames[0].line) == (3, 3)
    assert finding.file == f"findings/{SIGNATURE}/" + digest(b"\x00") + ".json"


def test_modules_are_found_without_an_import(code: str) -> None:
    assert list(modules_of(code)) == [code, f"{code}.parser", f"{code}.sub", f"{code}.sub.leaf"]
    assert code + ".parser" not in sys.modules
    assert list(modules_of("no_such_module.at_all")) == ["no_such_module.at_all"]


def test_a_finding_whose_files_are_gone_is_still_told(store: Path) -> None:
    for path in (store / "campaigns" / "nightly" / "findings" / SIGNATURE).glob("*"):
        path.write_bytes(b"junk")
    (finding,) = gather(store / "campaigns" / "nightly", NOW).findings
    assert (finding.input_b64, finding.state.message) == ("", "IndexError in parse")


def test_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no fuzz campaign"):
        gather(tmp_path, NOW)


def test_the_command_writes_each_format(store: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("html", "sarif", "junit", "json", "markdown")}
    words = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    ended = CliRunner().invoke(command, ["nightly", "--store", str(store), *words], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    assert "IndexError in parse" in files["html"].read_text("utf-8")
    assert json.loads(files["sarif"].read_bytes())["runs"][0]["results"][0]["ruleId"] == "crash"
    assert json.loads(files["json"].read_bytes())["findings"][0]["state"]["count"] == 3
    assert "**1 findings**" in files["markdown"].read_text("utf-8")
    assert b"<testsuites" in files["junit"].read_bytes()


def test_the_command_writes_a_page_by_default(store: Path) -> None:
    ended = CliRunner().invoke(command, ["nightly", "--store", str(store)], catch_exceptions=False)
    page = store / "campaigns" / "nightly" / "report.html"
    assert ended.output.strip() == str(page)
    assert page.is_file()
