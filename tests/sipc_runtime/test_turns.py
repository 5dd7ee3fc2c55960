"""Turns: calls of one lane, one after the other."""

import threading

from sipc_runtime.clock import SYSTEM_CLOCK, VirtualClock
from sipc_runtime.turns import Turns

LONG_S = 30.0


def test_first_come_first_served() -> None:
    """The first one goes on at once, the others in their order, and another lane does not wait."""
    turns = Turns(SYSTEM_CLOCK)
    first, second, third = (turns.take(b"a") for _ in range(3))
    elsewhere = turns.take(b"b")
    assert first.has_come
    assert elsewhere.has_come
    assert not second.has_come
    turns.done(first)
    assert second.has_come
    assert not third.has_come


def test_who_gives_up_is_passed_over() -> None:
    """A turn that is left before it came does not hold up those behind it."""
    turns = Turns(SYSTEM_CLOCK)
    first, second, third = (turns.take(None) for _ in range(3))
    turns.done(second)
    assert not third.has_come
    turns.done(first)
    assert third.has_come


def test_waiting_ends_with_the_turn() -> None:
    """Who waits is woken when the one before is done."""
    turns = Turns(SYSTEM_CLOCK)
    first, second = turns.take(None), turns.take(None)
    came: list[bool] = []
    waiter = threading.Thread(
        target=lambda: came.append(turns.wait(second, SYSTEM_CLOCK.monotonic() + LONG_S))
    )
    waiter.start()
    turns.done(first)
    waiter.join(LONG_S)
    assert came == [True]


def test_waiting_ends_at_the_deadline() -> None:
    """On a virtual clock the wait is over exactly when its time has come, without a turn."""
    clock = VirtualClock()
    turns = Turns(clock)
    turns.take(None)
    assert not turns.wait(turns.take(None), clock.monotonic())
