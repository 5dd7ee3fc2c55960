"""Drivers that misbehave: each is named, told apart, bounded, and gone afterwards with all of its processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable

import psutil
import pytest
from systems import WINDOWS, WINE, needs_fork

from ipc_gauntlet.driver import Driver, DriverCommand
from ipc_gauntlet.errors import (
    CallFailed,
    DriverDied,
    DriverError,
    DriverFlood,
    DriverProtocolError,
    DriverStartError,
    DriverTimeout,
)
from ipc_gauntlet.reactor import Reactor

MakeDriver = Callable[..., Driver]

CONHOST = "under Wine the process that plays the console of a program holds its pipes as well"
KILL = 9
"""SIGKILL; on Windows any number ends a process, and is its exit status."""


def processes_with(word: str) -> list[psutil.Process]:
    """Find processes by a word on their command line."""
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if word in (process.info["cmdline"] or [])]


CANNOT_START = [
    ("prints_junk", "not JSON.*Hello! This driver"),
    ("floods", "a line of more than"),
    ("closes_stdout", "closed its standard output, but still runs"),
    ("exits", r"exit status 3(.|\n)*cannot open /etc/my-ipc.conf"),
    ("no_statement", '"protocol" is None'),
    ("refuses_to_describe", "refused `describe`.*what is describe"),
]

CRASHED = r"status 0xC0000005 \(access violation\)" if WINDOWS else r"signal 11 \(SIGSEGV\)"
BREAKS = [
    ("wrong_ids", DriverProtocolError, "answered request 1002, which was answered already or never made"),
    ("cannot_read", DriverProtocolError, "could not read a request of ours, and said: what a mess"),
    ("invalid_utf8", DriverProtocolError, "not UTF-8"),
    ("deep_json", DriverProtocolError, "nested too deeply"),
    ("huge_integer", DriverProtocolError, "not a JSON-RPC message|not JSON|never made"),
    ("not_a_number", DriverProtocolError, "not JSON"),
    ("lies_about_results", DriverProtocolError, "answer to `listen` is not usable"),
    ("invents_notifications", DriverProtocolError, "unknown notification 'delivred'(.|\n)*delivered"),
    ("misspells_reasons", DriverProtocolError, "`closed` is not usable.*bad_mac"),
    (
        "dies_in_the_middle",
        DriverDied,
        CRASHED + r"(.|\n)*assertion failed while working on listen",
    ),
    ("half_line_and_exit", DriverDied, "exit status 0, after half a line: .*res"),
    ("long_line", DriverFlood, "a line of more than 8388608 bytes"),
]


def assert_names_driver(error: DriverError, driver: Driver) -> None:
    """Every message says which driver, what happened, and what to do."""
    text = str(error)
    assert text.startswith(f"driver {driver.label} ({driver.command}): ")
    assert "  try: " in text
    assert "standard error" in text


@pytest.mark.parametrize(("name", "text"), CANNOT_START, ids=[name for name, _ in CANNOT_START])
def test_a_driver_that_cannot_be_started_says_why(make_driver: MakeDriver, name: str, text: str) -> None:
    """What goes wrong before there is a statement is a DriverStartError, and leaves nothing behind."""
    if WINE and name == "closes_stdout":
        pytest.skip(CONHOST)
    driver = make_driver(name)
    with pytest.raises(DriverStartError, match=text) as caught:
        driver.start()
    assert_names_driver(caught.value, driver)
    assert not driver.alive
    assert driver.pid is None


@pytest.mark.parametrize(("name", "kind", "text"), BREAKS, ids=[name for name, _, _ in BREAKS])
def test_a_driver_that_breaks_fails_the_call_and_stays_failed(
    make_driver: MakeDriver, name: str, kind: type[DriverError], text: str
) -> None:
    """The first failure ends the process, is raised by the call, and by every later one until a restart."""
    driver = make_driver(name)
    driver.start()
    with pytest.raises(kind, match=text) as caught:
        driver.call("listen")
    assert_names_driver(caught.value, driver)
    assert driver.failure is caught.value
    assert not driver.alive
    assert driver.submit("listen").error is caught.value
    with pytest.raises(kind, match=text):
        driver.check()
    driver.ensure_alive()
    assert driver.alive
    assert driver.failure is None
    assert driver.restarts == 1


@pytest.mark.parametrize("name", ["hangs_in_describe"])
def test_a_driver_that_never_describes_itself_is_given_up_in_time(make_driver: MakeDriver, name: str) -> None:
    """The start has a deadline of its own."""
    driver = make_driver(name, start_s=0.3)
    with pytest.raises(DriverStartError, match=r"`describe` within 0\.3 s") as caught:
        driver.start()
    assert_names_driver(caught.value, driver)


@pytest.mark.parametrize("name", ["hangs_in_the_middle", "burns", "half_line", "never_reads"])
def test_a_driver_that_does_not_answer_costs_one_timeout_and_is_replaced_by_reset(
    make_driver: MakeDriver, name: str
) -> None:
    """A timeout names the method; the next reset replaces the process."""
    driver = make_driver(name, call_s=0.2, grace_s=0.2)
    driver.start()
    first = driver.pid
    with pytest.raises(DriverTimeout, match=r"`inspect` within 0\.2 s") as caught:
        driver.call("inspect", {"what": ["ledger"]})
    assert_names_driver(caught.value, driver)
    driver.reset()
    assert driver.alive
    assert driver.pid != first
    assert driver.restarts == 1
    assert "`reset` within 0.2 s" in driver.restart_reasons[0]


def test_a_driver_that_does_not_read_never_blocks_us_and_is_given_up(
    make_driver: MakeDriver, reactor: Reactor
) -> None:
    """Requests wait in a bounded buffer, submitting them does not block, and the timeout tells how much waits."""
    driver = make_driver("never_reads", unread_bytes=3_000_000, grace_s=0.1)
    driver.start()
    payload = bytes(750_000)
    driver.submit("send", {"conn": "c1", "payload": payload})
    with pytest.raises(DriverTimeout, match=r"has not read [0-9]{6,} bytes of requests"):
        driver.call("send", {"conn": "c1", "payload": payload}, timeout=0.05)
    calls = [driver.submit("send", {"conn": "c1", "payload": payload}) for _ in range(2)]
    assert isinstance(calls[-1].error, DriverProtocolError)
    with pytest.raises(DriverProtocolError, match="does not read its standard input"):
        calls[0].result()


@pytest.mark.skipif(WINE, reason=CONHOST)
def test_a_driver_that_closes_its_input_is_given_up(make_driver: MakeDriver) -> None:
    """Closing standard input is an end, although the process lives and its output is open."""
    driver = make_driver("closes_stdin")
    driver.start()
    with pytest.raises(DriverDied, match="closed its standard input"):
        driver.call("reset")


def test_an_answer_that_comes_twice_fails_the_next_wait(make_driver: MakeDriver) -> None:
    """The first answer counts; the second one makes the driver unusable."""
    driver = make_driver("answers_twice")
    driver.start()
    assert driver.call("close", {"conn": "c1"}) == {}
    with pytest.raises(DriverProtocolError, match="answered already"):
        driver.call("close", {"conn": "c1"})


def test_a_driver_that_cannot_reset_is_replaced(make_driver: MakeDriver) -> None:
    """An error answer to reset is as good as a crash: what is left of the last case is unknown."""
    driver = make_driver("never_resets")
    driver.start()
    driver.reset()
    assert driver.restarts == 1
    assert "not now" in driver.restart_reasons[0]
    with pytest.raises(CallFailed, match="internal: not now"):
        driver.call("reset")


def test_one_huge_line_takes_bounded_memory(make_driver: MakeDriver) -> None:
    """Of a line of 100 MB, never much more than the limit is held."""
    driver = make_driver("long_line", line_bytes=1_000_000)
    driver.start()
    tracemalloc.start()
    try:
        with pytest.raises(DriverFlood, match="1000000 bytes"):
            driver.call("close")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "limits", "text"),
    [
        ("many_lines", {"output_bytes": 4_000_000}, "more than 4000000 bytes in one case"),
        ("many_notifications", {"notifications": 2000}, "more than 2000 notifications in one case"),
        ("floods_stderr", {"output_bytes": 4_000_000}, "more than 4000000 bytes in one case"),
    ],
)
def test_floods_end_at_their_limit(
    make_driver: MakeDriver, name: str, limits: dict[str, float], text: str
) -> None:
    """Output that is valid, or not even for us, has limits too."""
    driver = make_driver(name, **limits)
    driver.start()
    driver.submit("close", {"conn": "c1"})
    with pytest.raises(DriverFlood, match=text):
        driver.wait_until(lambda: False, 30)
    assert len(driver.observations) <= 2000
    assert len(driver.stderr_tail) <= 65536


def test_limits_are_per_case(make_driver: MakeDriver, reactor: Reactor) -> None:
    """Reset renews the budget: more than the limit in many cases together is fine."""
    driver = make_driver("plain", output_bytes=2000)
    driver.start()
    for _ in range(30):
        driver.reset()
        driver.call("describe")
    assert driver.restarts == 0


def test_too_many_open_requests_end_the_driver(make_driver: MakeDriver) -> None:
    """Requests that are never answered are bounded as well."""
    driver = make_driver("hangs_in_the_middle", unanswered=10, grace_s=0.1)
    driver.start()
    calls = [driver.submit("send", {"conn": "c1", "payload": b""}) for _ in range(11)]
    assert isinstance(calls[-1].error, DriverProtocolError)
    assert all(call.done for call in calls)


@pytest.mark.parametrize(
    "name", ["daemon_escapes", "child_keeps_pipe", "daemon_dies_first", "forks_often", "stays"]
)
@pytest.mark.parametrize("how", ["close", "kill"])
def test_no_process_of_a_tree_survives(make_driver: MakeDriver, name: str, how: str) -> None:
    """Whatever a driver started, and wherever it hides, is gone afterwards (see the fixture)."""
    driver = make_driver(name, grace_s=0.2)
    driver.start()
    getattr(driver, how)()
    assert not driver.alive
    assert driver.exit_status is not None
    getattr(driver, how)()


def test_a_child_that_keeps_the_pipe_open_does_not_hide_the_end_of_its_parent(
    make_driver: MakeDriver,
) -> None:
    """The standard output stays open, and yet the death of the driver is noticed by the next case."""
    driver = make_driver("child_keeps_pipe", call_s=0.3)
    driver.start()
    driver.submit("send", {"conn": "c1", "payload": b""})
    driver.wait_until(lambda: not driver.alive, 0.3)
    assert not driver.alive
    driver.ensure_alive()
    assert driver.alive
    assert driver.restarts == 1


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # from 3.12: we mean this fork
def test_processes_of_others_are_left_alone(make_driver: MakeDriver, reactor: Reactor) -> None:
    """Neither another driver nor an orphan that somebody else left to us is touched."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # leaves a grandchild behind, which becomes ours once we are a subreaper
        os.setsid()
        grandchild = os.fork()
        if grandchild == 0:
            signal.pause()
        os.write(writer, str(grandchild).encode())
        os._exit(0)
    other = make_driver("daemon_escapes", grace_s=0.1)
    driver = make_driver("daemon_escapes", grace_s=0.1)
    other.start()
    driver.start()
    os.waitpid(child, 0)
    orphan = int(os.read(reader, 20))
    os.close(reader)
    os.close(writer)
    try:
        driver.close()
        assert other.alive
        assert other.call("reset") == {}
        assert psutil.pid_exists(orphan)
        assert psutil.Process(orphan).status() != psutil.STATUS_ZOMBIE
    finally:
        os.kill(orphan, signal.SIGKILL)
        os.waitpid(orphan, 0)


def test_the_end_of_the_harness_ends_the_driver(command: Callable[[str], DriverCommand], token: str) -> None:
    """A harness that is killed with SIGKILL takes its driver along, even one that ignores polite requests."""
    program = f"""
import os, signal
from ipc_gauntlet.driver import Driver, DriverCommand
from ipc_gauntlet.reactor import new_reactor
driver = Driver(DriverCommand({command("burns").argv!r}), new_reactor(), label="server")
driver.start()
driver.submit("reset")
print(driver.pid, flush=True)
os.kill(os.getpid(), {KILL:d})
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    assert done.returncode == (KILL if WINDOWS else -KILL)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    if not WINDOWS:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # it is ours to collect if an earlier test made us a subreaper


def test_a_forgotten_driver_ends_with_the_interpreter(
    command: Callable[[str], DriverCommand], token: str
) -> None:
    """A program that never closes its driver leaves nothing behind either."""
    program = f"""
from ipc_gauntlet.driver import Driver, DriverCommand
from ipc_gauntlet.reactor import new_reactor
driver = Driver(DriverCommand({command("daemon_escapes").argv!r}), new_reactor(), label="server")
driver.start()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert processes_with(token) == []
