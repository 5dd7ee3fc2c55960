"""Both clocks: calls at the right time, in the right order, and none that was cancelled."""

import threading
import time

import pytest

from sipc_runtime.clock import SystemClock, VirtualClock

TICK = 0.001


def test_virtual_time_stands_still() -> None:
    """Nothing moves without being told."""
    clock = VirtualClock(10.0, 100.0)
    assert (clock.monotonic(), clock.wall()) == (10.0, 100.0)
    clock.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (12.5, 102.5)


def test_stepping_the_wall_moves_the_wall_only() -> None:
    """Timers do not notice a step of the wall clock."""
    clock = VirtualClock(10.0, 100.0)
    rung: list[float] = []
    clock.call_at(11.0, lambda: rung.append(clock.monotonic()))
    clock.step_wall(3600.0)
    assert (clock.monotonic(), clock.wall(), rung) == (10.0, 3700.0, [])


@pytest.mark.parametrize("ticks", [1, 7, 300, 1000])
def test_virtual_alarms_are_exact(ticks: int) -> None:
    """Not one tick early, however many steps were made before."""
    clock = VirtualClock()
    rung: list[float] = []
    due = clock.monotonic() + ticks * TICK
    clock.call_at(due, lambda: rung.append(clock.monotonic()))
    for _ in range(ticks - 1):
        clock.advance(TICK)
    assert rung == []
    clock.advance(TICK)
    assert rung == [due]


def test_virtual_alarms_ring_in_order_at_their_own_time() -> None:
    """An alarm that sets another within the same advance has it rung as well."""
    clock = VirtualClock(0.0)
    rung: list[tuple[str, float]] = []

    def first() -> None:
        rung.append(("first", clock.monotonic()))
        clock.call_at(2.0, lambda: rung.append(("set by first", clock.monotonic())))

    clock.call_at(3.0, lambda: rung.append(("last", clock.monotonic())))
    clock.call_at(1.0, first)
    clock.advance(10.0)
    assert rung == [("first", 1.0), ("set by first", 2.0), ("last", 3.0)]
    assert clock.monotonic() == 10.0


def test_a_cancelled_alarm_does_not_ring() -> None:
    """Cancelling twice, or after ringing, does nothing."""
    clock = VirtualClock(0.0)
    rung: list[str] = []
    alarm = clock.call_at(1.0, lambda: rung.append("cancelled"))
    other = clock.call_at(1.0, lambda: rung.append("rung"))
    alarm.cancel()
    clock.advance(2.0)
    alarm.cancel()
    other.cancel()
    assert rung == ["rung"]


def test_many_cancelled_alarms_do_not_pile_up() -> None:
    """Memory follows the alarms that are live."""
    clock = VirtualClock(0.0)
    for number in range(10_000):
        clock.call_at(1e6 + number, lambda: None).cancel()
    assert len(clock._alarms._entries) < 600


def test_a_failing_callback_does_not_stop_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported, and the next one rings."""
    clock = VirtualClock(0.0)
    rung: list[str] = []

    def fail() -> None:
        raise RuntimeError("this callback fails")

    clock.call_at(1.0, fail)
    clock.call_at(2.0, lambda: rung.append("rung"))
    clock.advance(3.0)
    assert rung == ["rung"]
    assert "this callback fails" in capsys.readouterr().err


def test_waiting_for_virtual_time() -> None:
    """A waiting thread wakes up when the time has come, and not before."""
    clock = VirtualClock(0.0)
    woken = threading.Condition()
    times: list[float] = []
    waiting = threading.Event()

    def wait() -> None:
        with woken:
            waiting.set()
            while clock.monotonic() < 5.0:
                clock.wait(woken, 5.0)
            times.append(clock.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    clock.advance(4.999)
    assert times == []
    clock.advance(0.001)
    thread.join(5.0)
    assert times == [5.0]


def test_waiting_for_a_time_that_has_passed() -> None:
    """There is nothing to wait for."""
    clock = VirtualClock(10.0)
    woken = threading.Condition()
    with woken:
        clock.wait(woken, 10.0)
    real = SystemClock()
    with woken:
        real.wait(woken, real.monotonic())


def test_real_alarms_are_never_early() -> None:
    """Each rings at its time or later, in order."""
    clock = SystemClock()
    rung: list[tuple[float, float]] = []
    done = threading.Event()
    start = clock.monotonic()

    def ring(due: float) -> None:
        rung.append((due, clock.monotonic()))
        if len(rung) == 3:
            done.set()

    for delay in (0.03, 0.01, 0.02):
        due = start + delay
        clock.call_at(due, lambda due=due: ring(due))
    assert done.wait(20.0)
    assert [due for due, _ in rung] == sorted(due for due, _ in rung)
    assert all(now >= due for due, now in rung)
    clock.close()


def test_the_thread_of_the_real_clock_ends_with_it() -> None:
    """A closed clock has no thread and rings nothing."""
    clock = SystemClock()
    rung: list[str] = []
    clock.call_at(clock.monotonic() + 3600.0, lambda: rung.append("late"))
    clock.close()
    clock.call_at(clock.monotonic(), lambda: rung.append("after the end"))
    clock.close()
    assert rung == []


def test_an_earlier_real_alarm_wakes_the_thread() -> None:
    """An alarm that is due before the one the thread sleeps for is not late by that much."""
    clock = SystemClock()
    clock.call_at(clock.monotonic() + 3600.0, lambda: None)
    rung = threading.Event()
    clock.call_at(clock.monotonic() + 0.01, rung.set)
    assert rung.wait(20.0)
    clock.close()


def test_waiting_for_real_time() -> None:
    """A wait ends at its deadline or when it is notified."""
    clock = SystemClock()
    woken = threading.Condition()
    deadline = clock.monotonic() + 0.02
    with woken:
        while clock.monotonic() < deadline:
            clock.wait(woken, deadline)
    assert clock.monotonic() >= deadline
    assert abs(clock.wall() - time.time()) < 60.0
