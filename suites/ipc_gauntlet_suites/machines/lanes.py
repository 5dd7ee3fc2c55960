"""Work in lanes: in the order of submission within a lane, one at a time, and no lane waits for another."""

from typing import Protocol

from hypothesis import strategies as st

from ipc_gauntlet import Finding
from ipc_gauntlet_suites.machines.running import Machine, always, step

LANES = ("a", "b", "c")
LANE = st.sampled_from(LANES)
MOST_OPEN = 8


class LanesBackend(Protocol):
    """Something that works on items. An item ends only when it is told to."""

    def submit(self, lane: str, item: int) -> None:
        """Hand an item over."""

    def finish(self, item: int) -> None:
        """Let an item end that has started."""

    def started(self, expected: int) -> list[int]:
        """The items that have started so far, in that order.

        Args:
            expected: How many should have; an implementation that takes its time is given some for that.
        """

    def close_all(self) -> None:
        """Give everything back."""


class LanesMachine(Machine):
    """See the module.

    Args:
        backend: What works on the items.
        most_open: How many items may be unfinished at once.
    """

    def __init__(self, backend: LanesBackend, most_open: int = MOST_OPEN) -> None:
        super().__init__()
        self.backend = backend
        self.submitted: dict[str, list[int]] = {lane: [] for lane in LANES}
        self.finished: set[int] = set()
        self._most_open = most_open
        self._count = 0

    @step(lane=LANE, count=st.integers(1, 3))
    def submit(self, lane: str, count: int) -> None:
        """Items are handed over."""
        for _ in range(count):
            if self._count - len(self.finished) >= self._most_open:
                return
            self.did(f"item {self._count} for lane {lane}")
            self.submitted[lane].append(self._count)
            self.backend.submit(lane, self._count)
            self._count += 1

    @step(lane=LANE)
    def finish_one(self, lane: str) -> None:
        """The item that a lane works on ends."""
        item = self._due(lane)
        if item is not None:
            self.did(f"item {item} of lane {lane} ends")
            self.finished.add(item)
            self.backend.finish(item)

    @always
    def in_order(self) -> None:
        """In each lane exactly the items up to the first unfinished one have started, in order."""
        due = {lane: self._startable(lane) for lane in LANES}
        started = self.backend.started(sum(len(items) for items in due.values()))
        for lane, expected in due.items():
            mine = [item for item in started if item in self.submitted[lane]]
            if mine != expected:
                reason = "blocked" if mine == expected[: len(mine)] else "reordered"
                told = f"lane {lane} to have started {expected}"
                self.require(Finding(told, f"it started {mine}", reason))

    def release(self) -> None:
        """Stop the work."""
        self.backend.close_all()

    def _startable(self, lane: str) -> list[int]:
        """The items of a lane up to the first that has not ended."""
        items, due = self.submitted[lane], self._due(lane)
        return items if due is None else items[: items.index(due) + 1]

    def _due(self, lane: str) -> int | None:
        """The first item of a lane that has not ended."""
        return next((item for item in self.submitted[lane] if item not in self.finished), None)
