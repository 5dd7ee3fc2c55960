"""Lanes: work with the same ordering key runs in order of submission, other work does not wait for it.

Rule of this file: it decides *what may run now*; it runs nothing. A lane exists only while it holds work, so
memory is bounded by the amount of accepted work, not by the number of keys ever seen.
"""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Orders items by lane. At most one item of a lane is running at any time."""

    __slots__ = ("_lanes", "_size")

    def __init__(self) -> None:
        # A lane's first item is the one that runs; the lane disappears with its last item.
        self._lanes: dict[Hashable, deque[T]] = {}
        self._size = 0

    def submit(self, lane: Hashable, item: T) -> bool:
        """Add `item` to the end of `lane`.

        Returns:
            True if the item may run now: the lane was idle.
        """
        self._size += 1
        waiting = self._lanes.get(lane)
        if waiting is None:
            self._lanes[lane] = deque((item,))
            return True
        waiting.append(item)
        return False

    def is_busy(self, lane: Hashable) -> bool:
        """Whether something of `lane` is running."""
        return lane in self._lanes

    def done(self, lane: Hashable) -> T | None:
        """The running item of `lane` has ended.

        Returns:
            The item of this lane that may run now, or None: the lane is idle.

        Raises:
            KeyError: Nothing of this lane is running.
        """
        waiting = self._lanes[lane]
        waiting.popleft()
        self._size -= 1
        if waiting:
            return waiting[0]
        del self._lanes[lane]
        return None

    def __len__(self) -> int:
        return self._size
