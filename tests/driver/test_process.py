"""Process trees below the driver protocol: marks, pipes, exit statuses."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest
from systems import KILLED, WINDOWS, needs_fork

from ipc_gauntlet.driver import process_bsd
from ipc_gauntlet.driver.process import DriverProcess, Launch, spawn

Spawn = Callable[[str], DriverProcess]


@pytest.fixture
def start() -> Spawn:
    """Start a Python program."""

    def run(program: str) -> DriverProcess:
        argv = (sys.executable, "-c", program)
        return spawn(Launch(sys.executable, argv, None, dict(os.environ)))

    return run


def read_line(process: DriverProcess) -> bytes:
    """Read standard output up to a newline, or to its end."""
    deadline = time.monotonic() + 10
    line = b""
    while not line.endswith(b"\n"):
        assert time.monotonic() < deadline
        try:
            piece = process.stdout.read(1)
        except BlockingIOError:
            time.sleep(0.001)
            continue
        if not piece:
            break
        line += piece
    return line


@pytest.mark.skipif(WINDOWS, reason="on Windows a job object holds the tree, and nothing needs a mark")
def test_a_process_leads_a_session_and_carries_the_mark(start: Spawn) -> None:
    """The mark is in the environment and, on Linux, in a resource limit that `env -i` cannot drop."""
    process = start("import os; print(os.getsid(0) == os.getpid(), os.environ['IPC_GAUNTLET_DRIVER'])")
    try:
        leads, mark = read_line(process).decode().split()
        assert leads == "True"
        assert len(mark) >= 8
    finally:
        process.kill()


def test_the_exit_status_is_known_before_and_after_the_process_is_collected(start: Spawn) -> None:
    """Asking does not collect the process, and killing what has ended does not change how it ended."""
    process = start("raise SystemExit(7)")
    assert process.wait(10) == 7
    assert process.exit_status() == 7
    process.kill()
    assert process.exit_status() == 7
    process.kill()


def test_waiting_for_a_process_that_stays_ends_in_time(start: Spawn) -> None:
    """The wait is bounded, and the process goes on."""
    process = start("import time; time.sleep(600)")
    try:
        assert process.wait(0.01) is None
        assert process.exit_status() is None
    finally:
        process.kill()
    assert process.exit_status() == KILLED


def test_the_pipes_end_with_the_process(start: Spawn) -> None:
    """They are closed each on its own."""
    process = start("import sys; sys.stdin.read()")
    process.close_stdin()
    process.close_stdin()
    assert process.stdin.closed
    assert not process.stdout.closed
    assert process.wait(10) == 0
    process.kill()
    assert process.stdout.closed
    assert process.stderr.closed


@needs_fork
def test_living_children_are_told_from_zombies(start: Spawn) -> None:
    """A child that has ended and was not collected by its parent is not left behind, it is over."""
    program = (
        "import os, time\n"
        "zombie = os.fork() or os._exit(0)\n"
        "living = os.fork() or time.sleep(600)\n"
        "os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)\n"
        "print(living, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = start(program)
    try:
        living = int(read_line(process))
        assert process.others() == [living]
    finally:
        process.kill()
    assert not psutil.pid_exists(living)


@pytest.mark.skipif(WINDOWS, reason="the method of POSIX systems without /proc")
def test_marks_in_the_environment_find_a_tree() -> None:
    """The method of systems without /proc: descendants by their parent, others by the variable, strangers never."""
    marker = process_bsd.Marker()
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    marked = subprocess.Popen(argv, env={**os.environ, **marker.environment})
    leader = subprocess.Popen(argv)
    stranger = subprocess.Popen(argv)
    try:
        deadline = time.monotonic() + 10
        while marked.pid not in marker.find(leader.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert marker.find(leader.pid) == [marked.pid]
        assert {marked.pid, leader.pid, stranger.pid} <= set(marker.find(os.getpid()))
        assert marker.peek(marked) is None
        marked.kill()
        marked.wait()
        assert marker.peek(marked) == -9
        assert marker.find(leader.pid) == []
    finally:
        for process in (marked, leader, stranger):
            process.kill()
            process.wait()


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # from 3.12: we mean this fork
def test_a_fork_of_the_harness_does_not_kill_its_drivers(start: Spawn) -> None:
    """Only the process that started a driver may end it; its forks share the object, not the duty."""
    process = start("import time; time.sleep(600)")
    try:
        child = os.fork()
        if child == 0:
            process.kill()
            os._exit(0)
        os.waitpid(child, 0)
        assert process.exit_status() is None
    finally:
        process.kill()
