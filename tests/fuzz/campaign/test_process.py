"""The process of a slice: it ends with whoever started it, and with all that it started."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from fuzz_campaigns import TARGETS, environment

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.lock import Lock, is_held
from ipc_gauntlet.fuzz.campaign.process import SliceProcess
from ipc_gauntlet.fuzz.campaign.sweep import sweep
from ipc_gauntlet.fuzz.slice import main
from ipc_gauntlet.fuzz.spec import Exit, Spec
from ipc_gauntlet.fuzz.watched import ABANDONED

pytestmark = pytest.mark.usefixtures("toys")

_WAIT = 60.0


def _spec(folder: Path, **changes: object) -> str:
    folder.mkdir(exist_ok=True)
    usual: dict[str, object] = {
        "target": "small.right",
        "module": TARGETS,
        "measured": ("small_parser",),
        "folder": str(folder),
        "engine": "odd_engines:STEADY",
        "seconds": 600.0,
    }
    path = folder / "spec.json"
    path.write_bytes(msgspec.json.encode(Spec(**{**usual, **changes})))  # type: ignore[arg-type]
    return str(path)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT
    while not true():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


@pytest.fixture
def begin() -> Iterator[Callable[..., SliceProcess]]:
    """Starts slices, and ends them after the test."""
    started: list[SliceProcess] = []

    def start(*arguments: str) -> SliceProcess:
        started.append(SliceProcess(arguments))
        return started[-1]

    yield start
    for process in started:
        process.end()


def test_a_slice_runs_and_tells_its_status(begin: Callable[..., SliceProcess], tmp_path: Path) -> None:
    process = begin(_spec(tmp_path / "s", seconds=0.3))
    _until(lambda: process.status() is not None)
    assert process.status() == Exit.DONE
    assert (tmp_path / "s" / "result.json").is_file()
    assert process.said() == ""


def test_a_slice_that_is_ended_is_gone(begin: Callable[..., SliceProcess], tmp_path: Path) -> None:
    process = begin(_spec(tmp_path / "s"))
    _until(lambda: bool(list((tmp_path / "s").glob("inputs/*"))))
    assert process.memory_mb() > 1
    process.end()
    assert not psutil.pid_exists(process.pid)
    assert process.memory_mb() == 0.0
    process.end()


def test_of_a_flood_the_end_is_kept(begin: Callable[..., SliceProcess], tmp_path: Path) -> None:
    process = begin(_spec(tmp_path / "s", engine="odd_engines:FLOOD", seconds=0.2))
    _until(lambda: process.status() is not None)
    assert process.status() == Exit.DONE
    assert process.said().startswith("...")
    assert len(process.said()) < 70_000


def test_whose_starter_is_gone_ends(tmp_path: Path) -> None:
    """By the pipe alone, as on systems where the kernel does not help."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", "--watched", _spec(tmp_path / "s")],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        _until(lambda: bool(list((tmp_path / "s").glob("inputs/*"))))
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(_WAIT) == ABANDONED
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def test_without_being_watched_a_closed_input_means_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", _spec(tmp_path / "s", seconds=0.5)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_WAIT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (Exit.DONE, "")


def test_one_input_alone(begin: Callable[..., SliceProcess], tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"\x00\x00")
    process = begin("--once", str(tmp_path / "input"), _spec(tmp_path / "s", engine="portable"))
    _until(lambda: process.status() is not None)
    assert (process.status(), process.said()) == (Exit.DONE, "")


def test_plants_are_named(begin: Callable[..., SliceProcess], tmp_path: Path) -> None:
    names = ("small.right", "small.other")
    process = begin(*(word for name in names for word in ("--plants", name)), _spec(tmp_path / "s"))
    _until(lambda: process.status() is not None)
    assert process.status() == Exit.DONE, process.said()
    found = msgspec.json.decode((tmp_path / "s" / "plants.json").read_bytes(), type=dict[str, list[str]])
    assert tuple(found) == names
    for groups in found.values():
        assert groups
        assert all(name.startswith("small_parser:") for group in groups for name in group.split("+"))


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"engine": "nothing"}, Exit.USAGE, "nothing"),
        ({"target": "small.unknown"}, Exit.USAGE, "small.unknown"),
        ({"module": "no.such"}, Exit.USAGE, "no.such"),
        ({"engine": "odd_engines:TROUBLE"}, Exit.TROUBLE, "unwell"),
    ],
)
def test_what_goes_wrong_is_said_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], status: Exit, word: str
) -> None:
    assert main([_spec(tmp_path / "s", **changes)]) == status
    assert word in capsys.readouterr().err


def test_orders_that_are_none_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json")]) == Exit.TROUBLE
    assert "none.json" in capsys.readouterr().err


def test_a_campaign_is_held_once(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    assert not is_held(folder)
    with Lock(folder):
        assert is_held(folder)
        with pytest.raises(UsageError, match="being run by process"), Lock(folder):
            pass
        assert is_held(folder)
    assert not is_held(folder)
    with Lock(folder):
        assert is_held(folder)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from ipc_gauntlet.fuzz.campaign.lock import Lock; "
        "lock = Lock(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {process.pid}"):
            Lock(tmp_path)
        process.kill()
        process.wait()
    with Lock(tmp_path):
        pass


def test_what_dead_writers_left_is_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old, young, ours = (
        tmp_path / f".{name}.{pid}" for name, pid in (("a", gone.pid), ("b", gone.pid), ("c", os.getpid()))
    )
    input_, hidden = tmp_path / ("a" * 64), tmp_path / ".probe"
    for path in (old, young, ours, input_, hidden):
        path.write_bytes(b"x")
    now = time.time()
    os.utime(old, (now - 100, now - 100))
    os.utime(ours, (now - 100, now - 100))
    assert sweep([tmp_path, tmp_path / "none"], now) == 1
    assert {path.name for path in tmp_path.iterdir()} == {young.name, ours.name, input_.name, hidden.name}
