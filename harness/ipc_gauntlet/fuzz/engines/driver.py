"""The engine `driver`: another implementation's parser, in any language, beside the reference's.

The reference runs in this process, measured; the implementation under test behind its driver, with many requests in
flight. An input is kept if it shows something new:

- a pair of verdicts: which check of the reference refused, and what the implementation said. It needs nothing of the
  implementation, and leads to disagreements quickest;
- branches of the reference, with their counts in buckets;
- edges of the implementation, if its driver tells them.

What the two judge differently is a finding, and so is whatever ends the implementation's process.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from ipc_gauntlet.driver import Statement
from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.coverage.instrument import Coverage, install
from ipc_gauntlet.fuzz.differential.answers import Answer, Outcome
from ipc_gauntlet.fuzz.differential.compare import Reference, compare, refer, troubled
from ipc_gauntlet.fuzz.differential.pool import Entry, Pool
from ipc_gauntlet.fuzz.differential.remote import RemoteParser
from ipc_gauntlet.fuzz.engines.schema_maker import SchemaMaker
from ipc_gauntlet.fuzz.execute import crash, noncanonical
from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.mutate.splice import splice
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work

_BATCH = 32
_BY_SCHEMA, _ANEW, _SPLICED = 0.45, 0.05, 0.05
_FIRST = (b"", b"\x00", b"\x00" * 8, b"0", b"A" * 16, bytes(range(64)))
# Features of three kinds in one set of numbers.
_KINDS, _OF_REFERENCE, _OF_PAIRS, _OF_IMPLEMENTATION = 3, 0, 1, 2
_FEEDBACK = "pairs,reference,implementation"


class DriverEngine:
    """See the module."""

    name = "driver"

    def __init__(self) -> None:
        self._coverage: Coverage | None = None

    def missing(self) -> str:
        """It runs wherever drivers run."""
        return ""

    def prepare(self, spec: Spec) -> None:
        """Measure the reference.

        Raises:
            UsageError: The orders name no driver.
            GauntletError: A measured module was imported already, or the defect cannot be planted.
        """
        if not spec.driver:
            raise UsageError(
                'the fuzz engine driver needs the command of an implementation: --driver "./my-driver"'
            )
        self._coverage = install(spec.measured, (transform(spec.plant),) if spec.plant else ())

    def run(self, work: Work) -> None:
        """Fuzz.

        Raises:
            UsageError: The driver has no parser for the target's bytes.
            GauntletError: The driver does not start, or nothing of the reference is measured.
        """
        coverage, spec = self._coverage, work.spec
        parser = spec.options.get("parser") or work.target.reference_parser
        if not parser:
            raise UsageError(
                f"the target {work.target.name} is of no parser of the driver protocol; choose one that has one"
            )
        if coverage is None or not coverage.total:
            raise GauntletError(f"no branch of {', '.join(spec.measured)} is measured")
        remote_parser = RemoteParser(spec.driver, parser, spec.hang_seconds, spec.memory_mb)
        with remote_parser as remote, Watch(work) as watch:
            statement = remote.start()
            work.start()
            _Loop(work, coverage, remote, watch).fuzz(statement)
        coverage.uninstall()
        work.result.functions = sorted(coverage.functions())
        work.result.covered = sorted(coverage.covered())
        work.result.notes += [f"{name} is not measured: {why}" for name, why in coverage.unmeasured.items()]


@dataclass(frozen=True, slots=True)
class _Try:
    """An input, and the one that it was made from."""

    data: bytes
    parent: Entry | None = None


class _Loop:
    """One slice."""

    def __init__(self, work: Work, coverage: Coverage, remote: RemoteParser, watch: Watch) -> None:
        spec, target = work.spec, work.target
        self._work = work
        self._target = target
        self._coverage = coverage
        self._remote = remote
        self._watch = watch
        self._rng = Random(spec.seed)  # noqa: S311 - reproducible on purpose
        self._longest = min(spec.longest, target.longest)
        tokens = [*target.tokens, *map(base64.b64decode, spec.dictionary), *coverage.constants]
        self._bytes = ByteMutator(
            self._rng, self._longest, [token for token in dict.fromkeys(tokens) if token]
        )
        structure = target.structure if spec.structured else None
        self._schema = (
            SchemaMaker(target, structure, self._rng, self._longest) if structure is not None else None
        )
        self._shown: Counter[int] = Counter()
        self._pool = Pool(self._rng, self._shown)
        self._numbers: dict[str, int] = {}
        self._pairs: Counter[str] = Counter()
        self._remote_edges: set[int] = set()
        self._answered = 0
        self._feedback = set(spec.options.get("feedback", _FEEDBACK).split(","))
        self._executions = 0
        self._keeping = False

    def fuzz(self, statement: Statement) -> None:
        """Run until the work says that it is over."""
        try:
            first = [data[: self._longest] for data in self._work.corpus()] or list(_FIRST)
            for start in range(0, len(first), _BATCH):
                if not self._batch([_Try(data) for data in first[start : start + _BATCH]]):
                    return
            self._keeping = True
            while self._batch(list(self._choose(_BATCH))):
                pass
        finally:
            self._tell(statement)

    # Choosing

    def _choose(self, count: int) -> Iterator[_Try]:
        for _ in range(count):
            if len(self._pool):
                parent = self._pool.pick()
                yield _Try(self._made(parent.data)[: self._longest], parent)
            else:
                yield _Try(self._bytes.mutate(self._rng.choice(_FIRST), b""))

    def _made(self, data: bytes) -> bytes:
        draw = self._rng.random()
        if self._schema is not None:
            if draw < _ANEW:
                return self._schema.generate()
            if draw < _ANEW + _BY_SCHEMA:
                return self._schema.mutate(data)
        other = self._pool.any().data
        if draw > 1 - _SPLICED:
            return splice(data, other, self._rng, self._longest)
        return self._bytes.mutate(data, other)

    # Executing

    def _batch(self, tries: list[_Try]) -> bool:
        """Execute some inputs with both; answers whether to go on."""
        if limit := self._work.spec.executions:
            tries = tries[: limit - self._executions]
        begun = self._executions
        references = [self._refer(one.data) for one in tries]
        outcomes = self._remote.run([one.data for one in tries])
        progress = self._work.progress
        for number, (one, (reference, features), outcome) in enumerate(
            zip(tries, references, outcomes, strict=True), begun + 1
        ):
            progress.executions = number
            self._judge(one, reference, outcome)
            self._learn(one.data, [*features, *self._of_both(reference, outcome)])
        progress.edges, progress.edges_total = self._coverage.covered_count(), self._coverage.total
        progress.features, progress.corpus = len(self._shown), len(self._pool)
        progress.memory_mb = self._watch.memory_mb
        return self._work.tick()

    def _refer(self, data: bytes) -> tuple[Reference | None, list[int]]:
        """The reference's verdict, and what it took; None for what is a finding by itself."""
        self._executions += 1
        self._work.progress.executions = self._executions
        self._work.current.set(data, self._executions)
        self._coverage.begin()
        reference = None
        try:
            reference = refer(self._target, data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the code under test raises is the finding
            self._work.found(crash(self._target, data, error))
        else:
            verdict = reference.verdict
            if verdict.accepted and (odd := noncanonical(self._target, data, verdict)):
                self._work.found(odd)
        self._work.current.idle()
        features = self._coverage.features() if "reference" in self._feedback else self._noted()
        return reference, [number * _KINDS + _OF_REFERENCE for number in features]

    def _noted(self) -> list[int]:
        self._coverage.hits()
        return []

    def _judge(self, one: _Try, reference: Reference | None, outcome: Outcome) -> None:
        verdicts = self._work.progress.verdicts
        word = reference.word if reference is not None else "failed"
        verdicts[word] = verdicts.get(word, 0) + 1
        self._pairs[f"{word} / {outcome.word}"] += 1
        if not isinstance(outcome, Answer):
            self._work.found(troubled(self._target, one.data, outcome))
            if one.parent is not None and outcome.breaks:
                one.parent.broke()
        elif reference is not None and (finding := compare(self._target, one.data, reference, outcome)):
            self._work.found(finding)

    def _of_both(self, reference: Reference | None, outcome: Outcome) -> Iterable[int]:
        if "pairs" in self._feedback:
            pair = f"{reference.check if reference is not None else ''} / {outcome.word}"
            yield self._numbers.setdefault(pair, len(self._numbers)) * _KINDS + _OF_PAIRS
        if isinstance(outcome, Answer):
            self._answered += 1
            self._remote_edges.update(outcome.edges)
            if "implementation" in self._feedback:
                for edge in outcome.edges:
                    yield edge * _KINDS + _OF_IMPLEMENTATION

    def _learn(self, data: bytes, features: list[int]) -> None:
        new = any(feature not in self._shown for feature in features)
        self._shown.update(features)
        if features and (new or not len(self._pool)):
            self._pool.add(Entry(data, tuple(features)))
            if new and self._keeping:
                self._work.keep(data)

    def _tell(self, statement: Statement) -> None:
        """What a person should know of the other side."""
        result, remote = self._work.result, self._remote
        told = f"{len(self._remote_edges)} edges told" if statement.coverage else "no edges told"
        result.notes.append(f"implementation: {statement.name} {statement.version}, {told}")
        if statement.coverage and self._answered and not self._remote_edges:
            result.warnings.append(
                f"the driver of {statement.name} claims coverage ({statement.coverage}) and told no edge in "
                f"{self._answered} answers: what the implementation does leads nothing"
            )
        result.pairs = dict(self._pairs)
        counts = {
            "the implementation broke, and its process was replaced": remote.restarts,
            f"the implementation's memory grew by more than {self._work.spec.memory_mb} MB": remote.grown,
            "the implementation broke, and no input did it again": remote.unexplained,
        }
        result.counts = {text: count for text, count in counts.items() if count}


ENGINE = DriverEngine()
"""The engine."""
