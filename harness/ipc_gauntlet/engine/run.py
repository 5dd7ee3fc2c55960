"""A run from beginning to end: what is tested is asked once, cases are chosen and run, everything becomes events.

Whatever happens after the first event, the last one is `RunFinished`, nothing is left in the file system and no
process is left behind.
"""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from ipc_gauntlet.engine.cases import FoundCase, blank_result, gated_result
from ipc_gauntlet.engine.coverage import untestable
from ipc_gauntlet.engine.crew import crew_size
from ipc_gauntlet.engine.links import RunLink
from ipc_gauntlet.engine.noise import NoiseFilter
from ipc_gauntlet.engine.prepare import Wish, check, settings_for
from ipc_gauntlet.engine.probe import unknown_implementation
from ipc_gauntlet.engine.processes import Household, Stopper, cpu_seconds
from ipc_gauntlet.engine.recorder import Consumer, Recorder
from ipc_gauntlet.engine.selection import unmatched
from ipc_gauntlet.engine.sessions import find_cases, run_cases
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.engine.workdir import private_directory
from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.events import CaseResult, Implementation, RunFinished, RunStarted
from ipc_gauntlet.requirements import Catalogue, load_catalogue
from ipc_gauntlet.verdict import ExitStatus, Verdict, exit_status

CLOCKS = 4
"""How many processes measure time at once unless somebody says otherwise: each of them mostly waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run and how.

    Args:
        wish: What to test with which cases.
        workers: How many processes; 0 for this one only, None to choose.
        clocks: How many processes may measure time at once.
        strict: Whether SHOULD counts like MUST for the exit status.
        run: Id of the run.
        clock: Seconds since the epoch.
    """

    wish: Wish
    workers: int | None = None
    clocks: int = CLOCKS
    strict: bool = False
    run: str
    clock: Callable[[], float] = time.time


def run(order: Order, consumers: Sequence[Consumer]) -> ExitStatus:
    """Do a run.

    Args:
        order: What and how.
        consumers: Get every event.

    Returns:
        The exit status for the command line.

    Raises:
        UsageError: Nothing was run because the wish makes no sense; no event was given.
    """
    client, server = check(order.wish)
    recorder = Recorder(consumers, run=order.run, clock=order.clock)
    unknown = unknown_implementation(client, server)
    household, stopper = Household(), Stopper()
    attempt = _Run(order, recorder, household)
    began, cpu = time.monotonic(), cpu_seconds()
    error = ""
    with stopper.listening():
        try:
            with private_directory() as workdir:
                try:
                    attempt.do(workdir)
                finally:
                    household.kill()
        except KeyboardInterrupt:
            attempt.interrupted = True
        except UsageError:
            raise
        except GauntletError as problem:
            error = str(problem)
        if not recorder.started:
            recorder.run_started(_start(unknown, order))
        status = attempt.status(error, stopper)
        finished = RunFinished(
            at=0.0,
            run="",
            duration_s=round(time.monotonic() - began, 3),
            cpu_s=round(cpu_seconds() - cpu, 3),
            interrupted=attempt.interrupted,
            not_run=attempt.not_run(),
            error=error,
            exit_status=int(status),
        )
        recorder.run_finished(finished)
    if recorder.broken:
        raise GauntletError("; ".join(recorder.broken))
    return status


class _Run:
    """The changing parts of one run."""

    def __init__(self, order: Order, recorder: Recorder, household: Household) -> None:
        self._order = order
        self._recorder = recorder
        self._household = household
        self._chosen: list[FoundCase] = []
        self.interrupted = False

    def do(self, workdir: Path) -> None:
        """Everything between the first and the last event."""
        wish, catalogue = self._order.wish, load_catalogue()
        settings = settings_for(wish, workdir)
        found = find_cases(settings, wish.packages, catalogue)
        problems = unmatched(wish.selection, found, [item.id for item in catalogue.requirements])
        if problems:
            raise UsageError("\n".join(problems))
        self._chosen = self._part([case for case in found if wish.selection.chooses(case)])
        runnable = [case for case in self._chosen if case.gate is None]
        workers = crew_size(self._order.workers, runnable, self._order.clocks)
        skipped = self._skipped(settings, catalogue, found)
        suites = Counter(case.suite for case in self._chosen)
        suites.update(result.suite for result in skipped if result.verdict is Verdict.fail)
        start = _start(settings.implementation, self._order)
        self._recorder.run_started(
            msgspec.structs.replace(start, suites=dict(suites), selection=wish.chosen_by(), workers=workers)
        )
        for result in skipped:
            self._recorder.case_finished(result)
        if runnable:
            self._run(settings, runnable, workers)
        if not self.interrupted:
            self._complete(settings, catalogue, found)

    def _part(self, cases: list[FoundCase]) -> list[FoundCase]:
        """The cases of this part of the run."""
        shard = self._order.wish.shard
        if shard is None:
            return cases
        mine = shard.choose(cases, self._order.wish.durations)
        return [case for case in cases if case.id in mine]

    def _skipped(
        self, settings: Settings, catalogue: Catalogue, found: Sequence[FoundCase]
    ) -> list[CaseResult]:
        """Results that are known before anything runs."""
        results = {
            case.id: gated_result(case, case.gate, catalogue[case.requirement], settings.replay)
            for case in self._chosen
            if case.gate is not None
        }
        return [*results.values(), *untestable(found, results, catalogue, settings)]

    def _run(self, settings: Settings, runnable: Sequence[FoundCase], workers: int) -> None:
        noise = NoiseFilter(self._recorder.case_finished)
        try:
            self._session(RunLink(settings, runnable, self._recorder.case_started, noise.take), workers)
            again = noise.again(runnable)
            if again and not self.interrupted:
                self._session(RunLink(settings, again, lambda _case: None, noise.take), min(workers, 1))
        finally:
            noise.give_up()

    def _session(self, link: RunLink, workers: int) -> None:
        link.clocks = self._order.clocks
        try:
            run_cases(link, self._order.wish.packages, workers, self._household.kill)
        finally:
            self.interrupted = self.interrupted or link.interrupted
            for text in link.warnings:
                self._recorder.warn(text)

    def _complete(self, settings: Settings, catalogue: Catalogue, found: Sequence[FoundCase]) -> None:
        """Say of every chosen case, and of every requirement, that has no verdict why it has none."""
        results = self._recorder.results
        for case in self._chosen:
            if case.id not in results:
                blank = blank_result(case, catalogue[case.requirement], Verdict.error, settings.replay)
                lost = msgspec.structs.replace(blank, reason="lost", message="no worker reported a result")
                self._recorder.case_finished(lost)
        for result in untestable(found, results, catalogue, settings):
            self._recorder.case_finished(result)
        if all(result.verdict is Verdict.not_applicable for result in results.values()):
            self._recorder.warn("nothing was tested: none of the chosen cases applies to this implementation")

    def status(self, error: str, stopper: Stopper) -> ExitStatus:
        """What the run comes to; a failed requirement counts even when the harness then broke."""
        if self.interrupted:
            return stopper.status or ExitStatus.interrupted
        results = [(result.verdict, result.level) for result in self._recorder.results.values()]
        if error:
            results = [(verdict, level) for verdict, level in results if verdict is Verdict.fail]
        status = exit_status(results, strict=self._order.strict)
        return ExitStatus.harness if error and status is ExitStatus.ok else status

    def not_run(self) -> tuple[str, ...]:
        """Ids of chosen cases without a result."""
        return tuple(case.id for case in self._chosen if case.id not in self._recorder.results)


def _start(implementation: Implementation, order: Order) -> RunStarted:
    return RunStarted(
        at=0.0,
        run="",
        version=version("ipc-gauntlet"),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        implementation=implementation,
        seed=order.wish.seed,
        requirements_set=order.wish.selection.requirements_set,
    )
