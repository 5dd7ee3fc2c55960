"""The event loop: I/O, exact timers, and callbacks that change what is watched."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systems import descriptors

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor, new_reactor


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """An event loop for one test."""
    made = new_reactor()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets that do not block."""
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    with left, right:
        yield left, right


def never() -> bool:
    """A predicate that never holds."""
    return False


def nothing() -> None:
    """A callback without effect."""


def test_a_true_predicate_returns_without_waiting(reactor: Reactor) -> None:
    """A wait for something that already holds is True even with no time left."""
    assert reactor.run_until(lambda: True, 0)


def test_a_timeout_returns_false_and_not_early(reactor: Reactor) -> None:
    """A wait that is never satisfied lasts at least its timeout."""
    before = reactor.now()
    assert not reactor.run_until(never, 0.02)
    assert reactor.now() - before >= 0.02


def test_bytes_are_read_and_end_the_wait(reactor: Reactor, pair: tuple[socket.socket, socket.socket]) -> None:
    """The predicate is asked again after each batch of callbacks."""
    left, right = pair
    seen: list[bytes] = []
    reactor.add_reader(left, lambda: seen.append(left.recv(10)))
    right.send(b"hello")
    assert reactor.run_until(lambda: bool(seen), 5)
    assert seen == [b"hello"]


def test_a_wait_of_zero_seconds_still_makes_one_pass(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """A poll sees what is already there."""
    left, right = pair
    seen: list[bytes] = []
    reactor.add_reader(left, lambda: seen.append(left.recv(10)))
    right.send(b"x")
    assert reactor.run_until(lambda: bool(seen), 0)


def test_reader_and_writer_of_one_descriptor_are_independent(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Removing the writer keeps the reader."""
    left, right = pair
    log: list[str] = []

    def writable() -> None:
        log.append("w")
        reactor.remove_writer(left)

    reactor.add_reader(left, lambda: log.append("r" + left.recv(1).decode()))
    reactor.add_writer(left, writable)
    assert reactor.run_until(lambda: bool(log), 5)
    right.send(b"1")
    assert reactor.run_until(lambda: len(log) == 2, 5)
    assert log == ["w", "r1"]


def test_a_reader_may_remove_itself_its_writer_and_close_the_descriptor(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """In the same batch, the removed writer is not called any more."""
    left, right = pair
    log: list[str] = []

    def readable() -> None:
        log.append("r")
        reactor.remove_reader(left)
        reactor.remove_writer(left)
        left.close()

    reactor.add_reader(left, readable)
    reactor.add_writer(left, lambda: log.append("w"))
    right.send(b"1")
    assert not reactor.run_until(never, 0.01)
    assert log == ["r"]


def test_a_callback_may_remove_another_one_of_the_same_batch(reactor: Reactor) -> None:
    """Of two ready descriptors that remove each other, exactly one is served."""
    one, other = socket.socketpair()
    log: list[str] = []
    with one, other:
        for mine, theirs in ((one, other), (other, one)):

            def readable(mine: socket.socket = mine, theirs: socket.socket = theirs) -> None:
                log.append("served")
                reactor.remove_reader(mine)
                reactor.remove_reader(theirs)

            reactor.add_reader(mine, readable)
            mine.send(b"x")
        assert not reactor.run_until(never, 0.01)
    assert log == ["served"]


def test_a_reused_descriptor_number_does_not_inherit_callbacks(reactor: Reactor) -> None:
    """An object that was closed while watched cannot lend its callbacks to the next owner of its number."""
    log: list[str] = []
    one, two = socket.socketpair()
    reactor.add_reader(one, lambda: log.append("old"))
    number = one.fileno()
    one.close()
    two.close()
    three, four = socket.socketpair()
    with three, four:
        assert number in (three.fileno(), four.fileno())
        reactor.add_reader(three, lambda: log.append("new" + three.recv(1).decode()))
        reactor.add_reader(four, lambda: log.append("new" + four.recv(1).decode()))
        three.send(b"4")
        four.send(b"3")
        assert reactor.run_until(lambda: len(log) == 2, 5)
    assert sorted(log) == ["new3", "new4"]


def test_removing_twice_and_removing_closed_objects_is_harmless(reactor: Reactor) -> None:
    """Clean-up code need not know what is still watched."""
    one, two = socket.socketpair()
    reactor.add_reader(one, nothing)
    reactor.add_writer(one, nothing)
    one.close()
    for _ in range(2):
        reactor.remove_reader(one)
        reactor.remove_writer(one)
        reactor.remove_reader(two)
    two.close()
    assert not reactor.run_until(never, 0)


def test_a_closed_object_cannot_be_watched(reactor: Reactor) -> None:
    """Watching a closed socket is an error at once, not a silent wait."""
    one, two = socket.socketpair()
    one.close()
    two.close()
    with pytest.raises(ValueError, match="closed"):
        reactor.add_reader(one, nothing)


def test_timers_fire_in_order_of_time_then_of_creation(reactor: Reactor) -> None:
    """Equal times keep the order in which they were asked for."""
    log: list[str] = []
    now = reactor.now()
    for when, name in ((now + 0.01, "c"), (now, "a"), (now, "b")):
        reactor.call_at(when, lambda name=name: log.append(name))
    assert reactor.run_until(lambda: len(log) == 3, 5)
    assert log == ["a", "b", "c"]


def test_a_timer_never_fires_early() -> None:
    """With a clock that stands still just before the time, nothing fires; one tick later it does."""
    clock = FakeClock()
    reactor = new_reactor(clock)
    fired: list[float] = []
    reactor.call_at(101.0, lambda: fired.append(clock.time))
    clock.time = 100.9999
    assert not reactor.run_until(never, 0)
    assert fired == []
    clock.time = 101.0
    assert reactor.run_until(lambda: bool(fired), 0)
    assert fired == [101.0]
    reactor.close()


def test_a_cancelled_timer_does_not_fire(reactor: Reactor) -> None:
    """Cancelling twice, or after it fired, is harmless."""
    log: list[str] = []
    first = reactor.call_at(reactor.now(), lambda: log.append("first"))
    second = reactor.call_at(reactor.now(), lambda: log.append("second"))
    second.cancel()
    second.cancel()
    assert reactor.run_until(lambda: bool(log), 5)
    first.cancel()
    assert not reactor.run_until(never, 0)
    assert log == ["first"]


def test_a_timer_made_by_a_timer_waits_for_the_next_pass() -> None:
    """A callback that always asks for another one cannot keep the loop from looking at the predicate."""
    reactor = new_reactor()
    count = 0

    def again() -> None:
        nonlocal count
        count += 1
        reactor.call_at(0, again)

    again()
    assert reactor.run_until(lambda: count >= 5, 5)
    assert count == 5
    reactor.close()


def test_cancelled_timers_do_not_pile_up() -> None:
    """Ten thousand timeouts that were called off leave a small heap."""
    reactor = new_reactor()
    kept = reactor.call_at(reactor.now() + 3600, nothing)
    for _ in range(10_000):
        reactor.call_at(reactor.now() + 3600, nothing).cancel()
    assert len(reactor._timers) < 1000
    assert kept in [timer for _, _, timer in reactor._timers]
    reactor.close()


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=60))
def test_exactly_the_timers_that_were_not_cancelled_fire_in_order(plan: list[tuple[int, bool]]) -> None:
    """Whatever is cancelled, the rest fires once each, sorted by time and then by creation."""
    clock = FakeClock()
    reactor = new_reactor(clock)
    fired: list[tuple[int, int]] = []
    expected = []
    for number, (delay, cancel) in enumerate(plan):
        timer = reactor.call_at(100.0 + delay, lambda entry=(delay, number): fired.append(entry))
        if cancel:
            timer.cancel()
        else:
            expected.append((delay, number))
    clock.time = 200.0
    reactor.run_until(lambda: len(fired) == len(expected), 0)
    assert fired == sorted(expected)
    reactor.close()


def test_an_exception_of_a_callback_leaves_and_loses_nothing(
    reactor: Reactor, pair: tuple[socket.socket, socket.socket]
) -> None:
    """After the exception the reactor runs on, and the other timers still fire."""
    left, right = pair
    log: list[str] = []

    def broken() -> None:
        left.recv(1)
        raise ZeroDivisionError

    reactor.add_reader(left, broken)
    reactor.call_at(reactor.now(), lambda: log.append("timer"))
    right.send(b"x")
    with pytest.raises(ZeroDivisionError):
        reactor.run_until(never, 1)
    assert reactor.run_until(lambda: bool(log), 5)


def test_running_from_inside_a_callback_is_refused(reactor: Reactor) -> None:
    """Nested loops would reorder events; they are refused with a clear error."""
    reactor.call_at(reactor.now(), lambda: print(reactor.run_until(never, 0)))  # noqa: T201 - never reached
    with pytest.raises(HarnessError, match="inside"):
        reactor.run_until(never, 1)


def test_what_arrived_in_time_is_seen_even_when_the_harness_wakes_late(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """A deadline that passed while the harness could not run does not hide bytes that were there before it."""
    left, right = pair
    clock = FakeClock()
    reactor = new_reactor(clock)
    seen = bytearray()

    def readable() -> None:
        seen.extend(left.recv(1))
        clock.time += 10  # each callback outlasts the deadline

    reactor.add_reader(left, readable)
    right.send(b"abcde")
    assert reactor.run_until(lambda: len(seen) == 5, 1)
    reactor.close()


def test_a_peer_that_never_pauses_cannot_prevent_the_timeout(reactor: Reactor) -> None:
    """The timeout comes although something is always ready."""
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.send(b"x")
        reactor.add_reader(reader, nothing)
        assert not reactor.run_until(never, 0.01)
        reactor.remove_reader(reader)


def test_close_is_idempotent_frees_its_descriptor_and_forbids_running() -> None:
    """A closed reactor holds no descriptor and says why it cannot be run."""
    before = descriptors()
    reactor = new_reactor()
    reactor.call_at(reactor.now(), nothing)
    reactor.close()
    reactor.close()
    assert descriptors() == before
    with pytest.raises(HarnessError, match="closed"):
        reactor.run_until(never, 0)


def test_the_end_of_the_other_side_is_reported_to_the_reader(reactor: Reactor) -> None:
    """A closed peer makes the descriptor readable, with nothing to read."""
    left, right = socket.socketpair()
    left.setblocking(False)
    seen: list[bytes] = []

    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            seen.append(left.recv(10))
        reactor.remove_reader(left)

    reactor.add_reader(left, readable)
    right.close()
    assert reactor.run_until(lambda: bool(seen), 5)
    assert seen == [b""]
    left.close()
