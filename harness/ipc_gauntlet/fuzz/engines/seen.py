"""What executions have shown so far, and whether the last one showed something new."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from itertools import islice

from ipc_gauntlet.fuzz.coverage.edges import feature

_PATHS = 1 << 18
_EXACT = 1 << 17
_SAMPLED = 16


class Seen:
    """Features of all executions. Three sieves, the cheapest first: the whole path, exact counts, bucketed counts.

    Args:
        trace: Where the coverage writes; it is read after each execution.

    Attributes:
        fresh: What the last execution that showed something new was the first to show.
        all: All that it showed.
        reasons: How often each verdict was given.
        shown: How often each feature was shown, counted in one execution of sixteen.
    """

    def __init__(self, trace: deque[int]) -> None:
        self._trace = trace
        self._length = 0
        self._reason = 0
        self._paths: set[int] = set()
        self._exact: set[tuple[int, int]] = set()
        self._features: set[int] = set()
        self._numbers: dict[str, int] = {}
        self.reasons: dict[str, int] = {}
        self.shown: dict[int, int] = {}
        self._executions = 0
        self.fresh: list[int] = []
        self.all: list[int] = []

    @property
    def count(self) -> int:
        """How many features there are so far."""
        return len(self._features)

    def new(self, reason: str) -> bool:
        """Whether the execution that just ended showed something new.

        Args:
            reason: Its verdict, which is a feature too.
        """
        path = hash(tuple(self._trace))
        self._length = len(self._trace)
        if reason in self.reasons:
            self.reasons[reason] += 1
            self._reason = self._numbers[reason]
        else:
            self.reasons[reason] = 1
            # Numbers of edges are positive.
            self._reason = self._numbers[reason] = -len(self._numbers) - 1
        self._executions += 1
        if not self._executions % _SAMPLED:
            shown = self.shown
            for one in self.now():
                shown[one] = shown.get(one, 0) + 1
        # A reason that is new has not been seen on any path.
        if path in self._paths and self._reason in self._features:
            return False
        if len(self._paths) >= _PATHS:
            self._paths.clear()
        self._paths.add(path)
        return self._look_closer()

    def ended_badly(self) -> None:
        """The execution that just ended was a finding: what it showed does not count."""
        self._length = self._reason = 0

    def shows(self, wanted: Iterable[int]) -> bool:
        """Whether the last execution showed all of these features."""
        return set(wanted).issubset(self.now())

    def now(self) -> list[int]:
        """The features of the last execution."""
        # Encoding an accepted value for a check may have gone on writing.
        counts = Counter(islice(self._trace, self._length))
        found = [feature(edge, count) for edge, count in counts.items()]
        if self._reason:
            found.append(self._reason)
        return found

    def _look_closer(self) -> bool:
        exact, known = self._exact, self._features
        counts = Counter(self._trace)
        if self._reason in known and exact.issuperset(counts.items()):
            return False
        if len(exact) >= _EXACT:
            exact.clear()
        exact.update(counts.items())
        everything = [feature(edge, count) for edge, count in counts.items()]
        everything.append(self._reason)
        fresh = [shown for shown in everything if shown not in known]
        if not fresh:
            return False
        known.update(fresh)
        self.fresh, self.all = fresh, everything
        return True
