"""Silences: how long they have to last, and what makes them shorter."""

import os
import sys
import time

import pytest

from ipc_gauntlet.driver.idleness import cpu_time, sleeps
from ipc_gauntlet.lab.quiet import Stillness

LINUX = sys.platform == "linux"


class Machine:
    """Processes whose CPU time and sleep the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used: int | None = 0
        self.asleep = True
        self.moved = 0
        monkeypatch.setattr("ipc_gauntlet.lab.quiet.cpu_time", lambda _: self.used)
        monkeypatch.setattr("ipc_gauntlet.lab.quiet.sleeps", lambda _: self.asleep)

    def stillness(self) -> Stillness:
        """A silence of 10 seconds, or of 2 if the processes sleep, from moment 0 on."""
        return Stillness(lambda: self.moved, [1, None], began=0.0, full_s=10.0, proven_s=2.0)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that the test makes up."""
    return Machine(monkeypatch)


def test_sleeping_processes_make_it_short(machine: Machine) -> None:
    """With proof the short silence is enough, and not a moment less."""
    still = machine.stillness()
    assert still.next_look() == 1.0
    assert not still.look(1.0)
    assert still.next_look() == 2.0
    assert not still.look(1.9)
    assert still.look(2.0)


@pytest.mark.parametrize("why", ["busy", "awake", "unknown"])
def test_without_proof_it_takes_the_long_silence(machine: Machine, why: str) -> None:
    """A process that used CPU time, is awake, or cannot be looked at, may still have something to say."""
    machine.asleep = why != "awake"
    machine.used = None if why == "unknown" else 0
    still = machine.stillness()
    for moment in (2.0, 4.0, 6.0, 8.0):
        if why == "busy":
            assert machine.used is not None
            machine.used += 1
        assert not still.look(moment)
    assert still.look(10.0)


def test_what_moves_begins_it_anew(machine: Machine) -> None:
    """A byte or a notification ends a silence; the next one counts from there."""
    still = machine.stillness()
    machine.moved = 1
    assert still.moved()
    assert not still.look(1.5)
    assert not still.moved()
    assert not still.look(3.0)
    assert still.look(5.0)


@pytest.mark.skipif(not LINUX, reason="only Linux tells")
def test_this_process_is_not_asleep() -> None:
    """A process that looks at itself runs, and its CPU time grows."""
    before = cpu_time(os.getpid())
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    after = cpu_time(os.getpid())
    assert before is not None
    assert after is not None
    assert after > before
    assert not sleeps(os.getpid())


def test_a_process_that_is_gone_proves_nothing() -> None:
    """No such process: nothing can be told."""
    assert not sleeps(2**22 + 1)
    assert cpu_time(2**22 + 1) is None
