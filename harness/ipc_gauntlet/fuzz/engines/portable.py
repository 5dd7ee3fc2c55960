"""The engine `portable`: pure Python, on every system. It keeps what takes new branches and mutates it again.

What one execution costs decides what is found, so the inner loop (`Executor.run`) does little: a path that was taken before
is known by one number, and only a new one is looked at. Everything that is drawn comes from one generator seeded by the
orders, and nothing depends on time but when the slice ends: the same orders keep the same inputs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from random import Random

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.instrument import Coverage, install
from ipc_gauntlet.fuzz.engines.executor import Executor, Over
from ipc_gauntlet.fuzz.engines.pool import Entry, Pool
from ipc_gauntlet.fuzz.engines.repair import Repair
from ipc_gauntlet.fuzz.engines.share import Share
from ipc_gauntlet.fuzz.engines.trim import Trimmer
from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.mutate.splice import splice
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.target import Structure, Target
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work

_Way = Callable[[Entry], int]

_FOR_EACH_PICK = 16
_REPAIRED = 4
# What an execution costs by each way, roughly: deciding by the clock would make each run another one.
_COSTS = {"bytes": 1, "compare": 3, "structure": 4}
_GENERATED = 64
_SPLICED = 0.06
_ANEW = 0.04
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
        self._target = target
        self._rng = Random(spec.seed)  # noqa: S311 - inputs have to come again from the same seed
        self._longest = min(spec.longest, target.longest)
        tokens = [*target.tokens, *map(base64.b64decode, spec.dictionary), *coverage.constants]
        self._bytes = ByteMutator(self._rng, self._longest, [t for t in dict.fromkeys(tokens) if t])
        self._structure = target.structure if spec.structured else None
        self._ways: dict[str, _Way] = {"bytes": self._mutate_bytes, "compare": self._answer}
        if self._structure is not None:
            self._ways["structure"] = self._mutate_structure
        self._share = Share(*self._ways)
        self._pool = Pool(self._rng)
        self._executor = Executor(work, coverage, watch)
        self._repair = Repair(self._executor, coverage.compares, self._longest)
        self._trimmer = Trimmer()

    def fuzz(self) -> None:
        """Run until the work says that it is over."""
        try:
            self._begin()
            while True:
                self._round()
        except Over:
            pass
        finally:
            self._executor.tell()

    def _begin(self) -> None:
        run = self._executor.run
        for data in self._work.corpus():
            if run(data[: self._longest]):
                self._take_in(data[: self._longest], 0)
        if self._structure is not None:
            for _ in range(_GENERATED):
                self._try(self._generated(self._structure), 0)
        if not self._pool.entries:
            for data in _FIRST:
                if run(data[: self._longest]) or not self._pool.entries:
                    self._take_in(data[: self._longest], 0)
        self._work.start()

    def _round(self) -> None:
        """Choose a way and an input, and make others of it."""
        way = self._share.choose(self._rng.random())
        entry = self._pool.pick()
        before = self._executor.executions
        brought = self._ways[way](entry)
        self._share.tell(way, _COSTS[way] * (self._executor.executions - before), brought)

    # Ways

    def _mutate_bytes(self, entry: Entry) -> int:
        return sum(self._try(self._by_bytes(entry.data), entry.depth + 1) for _ in range(_FOR_EACH_PICK))

    def _mutate_structure(self, entry: Entry) -> int:
        return sum(self._try(self._by_structure(entry.data), entry.depth + 1) for _ in range(_FOR_EACH_PICK))

    def _answer(self, entry: Entry) -> int:
        """Answer comparisons: all of an input that was not asked before, else the last of inputs made of it."""
        attempt = partial(self._try, depth=entry.depth + 1)
        if not entry.answered:
            entry.answered = True
            return self._repair.answer_all(entry.data, attempt)
        brought = 0
        make = self._by_bytes if self._rng.random() < 0.5 else self._by_structure
        for _ in range(_REPAIRED):
            data = make(entry.data)
            if attempt(data):
                brought += 1
            elif not self._executor.accepted:
                brought += self._repair.answer_last(data, attempt)
        return brought

    # Inputs

    def _by_bytes(self, data: bytes) -> bytes:
        other = self._pool.any().data
        if self._rng.random() < _SPLICED:
            data = splice(data, other, self._rng, self._longest)
        return self._bytes.mutate(data, other)

    def _by_structure(self, data: bytes) -> bytes:
        structure = self._structure
        if structure is None:
            return self._by_bytes(data)
        if self._rng.random() < _ANEW:
            return self._generated(structure)
        try:
            return bytes(structure.mutate(data, self._rng))[: self._longest]
        except Exception as error:
            raise _broken(self._target, "mutate", data, error) from error

    def _generated(self, structure: Structure) -> bytes:
        try:
            return bytes(structure.generate(self._rng))[: self._longest]
        except Exception as error:
            raise _broken(self._target, "generate", b"", error) from error

    def _try(self, data: bytes, depth: int) -> bool:
        if not self._executor.run(data):
            return False
        data = self._trimmed(data)
        self._take_in(data, depth)
        self._work.keep(data)
        return True

    def _take_in(self, data: bytes, depth: int) -> None:
        seen = self._executor.seen
        self._pool.add(Entry(data, self._executor.cost, tuple(seen.fresh), depth=depth), seen.all)
        self._work.progress.corpus = len(self._pool)

    def _trimmed(self, data: bytes) -> bytes:
        """The input without what its news does not need; `seen` and cost are about what is returned."""
        executor, seen = self._executor, self._executor.seen
        fresh, best = seen.fresh, (seen.all, executor.cost)

        def good(candidate: bytes) -> bool:
            nonlocal best
            if executor.run(candidate):
                self._take_in(candidate, 0)
                self._work.keep(candidate)
            if not seen.shows(fresh):
                return False
            best = (seen.now(), executor.cost)
            return True

        shorter = self._trimmer.trim(data, good)
        seen.fresh, (seen.all, executor.cost) = fresh, best
        return shorter


def _broken(target: Target, method: str, data: bytes, error: Exception) -> GauntletError:
    return GauntletError(
        f"target {target.name}: structure.{method} raised {type(error).__name__}: {error} (input {data[:64].hex() or 'none'}); "
        "it must not for any bytes: correct it, or fuzz without (structured = false)"
    )


ENGINE = Portable()
