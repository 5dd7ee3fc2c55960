"""Which worker runs what, when cases run in several processes.

Three rules that the distribution modes of pytest-xdist do not have together: cases that measure real time run one
after another in one worker, or in as few as the user allows; the order is the controlling process's; and a case during which its worker died is never
given to another worker, while the cases that only waited behind it are.

A worker starts a case only when it knows what comes next, so each is kept a little ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

_AHEAD = 4
_LEAST = 2


class Node(Protocol):
    """A worker, as far as the schedule needs it."""

    @property
    def shutting_down(self) -> bool:
        """Whether it was told to leave, or is gone."""

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Have it run the cases with these places in its own collection."""

    def shutdown(self) -> None:
        """Have it leave when its queue is empty."""


class CaseSchedule:
    """The scheduler that pytest-xdist asks.

    Args:
        workers: How many workers there are at the start.
        order: Names of the cases to run, in order.
        timing: Names of those that measure real time.
        clocks: How many workers may measure time at once.
    """

    def __init__(self, workers: int, order: Iterable[str], timing: Iterable[str], clocks: int = 1) -> None:
        self.numnodes = workers
        serial = frozenset(timing)
        names = list(order)
        self._lanes: dict[bool, deque[str]] = {
            True: deque(name for name in names if name in serial),
            False: deque(name for name in names if name not in serial),
        }
        self._serial = serial
        self._started: set[str] = set()
        self._pending: dict[Node, list[str]] = {}
        self._indices: dict[Node, dict[str, int]] = {}
        self._clocks = clocks
        self._owners: set[Node] = set()

    # -- what pytest-xdist calls ----------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Node]:
        """The workers at work."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether work can be handed out: as soon as one worker has collected, nobody waits for the others."""
        return bool(self._indices)

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to hand out and every worker has at most its last case."""
        waiting = any(self._lanes.values())
        busy = any(len(pending) >= _LEAST for pending in self._pending.values())
        return self.collection_is_completed and not waiting and not busy

    @property
    def has_pending(self) -> bool:
        """Whether any case has no result yet."""
        return any(self._lanes.values()) or any(self._pending.values())

    def add_node(self, node: Node) -> None:
        """A worker is ready to collect."""
        self._pending[node] = []

    def add_node_collection(self, node: Node, collection: Sequence[str]) -> None:
        """A worker has collected."""
        self._indices[node] = {name: index for index, name in enumerate(collection)}

    def schedule(self) -> None:
        """Hand out work to every worker."""
        for node in self.nodes:
            if node in self._indices:
                self._top_up(node)

    def mark_test_complete(self, node: Node, item_index: int, duration: float = 0) -> None:
        """A worker is done with a case."""
        del duration  # part of the interface
        pending = self._pending[node]
        done = next((name for name in pending if self._indices[node][name] == item_index), None)
        if done is not None:
            pending.remove(done)
        self._top_up(node)

    def mark_test_pending(self, item: str) -> None:
        """Give a case back; it will run again."""
        self._started.discard(item)
        self._lanes[item in self._serial].appendleft(item)
        self.schedule()

    def remove_pending_tests_from_node(self, node: Node, indices: Sequence[int]) -> None:
        """Answer to a request that this schedule never makes."""
        raise NotImplementedError

    def remove_node(self, node: Node) -> str | None:
        """A worker is gone.

        Returns:
            The case it was running; the ones behind it are given to others.
        """
        pending = self._pending.pop(node)
        self._owners.discard(node)
        victim = next((name for name in pending if name in self._started), None)
        for name in reversed([name for name in pending if name != victim]):
            self._lanes[name in self._serial].appendleft(name)
        self.schedule()
        return victim

    # -- ours -----------------------------------------------------------------------------------------------------

    def note_started(self, name: str) -> None:
        """A worker has begun with a case."""
        self._started.add(name)

    def ready(self, node: Node) -> bool:
        """Whether a worker ever got as far as having collected."""
        return node in self._indices

    def _top_up(self, node: Node) -> None:
        if node.shutting_down:
            return
        pending, indices = self._pending[node], self._indices[node]
        fresh = []
        while len(pending) < _AHEAD and (name := self._next_for(node)) is not None:
            if (
                name not in indices
            ):  # the worker collected something else; a case without a result is reported as such
                continue
            pending.append(name)
            fresh.append(indices[name])
        if fresh:
            node.send_runtest_some(fresh)
        if self._nothing_left_for(node):
            node.shutdown()

    def _next_for(self, node: Node) -> str | None:
        if self._may_measure(node):
            self._owners.add(node)
            return self._lanes[True].popleft()
        return self._lanes[False].popleft() if self._lanes[False] else None

    def _nothing_left_for(self, node: Node) -> bool:
        """A worker for which nothing is left has to be told, or it would never start its last case."""
        return not self._lanes[False] and not self._may_measure(node)

    def _may_measure(self, node: Node) -> bool:
        """Whether there are cases that measure time, and this worker is or can become one of those that run them."""
        return bool(self._lanes[True]) and (node in self._owners or len(self._owners) < self._clocks)
