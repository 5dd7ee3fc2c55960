"""Timers under a clock that only moves when it is told to: each fires once, at its time, unless it was stopped."""

from typing import Protocol

from hypothesis import strategies as st

from ipc_gauntlet import Finding
from ipc_gauntlet_suites.machines.running import Machine, always, step

LENGTHS = st.sampled_from([7, 8, 20, 50, 300, 1000])
STEPS = st.sampled_from([1, 3, 49, 250, 1000])
WALL_STEPS = st.sampled_from([-86_400_000, -1000, 1000, 86_400_000])
MOST_ARMED = 6


class TimersBackend(Protocol):
    """Something with timers, in virtual time. Times are whole milliseconds."""

    def arm(self, timer: int, length_ms: int) -> None:
        """Start a timer."""

    def stop(self, timer: int) -> bool:
        """Stop a timer before its time; False if that cannot be done with a single one."""

    def stop_all(self) -> None:
        """Stop every timer."""

    def advance(self, length_ms: int) -> None:
        """Let time pass."""

    def step_wall(self, length_ms: int) -> bool:
        """Set the wall clock, forward or back, without any time passing; False if that cannot be done."""

    def fired(self, expected: int) -> list[int]:
        """The timers that have fired so far, each as often as it did.

        Args:
            expected: How many should have; an implementation that takes its time is given some for that.
        """

    def close_all(self) -> None:
        """Give everything back."""


class TimersMachine(Machine):
    """See the module.

    Args:
        backend: What has the timers.
    """

    def __init__(self, backend: TimersBackend) -> None:
        super().__init__()
        self.backend = backend
        self.now = 0
        self.due: dict[int, int] = {}
        self.expected: set[int] = set()
        self._count = 0

    @step(length=LENGTHS)
    def arm(self, length: int) -> None:
        """A timer is started."""
        if len(self.due) < MOST_ARMED:
            self._count += 1
            self.did(f"timer {self._count} for {length} ms")
            self.due[self._count] = self.now + length
            self.backend.arm(self._count, length)

    @step(nth=st.integers(0, MOST_ARMED - 1))
    def stop_one(self, nth: int) -> None:
        """A timer is stopped."""
        timers = sorted(self.due)
        chosen = timers[nth % len(timers)] if timers else None
        if chosen is not None and self.backend.stop(chosen):
            self.did(f"timer {chosen} is stopped")
            del self.due[chosen]

    @step()
    def stop_all(self) -> None:
        """Every timer is stopped."""
        if self.due:
            self.did("every timer is stopped")
            self.due.clear()
            self.backend.stop_all()

    @step(length=STEPS)
    def advance(self, length: int) -> None:
        """Some time passes."""
        self._advance(length)

    @step(before=st.booleans())
    def to_the_edge(self, before: bool) -> None:
        """Time passes until the next timer is due, or until the last moment before."""
        if self.due:
            self._advance(min(self.due.values()) - self.now - before)

    @step(length=WALL_STEPS)
    def step_wall(self, length: int) -> None:
        """The wall clock is set."""
        if self.backend.step_wall(length):
            self.did(f"the wall clock is set by {length} ms")

    @always
    def exactly_the_due_ones(self) -> None:
        """What has fired is what was due and not stopped, once each."""
        fired = self.backend.fired(len(self.expected))
        early = sorted(set(fired) & set(self.due))
        self._expect(not early, f"timers {early} not to fire at {self.now} ms", "they fired", "early")
        twice = sorted({timer for timer in fired if fired.count(timer) > 1})
        self._expect(not twice, f"timers {twice} to fire once", "they fired again", "fired-twice")
        stopped = sorted(set(fired) - self.expected)
        self._expect(
            not stopped, f"timers {stopped}, which were stopped, not to fire", "they did", "after-stop"
        )
        missing = sorted(self.expected - set(fired))
        self._expect(not missing, f"timers {missing} to have fired by {self.now} ms", "they did not", "late")

    def release(self) -> None:
        """Close everything."""
        self.backend.close_all()

    def _advance(self, length: int) -> None:
        if length <= 0:
            return
        self.did(f"{length} ms pass")
        self.now += length
        over = {timer for timer, due in self.due.items() if due <= self.now}
        self.expected |= over
        for timer in over:
            del self.due[timer]
        self.backend.advance(length)

    def _expect(self, holds: bool, expected: str, seen: str, reason: str) -> None:
        self.require(None if holds else Finding(expected, seen, reason))
