"""Processes that die by the hardest death there is: nothing is lost, nothing lives on."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fuzz_campaigns
import msgspec
import psutil
import pytest
from fuzz_campaigns import TOYS, command, environment, start

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import status
from ipc_gauntlet.fuzz.campaign.lock import is_held
from ipc_gauntlet.fuzz.campaign.places import standing
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.corpus.store import Store

_WAIT = 60.0
_STEADY = ("--engine", "odd_engines:STEADY", "--no-canary", "--jobs", "2", "--slice", "600s")


@pytest.fixture
def started() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts commands, and ends what is left of them after the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, store: Store) -> "subprocess.Popen[str]":
        running.append(start(*arguments, store=store))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def _until(true: Callable[[], bool]) -> None:
    """Wait until something holds; fail if it never does."""
    deadline = time.monotonic() + _WAIT
    while not true():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def _inputs(folder: Path) -> set[str]:
    """Names of the inputs that slices have written; folders come and go meanwhile."""
    found: set[str] = set()
    slices = folder / "slices"
    for one in slices.iterdir() if slices.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            found.update(path.name for path in (one / "inputs").iterdir() if not path.name.startswith("."))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _now(folder: Path, since: float = 0.0) -> status.Status | None:
    """What a campaign says of itself, if it has said something since that time."""
    try:
        found = status.read(folder)
    except GauntletError:
        return None
    return found if found.updated > since else None


def _fuzzing(folder: Path, since: float = 0.0) -> list[status.Running]:
    """What runs for a campaign, if it has said something since that time."""
    now = _now(folder, since)
    return [one for one in now.running if one.executions] if now is not None else []


def _end_well(name: str, store: Store) -> None:
    """Run a campaign once more, to its end."""
    done = subprocess.run(
        command("--name", name, "--time", "1s", *_STEADY, store=store),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_WAIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_five_times_it_loses_nothing(
    started: Callable[..., "subprocess.Popen[str]"], store: Store
) -> None:
    folder = store.campaigns / "night"
    rng = random.Random(20261127)  # noqa: S311 - moments, not secrets
    seen: set[str] = set()
    for _ in range(5):
        begun = time.time()
        started("--name", "night", "--time", "600s", *_STEADY, store=store)
        _until(lambda begun=begun: len(_fuzzing(folder, begun)) == 2 and len(_inputs(folder)) > 5)  # type: ignore[misc]
        now = _now(folder, begun)
        assert now is not None
        pids = [one.pid for one in now.running]
        time.sleep(rng.uniform(0, 0.5))
        if rng.random() < 0.5:
            _kill(rng.choice(pids))
            time.sleep(rng.uniform(0, 0.3))
        _kill(now.pid)
        _until(lambda pids=(*pids, now.pid): not any(map(_is_alive, pids)))  # type: ignore[misc]
        seen |= _inputs(folder)
        assert not is_held(folder)
        assert standing(folder).phase == "killed"
    assert len(seen) > 30
    _end_well("night", store)
    assert seen <= {path.name for path in store.paths("small.right")}
    assert list((folder / "slices").iterdir()) == []
    with State.open(folder) as state:
        (target,) = state.targets()
    # Each of those inputs stands for ten executions of a slice, whose last second may not have been written down.
    assert target.executions > 0
    assert target.slices >= 10


def _kill(pid: int) -> None:
    psutil.Process(pid).kill()


def test_a_second_supervisor_is_refused(
    started: Callable[..., "subprocess.Popen[str]"], store: Store
) -> None:
    folder = store.campaigns / "one"
    first = started("--name", "one", "--time", "600s", *_STEADY, store=store)
    _until(lambda: bool(_fuzzing(folder)))
    second = subprocess.run(
        command("--name", "one", "--time", "1s", *_STEADY, store=store),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_WAIT,
        check=False,
    )
    assert second.returncode == 2
    assert f"by process {first.pid}" in second.stderr.replace("\n", " ")
    assert "--name" in second.stderr
    assert first.poll() is None
    assert is_held(folder)
    assert standing(folder).phase == "running"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_asked_to_stop_it_keeps_everything(
    started: Callable[..., "subprocess.Popen[str]"], store: Store, name: str
) -> None:
    import signal

    folder = store.campaigns / "stop"
    process = started("--name", "stop", "--time", "forever", *_STEADY, store=store)
    _until(lambda: len(_inputs(folder)) > 5)
    seen = _inputs(folder)
    process.send_signal(getattr(signal, name))
    text, _ = process.communicate(timeout=_WAIT)
    assert process.returncode == 130
    assert "STOPPED" in text
    assert "go on with: ipc-gauntlet fuzz run --name stop" in text
    assert seen <= {path.name for path in store.paths("small.right")}
    end = msgspec.json.decode((folder / "status.json").read_bytes(), type=status.Status)
    assert (end.phase, end.exit_status, end.running) == ("stopped", 130, ())


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_a_read_only_store_is_refused(store: Store) -> None:
    store.root.mkdir()
    store.root.chmod(0o555)
    # Root may write anywhere as long as it has the capability for it.
    bound = (
        "import ctypes, os, sys; os.geteuid() or ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", bound, *command("--time", "5s", *_STEADY, store=store)[1:]],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_WAIT,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "--store" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(store.root.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_files_that_may_not_grow_stop_it_and_lose_nothing(store: Store) -> None:
    """As a full disk: the database cannot be written any more, at whatever moment that comes."""
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "from ipc_gauntlet.cli import main; main(sys.argv[1:])"
    )
    words = command("--name", "full", "--time", "40s", *_STEADY, store=store)
    words[words.index("600s")] = "0.5s"
    done = subprocess.run(
        [words[0], "-c", limited, *words[words.index("fuzz") :]],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=2 * _WAIT,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "free space" in done.stderr
    assert "Traceback" not in done.stderr
    folder = store.campaigns / "full"
    seen = _inputs(folder)
    _end_well("full", store)
    assert seen <= {path.name for path in store.paths("small.right")}


def _may_mount() -> bool:
    words = ["unshare", "--map-root-user", "--mount", "true"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(words, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(
    not _may_mount(), reason="a disk of its own needs user namespaces; the test above needs none"
)
def test_a_disk_that_is_really_full_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" "$3" "$1"'
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(disk), sys.executable]
    support = Path(fuzz_campaigns.__file__).parent
    done = subprocess.run(
        [*words, str(TOYS / "fill_disk.py")],
        env={**environment(), "PYTHONPATH": os.pathsep.join([str(TOYS), str(support)])},
        capture_output=True,
        text=True,
        timeout=3 * _WAIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "No space left" in told["said"] or "full" in told["said"]
    assert "free space" in told["said"]
    assert told["kept"] > 20
    assert (told["whole"], told["lost"], told["after"], told["phase"]) == (True, 0, 0, "ended")
