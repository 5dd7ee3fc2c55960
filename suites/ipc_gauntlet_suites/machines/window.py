"""A replay window: which of the numbered records that arrive in any order may be taken.

Taken is exactly what is authentic, was not taken before, and has a number above the highest one less the width. A width
that nobody tells is learned: what is taken and what is refused must agree with one width of at least 64.
"""

from typing import Protocol

from hypothesis import strategies as st

from ipc_gauntlet import Finding
from ipc_gauntlet_suites.machines.running import Machine, step

LEAST_WIDTH = 64
FURTHER = st.sampled_from([1, 1, 2, 3, 62, 63, 64, 65, 127, 128, 129])
LEAPS = st.sampled_from([1 << 16, (1 << 31) + 1, (1 << 32) - 1, 1 << 32, (1 << 32) + 3, 1 << 63])
AGES = st.sampled_from([0, 1, 2, 3, 31, 32, 62, 63, 64, 65, 66, 126, 127, 128, 129, 1 << 32])


class WindowBackend(Protocol):
    """A receiver of numbered records."""

    @property
    def width(self) -> int | None:
        """How wide its window is; None if it does not tell."""

    @property
    def highest(self) -> int:
        """The number up to which it has taken everything already; -1 for nothing."""

    def offers(self, number: int) -> int | None:
        """The number nearest to this one of which there is a record; None if there is none that is near."""

    def receive(self, number: int, *, authentic: bool) -> bool:
        """Give it a record and say whether it was taken."""

    def state(self) -> object:
        """Something that is equal as long as its state is; None if that cannot be seen."""

    def close_all(self) -> None:
        """Give everything back."""


class WindowMachine(Machine):
    """See the module.

    Args:
        backend: The receiver.
    """

    def __init__(self, backend: WindowBackend) -> None:
        super().__init__()
        self.backend = backend
        self.top = backend.highest
        self.taken: set[int] = set(range(self.top + 1))
        known = backend.width
        self._surely = LEAST_WIDTH if known is None else known
        self._never: int | None = known

    @step(by=FURTHER)
    def further(self, by: int) -> None:
        """A record comes that is ahead of all others."""
        self._receive(self.top + by)

    @step(by=LEAPS)
    def leap(self, by: int) -> None:
        """A record comes that is far ahead."""
        self._receive(self.top + by)

    @step(age=AGES)
    def late(self, age: int) -> None:
        """A record comes that is behind the highest one."""
        self._receive(self.top - age)

    @step(beyond=st.integers(-1, 1))
    def at_the_edge(self, beyond: int) -> None:
        """A record comes from the edge of the window: the last one inside, the first one outside, one further."""
        self._receive(self.top - (self._surely + beyond))

    @step(age=AGES)
    def forge_first(self, age: int) -> None:
        """A record that is not authentic comes, then the authentic one of the same number."""
        number = self.backend.offers(self.top - age)
        if number is not None:
            self._forge(number)
            self._receive(number)

    @step(back=st.integers(0, 5))
    def again(self, back: int) -> None:
        """A record comes again."""
        newest = sorted(self.taken, reverse=True)
        if back < len(newest):
            self._receive(newest[back])

    @step(by=st.one_of(FURTHER, LEAPS, AGES.map(lambda age: -age)))
    def forge(self, by: int) -> None:
        """A record comes that is not authentic, with any number."""
        offered = self.backend.offers(self.top + by)
        if offered is not None:
            self._forge(offered)

    def _forge(self, number: int) -> None:
        self.did(f"forged record {number}")
        before = self.backend.state()
        taken = self.backend.receive(number, authentic=False)
        self._expect(not taken, f"forged record {number} refused", "it was taken", "forged")
        self._expect(
            self.backend.state() == before, "a forged record to change nothing", "it did", "state-moved"
        )

    def release(self) -> None:
        """Close the receiver."""
        self.backend.close_all()

    def _receive(self, wanted: int) -> None:
        number = self.backend.offers(wanted)
        if number is None:
            return
        self.did(f"record {number} (highest so far {self.top})")
        taken = self.backend.receive(number, authentic=True)
        if number in self.taken:
            self._expect(not taken, f"record {number} taken once", "it was taken again", "delivered-twice")
            return
        age = self.top - number
        if taken:
            old = self._never is not None and age >= self._never
            self._expect(not old, f"record {number} refused, {age} behind", "it was taken", "too-old")
            self._surely = max(self._surely, age + 1)
            self.taken.add(number)
            self.top = max(self.top, number)
        else:
            self._expect(
                age >= self._surely, f"record {number} taken, {age} behind", "it was refused", "not-taken"
            )
            self._never = age if self._never is None else min(self._never, age)

    def _expect(self, holds: bool, expected: str, seen: str, reason: str) -> None:
        self.require(None if holds else Finding(expected, seen, reason))
