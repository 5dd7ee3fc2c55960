"""The engine `portable`: pure Python, on every system. It keeps what takes new branches and mutates it again.

What one execution costs decides what is found, so the inner loop (`Executor.run`) does little: a path that was taken before
is known by one number, and only a new one is looked at. Everything that is drawn comes from one generator seeded by the
orders, and nothing depends on time but when the slice ends: the same orders keep the same inputs.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from random import Random

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.instrument import Coverage, install
from ipc_gauntlet.fuzz.engines.executor import Executor, Over
from ipc_gauntlet.fuzz.engines.pool import Entry, Pool
from ipc_gauntlet.fuzz.engines.repair import Repair
from ipc_gauntlet.fuzz.engines.schema_maker import SchemaMaker
from ipc_gauntlet.fuzz.engines.share import Budget, Share
from ipc_gauntlet.fuzz.engines.trim import Trimmer, halves
from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.mutate.parts import PartMutator, flipped, lengthened
from ipc_gauntlet.fuzz.mutate.splice import splice
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work

_Make = Callable[[Entry], bytes]
_Way = Callable[[Entry], int]

_FOR_EACH_PICK = 16
# What a byte costs by each way, beside the execution itself, roughly. By the clock no run would be like another.
_COSTS = {"bytes": 0.01, "parts": 0.05, "compare": 0.05, "schema": 0.2}
_GENERATED = 64
_FRESH = 1024
_AGAIN = 16
_WORTH_MORE = 0.1
_SPLICED = 0.06
_ANEW = 0.04
_FIXED = 1.0
# Without seeds and structure: something to begin with.
_FIRST = (b"", b"\x00", b"\x00" * 8, b"0", b"A" * 16, bytes(range(64)))


class Portable:
    """See the module."""

    name = "portable"

    def __init__(self) -> None:
        self._coverage: Coverage | None = None

    def missing(self) -> str:
        """It runs everywhere."""
        return ""

    def prepare(self, spec: Spec) -> None:
        """Instrument the measured modules when they are imported, with the planted defect if there is one.

        Raises:
            GauntletError: A measured module was imported already, or the defect cannot be planted.
        """
        transforms = (transform(spec.plant),) if spec.plant else ()
        self._coverage = install(spec.measured, transforms)

    def run(self, work: Work) -> None:
        """Fuzz.

        Raises:
            GauntletError: Nothing is measured.
        """
        coverage = self._coverage
        if coverage is None:
            raise GauntletError("the engine portable was not prepared before the targets were imported")
        if not coverage.total:
            raise GauntletError(_blind(work.spec, coverage))
        with Watch(work) as watch:
            _Loop(work, coverage, watch).fuzz()
        coverage.uninstall()
        work.result.functions = sorted(coverage.functions())
        work.result.covered = sorted(coverage.covered())
        work.result.notes += [f"{name} is not measured: {why}" for name, why in coverage.unmeasured.items()]


def _blind(spec: Spec, coverage: Coverage) -> str:
    names = ", ".join(spec.measured)
    reasons = "; ".join(f"{name}: {why}" for name, why in coverage.unmeasured.items())
    why = reasons or f"{spec.module} does not import it at its top, or there is nothing in it that branches"
    return f"target {spec.target}: no branch of {names} is measured ({why})"


class _Loop:
    """One slice."""

    def __init__(self, work: Work, coverage: Coverage, watch: Watch) -> None:
        spec, target = work.spec, work.target
        self._work = work
        self._rng = Random(spec.seed)  # noqa: S311 - inputs have to come again from the same seed
        self._longest = longest = min(spec.longest, target.longest)
        found = [*target.tokens, *map(base64.b64decode, spec.dictionary), *coverage.constants]
        tokens = [token for token in dict.fromkeys(found) if token]
        self._bytes = ByteMutator(self._rng, longest, tokens)
        self._parts = PartMutator(self._rng, longest, tokens)
        self._schema: SchemaMaker | None = None
        if spec.structured and target.structure is not None:
            self._schema = SchemaMaker(target, target.structure, self._rng, longest)
        self._executor = Executor(work, coverage, watch)
        fix = self._schema.fix if self._schema is not None and self._schema.can_fix else None
        self._repair = Repair(self._executor, coverage.compares, longest, fix)
        self._budget = Budget()
        self._fresh: deque[Entry] = deque(maxlen=_FRESH)
        self._pool = Pool(self._rng, self._executor.seen.shown)
        self._trimmer = Trimmer(halves if self._schema is None else self._schema.ranges)
        self._ways = self._ways_to_go()
        self._share = Share(*self._ways)

    def _ways_to_go(self) -> dict[str, _Way]:
        if self._schema is None:
            return {"bytes": self._many(self._by_bytes), "compare": self._answering(self._by_bytes)}
        return {
            "bytes": self._many(self._by_bytes),
            "parts": self._many(self._by_parts),
            "schema": self._many(self._by_schema),
            "compare": self._answering(self._by_parts),
        }

    def fuzz(self) -> None:
        """Run until the work says that it is over."""
        try:
            self._begin()
            while True:
                self._round()
        except Over:
            self._executor.finish()

    def _begin(self) -> None:
        for data in self._work.corpus():
            if self._executor.run(data[: self._longest]):
                self._take_in(data[: self._longest])
        # Slices before this one have looked closely at what they kept: at some of it again, each time at other inputs.
        known = list(self._fresh)
        self._fresh = deque(self._rng.sample(known, min(len(known), _AGAIN)), maxlen=_FRESH)
        if self._schema is not None:
            for _ in range(_GENERATED):
                self._try(self._schema.generate())
        if not self._pool.entries:
            for data in _FIRST:
                if not self._try(data[: self._longest]) and not self._pool.entries:
                    self._take_in(data[: self._longest])
        self._work.start()

    def _round(self) -> None:
        """Choose a way and an input, and make others of it; what is new is looked at closely before."""
        before = self._executor.executions
        fresh = bool(self._fresh) and self._budget.allows()
        if fresh:
            entry = self._fresh.pop()
            brought = self._explore(entry)
        else:
            way = self._share.choose(self._rng.random())
            entry = self._pool.pick()
            brought = self._ways[way](entry)
            tried = self._executor.executions - before
            self._share.tell(way, tried * (1 + _COSTS[way] * len(entry.data)), brought)
        # Not all executions are the same: those of a long input take the time of many.
        spent = (self._executor.executions - before) / self._pool.energy(entry)
        self._budget.tell(spent, brought, others=not fresh)

    def _explore(self, entry: Entry) -> int:
        """Answer what an input compares, lengthen it by one of each of its groups, flip its last bits."""
        energy = self._pool.energy(entry)
        brought = self._repair.answer_all(entry.data, entry.cost, self._try, energy)
        if self._schema is not None and energy > _WORTH_MORE:
            places = self._schema.places(entry.data)
            for data in lengthened(places):
                if self._try(data[: self._longest]):
                    brought += 1
                elif not self._executor.accepted:
                    brought += self._repair.answer_last(data, self._try)
            brought += sum(self._try(self._schema.fix(data)) for data in flipped(places))
        return brought

    # Ways: each makes some inputs of one, and tells how many showed something new.

    def _many(self, make: _Make) -> _Way:
        def way(entry: Entry) -> int:
            return sum(self._try(make(entry)) for _ in range(_FOR_EACH_PICK))

        return way

    def _answering(self, make: _Make) -> _Way:
        def way(entry: Entry) -> int:
            brought = 0
            for _ in range(_FOR_EACH_PICK):
                data = make(entry)
                if self._try(data):
                    brought += 1
                elif not self._executor.accepted and self._executor.cost > entry.cost:
                    # It came further than what it was made of: what refused it there may be new.
                    brought += self._repair.answer_last(data, self._try)
            return brought

        return way

    def _by_bytes(self, entry: Entry) -> bytes:
        data, other = entry.data, self._pool.any().data
        if self._rng.random() < _SPLICED:
            data = splice(data, other, self._rng, self._longest)
        return self._bytes.mutate(data, other)

    def _by_parts(self, entry: Entry) -> bytes:
        schema = self._schema
        if schema is None:
            return self._by_bytes(entry)
        data = self._parts.mutate(schema.places(entry.data), schema.places(self._pool.any().data))
        # As long as before: lengths are right, checksums need not be.
        fixes = len(data) == len(entry.data) and self._rng.random() < _FIXED
        return schema.fix(data) if fixes else data

    def _by_schema(self, entry: Entry) -> bytes:
        schema = self._schema
        if schema is None:
            return self._by_bytes(entry)
        return schema.generate() if self._rng.random() < _ANEW else schema.mutate(entry.data)

    # What came of it

    def _try(self, data: bytes) -> bool:
        if not self._executor.run(data):
            return False
        data = self._trimmed(data)
        self._take_in(data)
        self._work.keep(data)
        return True

    def _take_in(self, data: bytes) -> None:
        entry = Entry(data, tuple(self._executor.seen.all), cost=self._executor.cost)
        self._pool.add(entry)
        self._fresh.append(entry)
        self._work.progress.corpus = len(self._pool)

    def _trimmed(self, data: bytes) -> bytes:
        """The input without what its news does not need; `seen` and cost are about what is returned."""
        executor, seen = self._executor, self._executor.seen
        fresh, best = seen.fresh, (seen.all, executor.cost)

        def good(candidate: bytes) -> bytes | None:
            nonlocal best
            if self._schema is not None:
                candidate = self._schema.fix(candidate)
            if executor.run(candidate):
                self._take_in(candidate)
                self._work.keep(candidate)
            if not seen.shows(fresh):
                return None
            best = (seen.now(), executor.cost)
            return candidate

        shorter = self._trimmer.trim(data, good)
        seen.fresh, (seen.all, executor.cost) = fresh, best
        return shorter


ENGINE = Portable()
