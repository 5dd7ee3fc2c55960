"""Findings about an implementation behind a driver are shown again, made smaller and compared too."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.case import make_case
from ipc_gauntlet.fuzz.triage.one import triage
from ipc_gauntlet.fuzz.triage.replaying import replay
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets

TOYS = Path(__file__).parent.parent / "engines" / "toys"
BOX = """
import base64

from ipc_gauntlet.fuzz import Target


class Refused(Exception):
    reason = "malformed"


def read(data):
    if data[:3] != b"BOX" or len(data) < 5 or len(data) != 5 + data[4]:
        raise Refused
    if data[3] == 1 and (len(data) == 5 or data[5] > 200):
        raise Refused
    return data[5:]


TARGETS = [
    Target(name="box", title="Boxes.", layer="other", parse=read, rejects=(Refused,), measured=("box_reader",),
           reference_parser="box",
           told=lambda data: {"kind": data[3], "body": base64.b64encode(data[5:]).decode()}),
    Target(name="mute", title="No parser.", layer="other", parse=read, rejects=(Refused,), measured=("box_reader",)),
]
"""


def targets(folder: Path, habit: str) -> Targets:
    path = folder / "box_reader.py"
    path.write_text(BOX, encoding="utf-8")
    command = str(DriverCommand((sys.executable, str(TOYS / "box_driver.py"), habit)))
    return Targets([str(path)], Settings(hang_seconds=5.0, driver=command))


def alive() -> set[psutil.Process]:
    """Processes that this one has started, without those that have ended and wait for somebody to take note."""
    found: set[psutil.Process] = set()
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(process)
        except psutil.NoSuchProcess:
            continue
    return found


def seen(known: Targets, data: bytes) -> Finding | None:
    with Child(known.orders("box", remote=True)) as child:
        return child.one(data).finding


@pytest.mark.parametrize(
    ("habit", "data", "kind", "smallest"),
    [
        ("lax", b"BOX\x05\x09many", "disagreement", 6),
        ("exits", b"BOX\x77\x04many", "native", 4),
        ("reverses", b"BOX\x05\x04many", "disagreement", 7),
        ("words", b"BOXES", "wrong-answer", 0),
    ],
)
def test_a_finding_about_an_implementation_goes_through_triage(
    tmp_path: Path, habit: str, data: bytes, kind: str, smallest: int
) -> None:
    before = alive()
    known = targets(tmp_path, habit)
    finding = seen(known, data)
    assert finding is not None
    assert finding.kind == kind
    done = triage([finding], known.get("box"), known.orders("box", remote=True), Budget(executions=150))
    assert done.reproduced == "5/5"
    assert len(done.case.data) == smallest
    assert done.case.parser == "box"
    end = time.monotonic() + 20
    while not alive() <= before and time.monotonic() < end:
        time.sleep(0.05)  # who was killed a moment ago may still be on its way out
    assert alive() <= before


def test_a_replay_needs_the_implementation_and_tells_when_it_is_right(tmp_path: Path) -> None:
    known = targets(tmp_path, "lax")
    finding = seen(known, b"BOX\x05\x09many")
    assert finding is not None
    case = make_case(Finding(**{**_fields(finding), "engine": "driver"}))
    assert [outcome.word for _, outcome in replay([case], known)] == ["STILL FAILING"]
    better = targets(tmp_path, "good")
    assert [outcome.word for _, outcome in replay([case], better)] == ["FIXED"]


def test_a_target_of_no_parser_is_told(tmp_path: Path) -> None:
    known = targets(tmp_path, "good")
    with Child(known.orders("mute", remote=True)) as child, pytest.raises(UsageError, match="of no parser"):
        child.one(b"")


def _fields(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__}
