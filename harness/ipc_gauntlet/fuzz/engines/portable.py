"""The engine `portable`: pure Python, on every system. It keeps what takes new branches and mutates it again.

What one execution costs decides what is found, so the inner loop (`_Loop.run`) does little: a path that was taken before
is known by one number, and only a new one is looked at. Everything that is drawn comes from one generator seeded by the
orders, and nothing depends on time but when the slice ends: the same orders keep the same inputs.
"""

from __future__ import annotations

import base64
from random import Random

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.instrument import Coverage, install
from ipc_gauntlet.fuzz.engines.causes import Causes, cause_of
from ipc_gauntlet.fuzz.engines.pace import Pace
from ipc_gauntlet.fuzz.engines.pool import Entry, Pool
from ipc_gauntlet.fuzz.engines.seen import Seen
from ipc_gauntlet.fuzz.engines.share import Share
from ipc_gauntlet.fuzz.engines.trim import Trimmer
from ipc_gauntlet.fuzz.execute import crash, execute, noncanonical
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.mutate.splice import splice
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.target import Structure, Target, Verdict
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work

_FOR_EACH_PICK = 16
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


class _Stop(Exception):
    """The slice is over."""


class _Loop:
    """One slice."""

    def __init__(self, work: Work, coverage: Coverage, watch: Watch) -> None:
        spec, target = work.spec, work.target
        self._work = work
        self._target = target
        self._coverage = coverage
        self._watch = watch
        self._rng = Random(spec.seed)  # noqa: S311 - inputs have to come again from the same seed
        self._longest = min(spec.longest, target.longest)
        tokens = [*target.tokens, *map(base64.b64decode, spec.dictionary), *coverage.constants]
        self._bytes = ByteMutator(self._rng, self._longest, [t for t in dict.fromkeys(tokens) if t])
        self._structure = target.structure if spec.structured else None
        self._share = Share("bytes") if self._structure is None else Share("structure", "bytes")
        self._pool = Pool(self._rng)
        self._seen = Seen(coverage.trace)
        self._causes = Causes(work)
        self._trimmer = Trimmer()
        self._executions = 0
        self._cost = 0
        self._pace = Pace(work.spec.executions)

    def fuzz(self) -> None:
        """Run until the work says that it is over."""
        try:
            self._begin()
            while True:
                self._round()
        except _Stop:
            pass
        finally:
            self._tell()

    # One execution

    def run(self, data: bytes) -> bool:
        """Execute an input.

        Returns:
            Whether it showed something new.

        Raises:
            _Stop: It was not executed any more.
        """
        if self._executions >= self._pace.look_at:
            self._look()
        self._executions = number = self._executions + 1
        target, current, trace = self._target, self._work.current, self._coverage.trace
        current.set(data, number)
        trace.clear()
        try:
            value = target.parse(data)
        except target.rejects as error:
            reason = target.reason(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the code under test raises is the finding
            self._crashed(data, error)
            self._seen.ended_badly()
            return False
        else:
            reason = "accepted"
        self._cost = len(trace)
        new = self._seen.new(reason)
        if new and reason != "accepted" and target.residue is not None:
            self._found(execute(target, data).finding)
        if reason == "accepted" and target.canonical:
            self._check(data, value)
        current.execution = 0
        return new

    def _crashed(self, data: bytes, error: BaseException) -> None:
        cause = cause_of(error)
        if self._causes.worth_writing(cause, data):
            finding = crash(self._target, data, error)
            self._causes.write(cause, finding)
            self._pace.look_at = 0

    def _check(self, data: bytes, value: object) -> None:
        """The oracle for accepted inputs: they are the encoding of what they mean."""
        encode = self._target.encode
        try:
            same = encode is None or encode(value) == data
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the code under test raises it
            self._crashed(data, error)
            return
        if not same and self._causes.worth_writing("noncanonical", data):
            finding = noncanonical(self._target, data, Verdict(True, "", value))
            if finding is not None:
                self._causes.write("noncanonical", finding)
                self._pace.look_at = 0

    def _found(self, finding: Finding | None) -> None:
        if finding is not None:
            self._work.found(finding)
            self._pace.look_at = 0

    # Many executions

    def _begin(self) -> None:
        for data in self._work.corpus():
            data = data[: self._longest]
            if self.run(data):
                self._take_in(data, 0)
        if self._structure is not None:
            for _ in range(_GENERATED):
                self._try(self._generated(self._structure), 0)
        if not self._pool.entries:
            for data in _FIRST:
                if self.run(data[: self._longest]) or not self._pool.entries:
                    self._take_in(data[: self._longest], 0)
        self._work.start()

    def _round(self) -> None:
        """Choose an input and make others of it."""
        draw = self._rng.random
        way = self._share.choose(draw())
        entry = self._pool.pick()
        make = self._by_structure if way == "structure" else self._by_bytes
        brought = 0
        for _ in range(_FOR_EACH_PICK):
            brought += self._try(make(entry.data), entry.depth + 1)
        self._share.tell(way, _FOR_EACH_PICK, brought)

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
        if not self.run(data):
            return False
        data = self._trimmed(data)
        self._take_in(data, depth)
        self._work.keep(data)
        return True

    def _take_in(self, data: bytes, depth: int) -> None:
        seen = self._seen
        self._pool.add(Entry(data, self._cost, tuple(seen.fresh), depth=depth), seen.all)

    def _trimmed(self, data: bytes) -> bytes:
        """The input without what its news does not need; `seen` and cost are about what is returned."""
        seen = self._seen
        fresh, best = seen.fresh, (seen.all, self._cost)

        def good(candidate: bytes) -> bool:
            nonlocal best
            if self.run(candidate):
                self._take_in(candidate, 0)
                self._work.keep(candidate)
            if not seen.shows(fresh):
                return False
            best = (seen.now(), self._cost)
            return True

        shorter = self._trimmer.trim(data, good)
        seen.fresh, (seen.all, self._cost) = fresh, best
        return shorter

    # Now and then

    def _look(self) -> None:
        self._tell()
        while (data := self._watch.suspect()) is not None:
            self._work.current.set(data, self._executions)
            self._found(self._watch.confirm(data, lambda data: execute(self._target, data)))
        if not self._work.tick():
            raise _Stop
        self._pace.next(self._executions)

    def _tell(self) -> None:
        progress = self._work.progress
        progress.executions = self._executions
        progress.edges = self._coverage.covered_count()
        progress.edges_total = self._coverage.total
        progress.features = self._seen.count
        progress.corpus = len(self._pool)
        progress.memory_mb = self._watch.memory_mb
        progress.verdicts = dict(self._seen.reasons)


def _broken(target: Target, method: str, data: bytes, error: Exception) -> GauntletError:
    return GauntletError(
        f"target {target.name}: structure.{method} raised {type(error).__name__}: {error} (input {data[:64].hex() or 'none'}); "
        "it must not for any bytes: correct it, or fuzz without (structured = false)"
    )


ENGINE = Portable()
