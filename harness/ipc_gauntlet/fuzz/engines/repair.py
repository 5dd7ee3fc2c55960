"""Inputs that are refused because of a value that the parser knows and the input does not say: it is written there.

The pairs that a parser compared tell both. It is the last comparison before a rejection that matters most, so it is
answered first. A changed number makes a checksum wrong: that is put right by the wire schema where there is one, else its
right value is compared next, and answered as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from ipc_gauntlet.fuzz.coverage.compares import Compares, Pair
from ipc_gauntlet.fuzz.engines.executor import Executor
from ipc_gauntlet.fuzz.mutate.state import substituted

_ROUNDS = 4
_LAST = 2
_HALF_WAY = 2
_ANSWERS = 16
_FURTHER = 2
_QUESTIONS = 24
_ANSWERS_OF_NEW = 80
_LEAST_ANSWERS = 8
_KNOWN = 1 << 14

Try = Callable[[bytes], bool]
"""Runs an input and takes it in if it shows something new; tells whether it did."""

Fix = Callable[[bytes], bytes]
"""Puts right what follows from the rest of an input."""


class _Asked(NamedTuple):
    """An input, what it costs, all that it compares, and which of that is to be answered."""

    data: bytes
    cost: int
    pairs: frozenset[Pair]
    questions: list[Pair]


class Repair:
    """Answers comparisons.

    Args:
        executor: Runs inputs.
        compares: Captures what is compared.
        longest: No input is longer, in bytes.
        fix: Puts lengths and checksums of an input right; None if nobody knows how.
    """

    def __init__(self, executor: Executor, compares: Compares, longest: int, fix: Fix | None = None) -> None:
        self._fix = fix
        self._executor = executor
        self._compares = compares
        self._longest = longest
        self._known: set[Pair] = set()

    def answer_all(self, data: bytes, cost: int, attempt: Try, energy: float = 1.0) -> int:
        """Answer what an input's execution compares, beginning with what none compared before.

        Args:
            data: An input that showed something new.
            cost: How many edges it takes.
            attempt: Runs each input that is made.
            energy: What part of the usual number of answers is tried.

        Returns:
            How many inputs that are made show something new.
        """
        pairs = self._pairs(data)
        if len(self._known) > _KNOWN:
            self._known.clear()
        # The last comparison comes first, and False sorts before True.
        pairs.reverse()
        questions = sorted(pairs, key=self._known.__contains__)[:_QUESTIONS]
        self._known.update(pairs)
        asked = _Asked(data, cost, frozenset(pairs), questions)
        most = max(_LEAST_ANSWERS, int(energy * _ANSWERS_OF_NEW))
        return sum(attempt(candidate) for candidate in self._candidates(asked, most))

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
            pairs = self._pairs(best)
            further = best
            asked = _Asked(best, cost, frozenset(pairs), pairs[: -_LAST - 1 : -1])
            for candidate in self._candidates(asked, _ANSWERS):
                if attempt(candidate):
                    brought += 1
                elif self._executor.cost > cost and not self._executor.accepted:
                    # It came further before it was refused.
                    further, cost = candidate, self._executor.cost
            if further is best:
                break
            best = further
        return brought

    def _candidates(self, asked: _Asked, most: int) -> Iterator[bytes]:
        """Inputs that answer one of the questions. What an answer makes wrong elsewhere is put right, if it can be."""
        for answer in islice(substituted(asked.data, asked.questions, self._longest), most):
            yield answer
            if self._fix is not None:
                # An answer in the wrong place fails early; it is not worth what fixing costs.
                if _HALF_WAY * self._executor.cost > asked.cost:
                    yield self._fix(answer)[: self._longest]
                continue
            then = self._pairs(answer)[-1:]
            if then and then[0] not in asked.pairs:
                yield from islice(substituted(answer, then, self._longest), _FURTHER)

    def _pairs(self, data: bytes) -> list[Pair]:
        return self._compares.capture([partial(self._executor.run_quietly, data)])[0]
