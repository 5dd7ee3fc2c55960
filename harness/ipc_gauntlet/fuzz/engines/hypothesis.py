"""The engine `hypothesis`: a few thousand odd inputs in seconds, for a pull request.

Hypothesis draws the choices: which way an input is made, which bytes, which seed for the wire schema. It has a good idea of
what is odd (bounds, repetitions, nearly nothing, constants of the code under test), no clock, and runs everywhere. What
it is not used for: its database, its shrinking and its stop at the first failure. Findings are caught before it sees
them, so that a slice goes on; an input that takes new branches is kept, and drawn again.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import shutil
from random import Random
from typing import Any

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.instrument import Coverage, install
from ipc_gauntlet.fuzz.engines.schema_maker import SchemaMaker
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work

# What one run of Hypothesis remembers grows with its examples; a new one begins with a new seed and no memory.
_EACH_RUN = 500
_FRUITLESS = 3
_TELL_EACH = 64
_SEEDS = (1 << 64) - 1


class HypothesisEngine:
    """See the module."""

    name = "hypothesis"

    def __init__(self) -> None:
        self._coverage: Coverage | None = None

    def missing(self) -> str:
        """Why it cannot run here, and what to install; empty if it can."""
        try:
            importlib.import_module("hypothesis")
        except ImportError as error:
            return f"Hypothesis cannot be imported ({error}); pip install hypothesis"
        return ""

    def prepare(self, spec: Spec) -> None:
        """Instrument the measured modules when they are imported, with the planted defect if there is one.

        Raises:
            GauntletError: A measured module was imported already, or the defect cannot be planted.
        """
        self._coverage = install(spec.measured, (transform(spec.plant),) if spec.plant else ())

    def run(self, work: Work) -> None:
        """Fuzz.

        Raises:
            GauntletError: Nothing is measured.
        """
        coverage = self._coverage
        if coverage is None or not coverage.total:
            raise GauntletError(
                f"no branch of {', '.join(work.spec.measured)} is measured: the module of targets does not import it"
            )
        home = work.folder / "hypothesis"
        try:
            # Its caches would otherwise land in whatever folder this was started in.
            importlib.import_module("hypothesis.configuration").set_hypothesis_home_dir(home)
            with Watch(work) as watch:
                work.start()
                _Slice(work, coverage, watch).fuzz()
        finally:
            shutil.rmtree(home, ignore_errors=True)
        coverage.uninstall()
        work.result.functions = sorted(coverage.functions())
        work.result.covered = sorted(coverage.covered())
        work.result.notes += [f"{name} is not measured: {why}" for name, why in coverage.unmeasured.items()]


class _Over(KeyboardInterrupt):
    """The slice is over. Of all exceptions, Hypothesis lets only this kind through at once."""


class _Slice:
    """One slice."""

    def __init__(self, work: Work, coverage: Coverage, watch: Watch) -> None:
        self._work = work
        self._coverage = coverage
        self._watch = watch
        self._structure = work.target.structure if work.spec.structured else None
        self._longest = min(work.spec.longest, work.target.longest)
        tokens = [*work.target.tokens, *map(base64.b64decode, work.spec.dictionary), *coverage.constants]
        self._tokens = [token for token in dict.fromkeys(tokens) if token]
        self._pool: list[bytes] = []
        self._features: set[int] = set()
        self._executions = 0

    def fuzz(self) -> None:
        """Run until the work says that it is over."""
        try:
            for data in self._work.corpus():
                self._one(data[: self._longest], keep=False)
                self._pool.append(data[: self._longest])
            number = fruitless = 0
            while fruitless < _FRUITLESS:
                before = self._executions
                self._some(number)
                number += 1
                fruitless = 0 if self._executions > before else fruitless + 1
            self._work.result.notes.append("Hypothesis has nothing more to draw")
        except _Over:
            pass
        finally:
            self._numbers()

    def _some(self, number: int) -> None:
        """One run of Hypothesis."""
        library = importlib.import_module("hypothesis")
        settings = library.settings(
            max_examples=_EACH_RUN,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(library.Phase.generate,),
            report_multiple_bugs=False,
            suppress_health_check=list(library.HealthCheck),
            verbosity=library.Verbosity.quiet,
        )

        def drawn(data: bytes) -> None:
            self._one(data)

        library.seed(_seed(self._work.spec.seed, number))(settings(library.given(self._inputs())(drawn)))()

    def _inputs(self) -> Any:  # noqa: ANN401 - a strategy, of a library that is imported late
        """Where inputs come from."""
        st = importlib.import_module("hypothesis.strategies")
        longest = self._longest
        seeds = st.integers(0, _SEEDS)
        ways = [st.binary(max_size=min(longest, 64)), st.binary(max_size=longest)]
        pieces = st.binary(max_size=8)
        if self._tokens:
            pieces = st.sampled_from(self._tokens) | pieces
            ways.append(st.lists(pieces, max_size=8).map(b"".join))
        if self._pool:
            # Looked up when it is drawn. Hypothesis likes small numbers: those are the newest.
            known = seeds.map(lambda number: self._pool[-1 - number % len(self._pool)])
            ways.append(st.tuples(known, known, seeds).map(self._changed))
            ways.append(st.tuples(known, st.integers(0, min(longest, 64)), pieces).map(_overwritten))
        if self._structure is not None:
            ways.append(seeds.map(lambda seed: self._schema(seed).generate()))
            if self._pool:
                ways.append(
                    st.tuples(known, seeds).map(lambda drawn: self._schema(drawn[1]).mutate(drawn[0]))
                )
        return st.one_of(ways).map(lambda data: data[:longest])

    def _schema(self, seed: int) -> SchemaMaker:
        assert self._structure is not None  # noqa: S101 - for the type checker: asked by those who have seen it
        return SchemaMaker(self._work.target, self._structure, _rng(seed), self._longest)

    def _changed(self, drawn: tuple[bytes, bytes, int]) -> bytes:
        data, other, seed = drawn
        return ByteMutator(_rng(seed), self._longest, self._tokens).mutate(data, other)

    def _one(self, data: bytes, *, keep: bool = True) -> None:
        """Execute an input; raises _Over after the last one."""
        work = self._work
        self._executions += 1
        work.progress.executions = self._executions
        work.current.set(data, self._executions)
        self._coverage.begin()
        done = execute(work.target, data)
        features = self._coverage.features()
        work.current.idle()
        if done.finding is not None:
            work.found(done.finding)
        if done.verdict is not None:
            word = done.verdict.reason or "accepted"
            work.progress.verdicts[word] = work.progress.verdicts.get(word, 0) + 1
        if any(feature not in self._features for feature in features):
            self._features.update(features)
            if keep:
                self._pool.append(data)
                work.keep(data)
        while (suspect := self._watch.suspect()) is not None:
            slow = self._watch.confirm(suspect, lambda data: execute(work.target, data))
            if slow is not None:
                work.found(slow)
        if self._executions % _TELL_EACH == 0:
            self._numbers()
        if not work.tick():
            raise _Over

    def _numbers(self) -> None:
        progress = self._work.progress
        progress.edges, progress.edges_total = self._coverage.covered_count(), self._coverage.total
        progress.features, progress.corpus = len(self._features), len(self._pool)
        progress.memory_mb = self._watch.memory_mb


def _overwritten(drawn: tuple[bytes, int, bytes]) -> bytes:
    data, at, piece = drawn
    at = min(at, len(data))
    return data[:at] + piece + data[at + len(piece) :]


def _rng(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - reproducible on purpose


def _seed(seed: int, number: int) -> int:
    """The seed of one run of Hypothesis: nothing that one slice draws is what another draws."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:8])


ENGINE = HypothesisEngine()
"""The engine."""
