"""The pace at which re-chunked bytes are written, with a clock that moves by hand."""

from collections.abc import Callable, Iterator

import pytest

from ipc_gauntlet.adversary.outlet import NAP_S, PACE_BUDGET_S, PACE_MAX_S, RESET_WAIT_S, End, Outlet
from ipc_gauntlet.reactor import SelectorReactor, new_reactor


class Clock:
    """Time that moves only when it is told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Wire:
    """A stream that takes everything, and whose peer reads as it is told."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.ends: list[str] = []
        self.left: int | None = 0
        self.at_risk = 0
        self.buffered = 0
        self.closed = False
        self.on_drained: Callable[[], None] = self.finish

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def unread(self) -> int | None:
        return self.left

    def unsent(self) -> int:
        return self.at_risk

    def finish(self) -> None:
        self.ends.append("fin")

    def abort(self) -> None:
        self.ends.append("reset")
        self.closed = True

    def close(self) -> None:
        self.ends.append("close")
        self.closed = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reactor(clock: Clock) -> Iterator[SelectorReactor]:
    made = new_reactor(clock)
    yield made
    made.close()


def run(reactor: SelectorReactor, clock: Clock, seconds: float) -> None:
    """Let time pass, in steps."""
    end = clock.time + seconds
    while clock.time < end:
        clock.time += NAP_S / 2
        reactor.run_until(lambda: False, 0)


def pieces(outlet: Outlet, count: int) -> None:
    for number in range(count):
        outlet.send(b"%d" % (number % 10), paced=True)


def test_unpaced_bytes_pass_at_once(reactor: SelectorReactor) -> None:
    """Nothing waits when nothing has to."""
    wire = Wire()
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    outlet.send(b"a")
    outlet.send(b"b")
    outlet.end(End.FINISH)
    assert (wire.written, wire.ends) == ([b"a", b"b"], ["fin"])


def test_a_piece_waits_until_the_one_before_is_read(reactor: SelectorReactor, clock: Clock) -> None:
    """Then it goes, and what is behind it keeps its place."""
    wire = Wire()
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    wire.left = 0
    pieces(outlet, 2)
    outlet.send(b"unpaced")
    outlet.end(End.FINISH)
    wire.left = 1
    run(reactor, clock, PACE_MAX_S / 2)
    assert wire.written == [b"0"]
    assert outlet.buffered == 8
    wire.left = 0
    run(reactor, clock, 2 * NAP_S)
    assert (wire.written, wire.ends) == ([b"0", b"1", b"unpaced"], ["fin"])
    assert outlet.buffered == 0


def test_a_reader_that_is_slow_is_not_waited_for_long(reactor: SelectorReactor, clock: Clock) -> None:
    """Each piece waits for a bounded time."""
    wire = Wire()
    wire.left = 5
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    pieces(outlet, 3)
    run(reactor, clock, 3 * (PACE_MAX_S + NAP_S))
    assert wire.written == [b"0", b"1", b"2"]


def test_where_nobody_can_tell_time_decides(reactor: SelectorReactor, clock: Clock) -> None:
    """A system that does not count unread bytes gets a fixed pause."""
    wire = Wire()
    wire.left = None
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    pieces(outlet, 2)
    assert wire.written == [b"0"]
    run(reactor, clock, 3 * NAP_S)
    assert wire.written == [b"0", b"1"]


def test_all_waiting_together_is_bounded(reactor: SelectorReactor, clock: Clock) -> None:
    """Thousands of pieces to a slow reader cost one budget, not one wait each."""
    wire = Wire()
    wire.left = 5
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    pieces(outlet, 5000)
    run(reactor, clock, PACE_BUDGET_S / 2)
    assert 0 < len(wire.written) < 1000
    run(reactor, clock, PACE_BUDGET_S)
    assert len(wire.written) == 5000


def test_time_between_messages_is_not_waiting(reactor: SelectorReactor, clock: Clock) -> None:
    """A conversation with long pauses is paced to its end."""
    wire = Wire()
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    for _ in range(5):
        pieces(outlet, 2)
        run(reactor, clock, PACE_BUDGET_S)
    wire.left = 1
    pieces(outlet, 2)
    run(reactor, clock, PACE_MAX_S / 2)
    assert len(wire.written) == 11


@pytest.mark.parametrize("leaves", [True, False])
def test_a_reset_waits_for_what_it_would_lose(
    reactor: SelectorReactor, clock: Clock, *, leaves: bool
) -> None:
    """Until the bytes have left, or for a bounded time."""
    wire = Wire()
    wire.at_risk = 10
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    outlet.end(End.ABORT)
    run(reactor, clock, RESET_WAIT_S / 2)
    assert wire.ends == []
    wire.at_risk = 0 if leaves else 10
    run(reactor, clock, 2 * NAP_S)
    assert wire.ends == (["reset"] if leaves else [])
    run(reactor, clock, RESET_WAIT_S)
    assert wire.ends == ["reset"]


def test_closing_waits_for_bytes_that_nobody_has_taken(reactor: SelectorReactor) -> None:
    """It goes on when the stream has drained, or has lost them."""
    wire = Wire()
    wire.buffered = 3
    outlet = Outlet(wire, reactor)  # type: ignore[arg-type]
    outlet.end(End.CLOSE)
    assert wire.ends == []
    wire.buffered = 0
    wire.on_drained()
    assert wire.ends == ["close"]
