"""Runs inputs for the engine `portable`: what each showed, what it did wrong, and whether to go on."""

from __future__ import annotations

from ipc_gauntlet.fuzz.coverage.instrument import Coverage
from ipc_gauntlet.fuzz.engines.causes import Causes, cause_of
from ipc_gauntlet.fuzz.engines.pace import Pace
from ipc_gauntlet.fuzz.engines.seen import Seen
from ipc_gauntlet.fuzz.execute import crash, execute, left_behind, noncanonical
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.target import Verdict
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work


class Over(Exception):
    """The slice is over."""


class Executor:
    """Runs one input after the other.

    Args:
        work: The slice.
        coverage: What is measured.
        watch: Over hangs and memory.

    Attributes:
        seen: What executions have shown.
        executions: How many there were.
        cost: Edges that the last one took.
        accepted: Whether the last one was accepted.
    """

    def __init__(self, work: Work, coverage: Coverage, watch: Watch) -> None:
        self._work = work
        self._target = work.target
        self._residue = work.target.residue
        self._coverage = coverage
        self._watch = watch
        self._causes = Causes(work)
        self._pace = Pace(work.spec.executions)
        self.seen = Seen(coverage.trace)
        self.executions = 0
        self.cost = 0
        self.accepted = False

    def run(self, data: bytes) -> bool:
        """Execute an input.

        Returns:
            Whether it showed something new; `seen.fresh` is what.

        Raises:
            Over: It was not executed any more.
        """
        if self.executions >= self._pace.look_at:
            self._look()
        self.executions = number = self.executions + 1
        target, current, trace = self._target, self._work.current, self._coverage.trace
        current.set(data, number)
        residue = self._residue
        # Read before every execution: what is kept of an input that was accepted, or looked at quietly, is no residue.
        before = residue() if residue is not None else None
        trace.clear()
        try:
            value = target.parse(data)
        except target.rejects as error:
            reason = target.reason(error)
            self.accepted = False
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the code under test raises is the finding
            self._crashed(data, error)
            return False
        else:
            reason = "accepted"
            self.accepted = True
        self.cost = len(trace)
        new = self.seen.new(reason)
        if new:
            # Remembers what was taken so far: an execution that nobody asks about is forgotten.
            self._coverage.hits()
        if self.accepted:
            if target.canonical:
                self._check(data, value)
        elif residue is not None and (after := residue()) != before:
            self._kept(data, reason, (before, after))
        current.execution = 0
        return new

    def run_quietly(self, data: bytes) -> None:
        """Execute an input and look at nothing: it is executed for what it tells on the way.

        Raises:
            Over: It was not executed any more.
        """
        if self.executions >= self._pace.look_at:
            self._look()
        self.executions += 1
        self._work.current.set(data, self.executions)
        try:
            self._target.parse(data)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001, S110 - findings are made of executions that are looked at
            pass
        self._work.current.execution = 0

    def finish(self) -> None:
        """The last numbers, and what the watch has seen since the last look."""
        self._work.current.idle()
        self._watch.last_look()
        self._confirm()
        self.tell()

    def tell(self) -> None:
        """Bring the numbers of the slice up to date."""
        progress = self._work.progress
        progress.executions = self.executions
        progress.edges = self._coverage.covered_count()
        progress.edges_total = self._coverage.total
        progress.features = self.seen.count
        progress.memory_mb = self._watch.memory_mb
        progress.verdicts = dict(self.seen.reasons)

    def _crashed(self, data: bytes, error: BaseException) -> None:
        self.seen.ended_badly()
        self.cost = 0
        self.accepted = False
        cause = cause_of(error)
        if self._causes.worth_writing(cause, data):
            self._coverage.hits()
            self._write(cause, crash(self._target, data, error))
        self._work.current.execution = 0

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
                self._write("noncanonical", finding)

    def _kept(self, data: bytes, reason: str, residue: tuple[object, object]) -> None:
        """The oracle for refused inputs: nothing is left of them, even of the first time that they come."""
        cause = ("residue", reason)
        if self._causes.worth_writing(cause, data):
            self._write(cause, left_behind(self._target, data, reason, residue))

    def _write(self, cause: object, finding: Finding) -> None:
        self._work.progress.executions = self.executions
        self._causes.write(cause, finding)
        self._pace.look_at = 0

    def _found(self, finding: Finding | None) -> None:
        if finding is not None:
            self._write(finding.signature, finding)

    def _look(self) -> None:
        self.tell()
        self._confirm()
        if not self._work.tick():
            raise Over
        self._pace.next(self.executions)

    def _confirm(self) -> None:
        while (data := self._watch.suspect()) is not None:
            self._work.current.set(data, self.executions)
            self._found(self._watch.confirm(data, lambda data: execute(self._target, data)))
