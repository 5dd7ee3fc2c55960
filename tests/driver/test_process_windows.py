"""Process trees in job objects."""

import os
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from systems import KILLED, WINDOWS

from ipc_gauntlet.driver.process import DriverProcess, Launch, spawn
from ipc_gauntlet.errors import HarnessError

if sys.platform == "win32":
    from ipc_gauntlet.windows import jobs, pipe

pytestmark = pytest.mark.skipif(not WINDOWS, reason="job objects are a thing of Windows")

Start = Callable[[str], DriverProcess]
WAIT_S = 30
TREE = """
import subprocess, sys, time
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
none = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
one = subprocess.Popen(sleep, creationflags=subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP, **none)
program = f"import subprocess; print(subprocess.Popen({sleep!r}, **{none!r}).pid)"
middle = subprocess.run([sys.executable, "-S", "-c", program], stdout=subprocess.PIPE)
print(one.pid, middle.stdout.decode().strip(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program; whatever it is, it is gone after the test."""
    made: list[DriverProcess] = []

    def run(program: str) -> DriverProcess:
        made.append(spawn(Launch(sys.executable, (sys.executable, "-c", program), None, dict(os.environ))))
        return made[-1]

    yield run
    for process in made:
        process.kill()


def line_of(process: DriverProcess) -> bytes:
    """Read standard output up to a newline."""
    deadline, line = time.monotonic() + WAIT_S, b""
    while not line.endswith(b"\n"):
        assert time.monotonic() < deadline
        try:
            line += process.stdout.read(1000)
        except BlockingIOError:
            time.sleep(0.01)
    return line


def is_broken(process: DriverProcess) -> bool:
    """Whether writing fails soon, after the program has ended, and under Wine the process that plays its console too."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            process.stdin.write(b"x")
        except BlockingIOError:
            pass
        except BrokenPipeError:
            return True
        time.sleep(0.01)
    return False


def gone(pid: int) -> bool:
    """Whether a process ends soon."""
    deadline = time.monotonic() + WAIT_S
    while psutil.pid_exists(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_tree_is_seen_and_ended(start: Start) -> None:
    """Also who was detached, and who has lost its parent."""
    process = start(TREE)
    detached, orphan = map(int, line_of(process).split())
    assert {detached, orphan} <= set(process.others())
    process.kill()
    assert process.exit_status() == KILLED
    assert process.others() == []
    assert gone(detached)
    assert gone(orphan)


def test_the_tree_ends_with_the_last_handle_of_its_job(start: Start) -> None:
    """Which is what happens when the harness dies without a word."""
    process = start(TREE)
    pids = [process.pid, *map(int, line_of(process).split())]
    assert isinstance(process._job, jobs.Job)  # type: ignore[attr-defined]
    process._job.close()  # type: ignore[attr-defined]
    assert all(gone(pid) for pid in pids)
    assert process.wait(WAIT_S) is not None
    process._gone = True  # type: ignore[attr-defined]


def test_a_program_that_cannot_be_put_under_control_is_ended(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never ran: it was suspended until then."""
    seen: list[int] = []

    def refuse(_job: object, pid: int) -> None:
        seen.append(pid)
        raise PermissionError("no more jobs")

    monkeypatch.setattr(jobs.Job, "add", refuse)
    with pytest.raises(HarnessError, match="cannot be put under control: no more jobs"):
        start("open('ran', 'w')")
    (pid,) = seen
    assert gone(pid)


def test_pipes_of_a_program_are_private_and_given_back(start: Start) -> None:
    """What is written arrives, ends are seen, and a broken pipe says so."""
    process = start(
        "import sys; sys.stdout.write(sys.stdin.readline()); sys.stdin.close(); sys.stdout.flush()"
    )
    assert isinstance(process.stdin, pipe.OverlappedPipe)
    assert process.stdin.write(b"echo\n") == 5
    assert line_of(process).strip() == b"echo"
    assert process.wait(WAIT_S) == 0
    assert is_broken(process)
    assert process.stdout.read(10) == b""
    process.kill()
    assert process.stdin.closed
    assert process.stdout.closed


def test_a_program_is_not_in_the_group_of_the_harness(monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    """So that Ctrl-C and Ctrl-Break do not reach it, and no window opens: the flags say it."""
    import subprocess

    asked: list[int] = []
    real = subprocess.Popen

    def note(*args: object, creationflags: int, **more: object) -> object:
        asked.append(creationflags)
        return real(*args, creationflags=creationflags, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", note)
    start("pass").wait(WAIT_S)
    assert asked == [0x4 | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW]
