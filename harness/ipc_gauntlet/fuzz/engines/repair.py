"""Inputs that are refused because of a value that the parser knows and the input does not say: it is written there.

The pairs that a parser compared tell both. It is the last comparison before a rejection that matters most, so it is
answered first, and again if another one refuses then: a changed number makes a checksum wrong, whose right value is
compared next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from ipc_gauntlet.fuzz.coverage.compares import Compares, Pair
from ipc_gauntlet.fuzz.engines.executor import Executor
from ipc_gauntlet.fuzz.mutate.state import substituted

_ROUNDS = 4
_LAST = 2
_ANSWERS = 6
_CANDIDATES = 48
_KNOWN = 1 << 14

Try = Callable[[bytes], bool]
"""Runs an input and takes it in if it shows something new; tells whether it did."""


class Repair:
    """Answers comparisons.

    Args:
        executor: Runs inputs.
        compares: Captures what is compared.
        longest: No input is longer, in bytes.
    """

    def __init__(self, executor: Executor, compares: Compares, longest: int) -> None:
        self._executor = executor
        self._compares = compares
        self._longest = longest
        self._known: set[Pair] = set()

    def answer_all(self, data: bytes, attempt: Try) -> int:
        """Answer whatever an input's execution compares and none did before.

        Args:
            data: An input that showed something new.
            attempt: Runs each input that is made.

        Returns:
            How many inputs that are made show something new.
        """
        pairs = self._pairs(data)
        if len(self._known) > _KNOWN:
            self._known.clear()
        fresh = [pair for pair in reversed(pairs) if pair not in self._known]
        self._known.update(pairs)
        candidates = list(islice(substituted(data, fresh, self._longest), _CANDIDATES))
        return sum(attempt(candidate) for candidate in candidates)

    def answer_last(self, data: bytes, attempt: Try) -> int:
        """Answer the last comparisons of an input's execution, and of the best of the inputs that are made of it.

        Args:
            data: An input that was refused.
            attempt: Runs each input that is made.

        Returns:
            How many inputs that are made show something new.
        """
        brought, best, cost = 0, data, self._executor.cost
        for _ in range(_ROUNDS):
            further = best
            for candidate in self._answers(best):
                if attempt(candidate):
                    brought += 1
                elif self._executor.cost > cost and not self._executor.accepted:
                    # It came further before it was refused.
                    further, cost = candidate, self._executor.cost
            if further is best:
                break
            best = further
        return brought

    def _answers(self, data: bytes) -> Iterator[bytes]:
        last = self._pairs(data)[-_LAST:]
        return islice(substituted(data, reversed(last), self._longest), _ANSWERS)

    def _pairs(self, data: bytes) -> list[Pair]:
        return self._compares.capture([partial(self._executor.run_quietly, data)])[0]
