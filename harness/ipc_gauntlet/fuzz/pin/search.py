"""The search for inputs that pin what nothing pins yet.

Mutants take turns. For each, an input that enters the changed block is taken from the pool and changed: at the
boundaries of what the parser compares, along the wire schema, or byte by byte. The original says which blocks the new
input enters; only living mutants of these blocks are run. An input that enters a new set of blocks, or tells a mutant
apart, joins the pool.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random

from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.mutate.dictionary import numbers, tokens_of
from ipc_gauntlet.fuzz.pin.bench import Bench, Run
from ipc_gauntlet.fuzz.pin.boundaries import boundary_inputs, other_bytes
from ipc_gauntlet.fuzz.pin.probes import Compared
from ipc_gauntlet.fuzz.pin.score import Tally

_TURN = 12
_POOL = 4000
_OF_A_KIND = 6
_LOOKS = 200_000
_ANYWAY = 0.05
_QUICKER = 0.8
_PATIENCE = 1500
_ALL = -2
_EACH_SIDE = 5
_OTHERWISE = 32
_SHORT = 96
_SHARE = 0.5
_SECOND = 0.3
_WATCHED_STEPS = 200_000
_STRUCTURED = 0.5
_NEW = 0.1
_REPEATS = (2, 3, 15, 16, 17, 24, 63, 64, 65, 255, 256, 257)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends, besides when everything is pinned.

    Attributes:
        seconds: After so long; 0 for no limit.
        executions: After so many inputs; 0 for no limit.
        clock: Seconds that never go back: CPU time for a search that is to be compared with others.
    """

    seconds: float = 0.0
    executions: int = 0
    clock: Callable[[], float] | None = None


class Search:
    """Searches.

    Args:
        tally: What is pinned already, and where more is noted.
        seeds: Inputs to begin with.
        rng: Every random choice.
        limits: When to stop.

    Attributes:
        executions: Inputs tried so far.
        pool: Inputs that others are made of.
        broke: Inputs on which the original itself came to no verdict; at most a few.
    """

    def __init__(self, tally: Tally, seeds: Iterable[bytes], rng: Random, limits: Limits) -> None:
        self.tally = tally
        self.bench: Bench = tally.bench
        self.executions = 0
        self.pool: list[bytes] = []
        self.broke: list[bytes] = []
        self._steps: list[int] = []
        self._rng = rng
        self._limits = limits
        self._begun = limits.clock() if limits.clock is not None else 0.0
        target = self.bench.target
        self._longest = target.longest
        self._structure = target.structure
        self._compared = Compared()
        self._watched = self.bench.made.watched(self._compared)
        self._bytes = ByteMutator(rng, self._longest, self._tokens())
        self._by_block: dict[int, list[int]] = {}
        self._edges: deque[tuple[int, Iterator[bytes] | None]] = deque()
        self._sides: dict[tuple[int, str, str], int] = {}
        self._asked = [0] * len(self.bench.mutants)
        self._looks: set[tuple[bytes, tuple[str, str], int]] = set()
        self._kinds: dict[tuple[int, str, int], int] = {}
        self._queues: dict[tuple[int, int], Iterator[bytes]] = {}
        # First those that nothing pins, then those that no verdict pins, only a reason or a value.
        self._living = deque(at for at in range(len(self.bench.mutants)) if at not in tally.pinned)
        self._vague = deque(at for at, one in sorted(tally.pinned.items()) if not one.verdict)
        for seed in dict.fromkeys([*seeds, b""]):
            self._try(seed)

    def _tokens(self) -> list[bytes]:
        found = dict.fromkeys(self.bench.target.tokens)
        for name in self.bench.made.workshop.measured:
            source = self.bench.made.workshop.source(name)
            found |= dict.fromkeys(tokens_of(ast.parse(source)))
            module = self.bench.made.workshop.original_module(name)
            for value in vars(module).values():
                if isinstance(value, int) and not isinstance(value, bool):
                    for near in (value - 1, int(value), value + 1):
                        found |= dict.fromkeys(numbers(near))
                elif isinstance(value, bytes) and 0 < len(value) <= 32:
                    found[value] = None
        return list(found)

    def run(self, between: Callable[[], None] = lambda: None) -> None:
        """Search until every mutant is pinned by a verdict, or a limit is reached.

        Args:
            between: Is called after each turn.
        """
        while (self._living or self._vague) and not self.over():
            if self._edges and self._rng.random() < _SHARE:
                self._at_the_edge()
                between()
                continue
            first = self._living and not (self._vague and self._rng.random() < _SECOND)
            queue = self._living if first else self._vague
            index = queue[0]
            queue.rotate(-1)
            if self._done(index, queue):
                queue.remove(index)
                if queue is self._living and not self._done(index, self._vague):
                    self._vague.append(index)
            else:
                self._turn(index, queue)
                between()

    def _done(self, index: int, queue: deque[int]) -> bool:
        one = self.tally.pinned.get(index)
        return one is not None and (one.verdict or queue is self._living)

    def _at_the_edge(self) -> None:
        """Some inputs at the boundaries of what inputs of the pool made the parser compare."""
        place, pairs = self._edges[0]
        if pairs is None:
            data = self.pool[place]
            pairs = boundary_inputs(data, self._new_pairs(place), self._longest)
            if place < _OTHERWISE and len(data) <= _SHORT:
                pairs = chain(pairs, other_bytes(data))
            self._edges[0] = (place, pairs)
        for tried, candidate in enumerate(pairs, 1):
            self._try(candidate, _ALL)
            if tried >= _TURN or self.over():
                return
        self._edges.popleft()

    def _new_pairs(self, place: int) -> list[tuple[object, object]]:
        """What an input has compared, and others have not often: either side of a comparison may be the limit."""
        self._compared.pairs.clear()
        self._watched.judge(self.pool[place], _WATCHED_STEPS)
        found = []
        for line, left, right in self._compared.pairs:
            sides = ((line, "left", repr(left)[:80]), (line, "right", repr(right)[:80]))
            if max(self._sides.get(side, 0) for side in sides) < _EACH_SIDE:
                for side in sides:
                    self._sides[side] = self._sides.get(side, 0) + 1
                found.append((left, right))
        return found

    def over(self) -> bool:
        """Whether a limit is reached."""
        limits = self._limits
        if limits.executions and self.executions >= limits.executions:
            return True
        return bool(limits.seconds and limits.clock and limits.clock() - self._begun >= limits.seconds)

    def _turn(self, index: int, goal: deque[int]) -> None:
        """Some inputs for one mutant."""
        parents = self._by_block.get(self.bench.mutants[index].block) or range(len(self.pool))
        # Late ones are likelier: they got further. Of two, the quicker one is.
        draw = self._rng.random
        first, second = (parents[int(len(parents) * max(draw(), draw()))] for _ in range(2))
        quicker = first if self._steps[first] <= self._steps[second] else second
        parent = quicker if draw() < _QUICKER else first
        queue = self._queues.get((index, parent))
        if queue is None:
            queue = self._boundaries(index, parent)
            self._queues[index, parent] = queue
        for tried, candidate in enumerate(queue, 1):
            self._try(candidate, index)
            if tried >= _TURN or self._done(index, goal) or self.over():
                return
        for _ in range(_TURN):
            if self._done(index, goal) or self.over():
                return
            self._try(self._changed(self.pool[parent]), index)

    def _boundaries(self, index: int, parent: int) -> Iterator[bytes]:
        """Inputs at the boundaries of the comparisons around a mutant's change, those on its line first."""
        data = self.pool[parent]
        self._compared.pairs.clear()
        self._watched.judge(data, _WATCHED_STEPS)
        pairs = list(self._compared.pairs)
        line = self.bench.mutants[index].line
        near = [(left, right) for at, left, right in pairs if abs(at - line) <= 2]
        yield from boundary_inputs(data, near, self._longest)
        mutant = self.bench.mutants[index]
        if mutant.block < 0:
            # A constant of the module: it may matter to any comparison, and does to those with its value.
            value = int(mutant.before) if mutant.before.isdigit() else None
            every = [(left, right) for _, left, right in pairs]
            yield from boundary_inputs(data, [pair for pair in every if value in pair], self._longest)
            yield from boundary_inputs(data, every, self._longest)

    def _changed(self, data: bytes) -> bytes:
        draw = self._rng.random()
        if self._structure is not None and draw < _STRUCTURED:
            if draw < _STRUCTURED * _NEW:
                return self._structure.generate(self._rng)[: self._longest]
            return self._structure.mutate(data, self._rng)[: self._longest]
        if draw > 1 - _NEW / 2:
            return self._repeated(data)
        return self._bytes.mutate(data, self.pool[int(self._rng.random() * len(self.pool))])

    def _repeated(self, data: bytes) -> bytes:
        """A piece of the input several times over, with a number before it adjusted now and then."""
        if not data:
            return data
        at = int(self._rng.random() * len(data))
        length = 1 + int(self._rng.random() * min(8, len(data) - at))
        times = _REPEATS[int(self._rng.random() * len(_REPEATS))]
        return (data[:at] + data[at : at + length] * times + data[at + length :])[: self._longest]

    def _try(self, data: bytes, turn: int = -1) -> None:
        """Run one input; keep it if it is worth it."""
        self.executions += 1
        run = self.bench.run(data)
        if not run.judged:
            if len(self.broke) < 16:
                self.broke.append(data)
            return
        pinned = False
        for one in self.bench.differences(run, self._worth(run, turn)):
            pinned |= self.tally.take(one)
        if (self._is_new(run) or pinned) and len(self.pool) < _POOL:
            self._keep(run)

    def _worth(self, run: Run, turn: int) -> list[int]:
        """The mutants to run on an input: those of the blocks it enters, and the others if it looks promising."""
        look = (run.seen, run.outcome[:2], run.steps)
        every = turn == _ALL or look not in self._looks or self._rng.random() < _ANYWAY
        if len(self._looks) < _LOOKS:
            self._looks.add(look)
        return [
            at
            for at in (*self._living, *self._vague)
            if at == turn or ((every or self.bench.mutants[at].block >= 0) and self._worthwhile(at, run))
        ]

    def _worthwhile(self, index: int, run: Run) -> bool:
        """Whether to run a mutant once more: the oftener it did the same as the original, the less it is worth."""
        if self._done(index, self._vague) or not self.bench.may_differ(index, run):
            return False
        self._asked[index] += 1
        asked = self._asked[index]
        return asked < _PATIENCE or self._rng.random() * asked < _PATIENCE

    def _is_new(self, run: Run) -> bool:
        """Whether few inputs so far entered one of its blocks with such a reason and so many steps."""
        kind, size = ":".join(run.outcome[:2]), run.steps.bit_length()
        new = False
        for block, seen in enumerate(run.seen):
            if seen:
                key = (block, kind, size)
                count = self._kinds.get(key, 0)
                if count < _OF_A_KIND:
                    self._kinds[key] = count + 1
                    new = True
        return new

    def _keep(self, run: Run) -> None:
        place = len(self.pool)
        self.pool.append(run.data)
        self._edges.append((place, None))
        self._steps.append(run.steps + len(run.data))
        for block, seen in enumerate(run.seen):
            if seen:
                self._by_block.setdefault(block, []).append(place)
