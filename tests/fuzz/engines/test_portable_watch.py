"""Hangs and memory end the slice, with the input and the place; a machine that sleeps does not."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzz_slices import end, run, start

from ipc_gauntlet.fuzz.findings import Frame
from ipc_gauntlet.fuzz.spec import Exit, Spec, read_progress
from ipc_gauntlet.fuzz.watch import frames_in_dump
from ipc_gauntlet.fuzz.work import read_current

TOYS = Path(__file__).parent / "portable_toys"


def orders(folder: Path, target: str, **more: object) -> Spec:
    """Orders for a toy."""
    fields: dict[str, object] = {"executions": 3000, **more}
    measured = ("portable_parser",)
    return Spec(
        target=f"toy.{target}", module="portable_targets", measured=measured, folder=str(folder), **fields
    )  # type: ignore[arg-type]


def test_an_endless_loop(tmp_path: Path) -> None:
    """It is named by the function whose loop it is, not by where it was when somebody looked."""
    done = run(orders(tmp_path, "spins", hang_seconds=0.2), TOYS)
    assert done.status == Exit.HANG, done.said
    (finding,) = done.findings
    assert (finding.kind, finding.data) == ("hang", b"hang")
    assert [frame.function for frame in finding.frames] == ["spins"]
    assert "no answer after 0.2 s" in finding.message
    assert "portable_parser.py" in finding.details["stack"]
    assert done.result is None
    progress = read_progress(tmp_path)
    assert progress is not None
    assert progress.findings == {finding.signature: 1}
    assert read_current(tmp_path / "current") == (b"hang", finding.execution or 1)


def test_waiting_for_ever(tmp_path: Path) -> None:
    """No CPU time passes, but time does."""
    done = run(orders(tmp_path, "waits", hang_seconds=0.1), TOYS)
    assert done.status == Exit.HANG, done.said
    (finding,) = done.findings
    assert finding.message.startswith("waits after")
    assert [frame.function for frame in finding.frames] == ["waits", "_wait"]


def test_a_call_that_lets_nobody_else_run(tmp_path: Path) -> None:
    """The watch cannot see it while it lasts; afterwards the input is known, or measured alone to be sure."""
    done = run(orders(tmp_path, "backtracks", hang_seconds=0.1, executions=3), TOYS)
    assert done.status in (Exit.DONE, Exit.HANG), done.said
    hangs = [finding for finding in done.findings if finding.kind == "hang"]
    assert hangs
    assert all(finding.data[:1] == b"h" for finding in hangs)
    assert {frame.function for finding in hangs for frame in finding.frames} <= {"backtracks"}


def test_memory_that_runs_away(tmp_path: Path) -> None:
    """The input is written down before the process ends."""
    done = run(orders(tmp_path, "grows", memory_mb=100, hang_seconds=60), TOYS)
    kinds = {finding.kind for finding in done.findings}
    assert done.status == Exit.MEMORY, done.said
    assert kinds == {"memory"}
    (finding,) = done.findings
    assert finding.data[:1] == b"m"
    assert finding.frames[0].function == "grows"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that stops a process")
def test_a_process_that_was_stopped_did_not_hang(tmp_path: Path) -> None:
    """A laptop that sleeps, a terminal that suspends: time passes, and nobody is to blame."""
    spec = orders(tmp_path, "slowly", executions=0, seconds=60.0, hang_seconds=0.1)
    process = start(spec, TOYS)
    try:
        _wait_for(tmp_path, process)
        for _ in range(3):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.8)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.2)
        (tmp_path / "stop").touch()
    except BaseException:
        process.kill()
        raise
    done = end(spec, process)
    assert done.status == Exit.DONE, done.said
    assert not done.findings


def _wait_for(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until the slice fuzzes."""
    for _ in range(500):
        if process.poll() is not None or (read_current(folder / "current") or (b"", 0))[1] > 100:
            return
        time.sleep(0.05)
    raise AssertionError("the slice did not begin")


def test_frames_in_a_dump() -> None:
    """What faulthandler writes is read back, on any system's paths."""
    text = """Timeout (0:00:03)!
Thread 0x00007f (most recent call first):
  File "C:/site/mine/deep/parser.py", line 7 in inner
  File "/x/other.py", line 1 in f
  File "/x/mine/__init__.py", line 3 in outer
"""
    assert frames_in_dump(text, ["mine"]) == (
        Frame("mine/__init__.py", 3, "outer"),
        Frame("mine/deep/parser.py", 7, "inner"),
    )
    assert frames_in_dump("nonsense", ["mine"]) == ()
