"""Running cases in one process: the bench, the `lab` of each case, and its result.

A result leaves with the report of the case's last phase, so that it knows about the cleaning up too.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec
import pytest

from ipc_gauntlet.engine import outcome
from ipc_gauntlet.engine.cases import FoundCase, blank_result
from ipc_gauntlet.engine.collecting import CASE
from ipc_gauntlet.engine.patience import GivenUp, Patience
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.engine.watchdog import Watchdog
from ipc_gauntlet.errors import HarnessError, NotApplicable
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.model import without_bulk
from ipc_gauntlet.requirements import Catalogue
from ipc_gauntlet.verdict import Verdict

if TYPE_CHECKING:
    from ipc_gauntlet.engine.benches import AnyBench, AnyLab

PROPERTY = "ipc-gauntlet"
"""Name of the user property that carries a result as JSON from a worker to the controlling process."""

_RUNNING = pytest.StashKey["Running"]()


class Running:
    """A case between its set-up and its result."""

    def __init__(self, case: FoundCase) -> None:
        self.case = case
        self.began = time.perf_counter()
        self.cpu = time.process_time()
        self.lab: AnyLab | None = None
        self.evidence: object = None
        self.ruling = outcome.Ruling(verdict=Verdict.error, reason="harness", message="the case did not run")


class Conductor:
    """Runs cases in this process.

    Args:
        config: pytest's configuration.
        settings: The run's settings.
        catalogue: The requirements.
        worker: Name of this process; empty for the controlling one.
    """

    def __init__(self, config: pytest.Config, settings: Settings, catalogue: Catalogue, worker: str) -> None:
        self._config = config
        self._settings = settings
        self._catalogue = catalogue
        self._worker = worker
        self._bench: AnyBench | None = None
        self._broken: HarnessError | None = None
        self._patience = Patience()
        self._stacks = _open_stacks(settings, worker)
        self._watchdog = Watchdog(settings.case_limit_s, self._stacks)

    def open_lab(self, item: pytest.Item) -> AnyLab:
        """Make the `lab` of a case; raises what the bench raises, and `NotApplicable` for a case that does not apply."""
        running = item.stash[_RUNNING]
        if running.case.gate is not None:
            raise NotApplicable(running.case.gate.why)
        self._patience.check()
        running.lab = self._ready_bench().lab(running.case, self._settings)
        return running.lab

    def close(self) -> None:
        """Stop the drivers."""
        if self._bench is not None:
            self._bench.close()
        if self._stacks is not None:
            self._stacks.close()

    # -- pytest's hooks -------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Start the clock; watch the set-up."""
        if CASE not in item.stash:
            return (yield)
        item.stash[_RUNNING] = Running(item.stash[CASE])
        with self._watchdog.watch():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Run the case, then ask its lab whether returning means passing, and for the evidence."""
        running = pyfuncitem.stash.get(_RUNNING, None)
        if running is None or running.lab is None:
            return (yield)
        with self._watchdog.watch():
            try:
                result = yield
                running.lab.settle_verdict()
            finally:
                running.evidence = running.lab.finish()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn what happened in a phase into a ruling; the last phase's report carries the result."""
        report = yield
        running = item.stash.get(_RUNNING, None)
        if running is None:
            return report
        raised = call.excinfo.value if call.excinfo is not None else None
        if raised is not None and not isinstance(
            raised, (Exception, pytest.skip.Exception, pytest.fail.Exception)
        ):
            return report  # Ctrl-C and the like: pytest stops the run
        ruling = outcome.rule(raised)
        if call.when == "teardown":
            running.ruling = outcome.worse(running.ruling, ruling)
            result = self._result(running)
            report.user_properties.append((PROPERTY, msgspec.json.encode(result).decode()))
        elif call.when == "call" or raised is not None:
            if not isinstance(raised, GivenUp):
                self._patience.note(raised)
            running.ruling = ruling
            _show(report, ruling, self._result(running))
        return report

    def _result(self, running: Running) -> CaseResult:
        case = running.case
        requirement = self._catalogue[case.requirement]
        result = blank_result(case, requirement, Verdict.error, self._settings.replay)
        result = outcome.with_evidence(outcome.with_ruling(result, running.ruling), running.evidence)
        result = msgspec.structs.replace(
            result,
            duration_s=round(time.perf_counter() - running.began, 6),
            cpu_s=round(time.process_time() - running.cpu, 6),
            worker=self._worker,
        )
        return result if self._settings.traces else without_bulk(result)

    def _ready_bench(self) -> AnyBench:
        """The bench, made at the first case. A bench that cannot be made is not tried again for every case."""
        if self._broken is not None:
            raise self._broken
        if self._bench is None:
            try:
                self._bench = self._config.hook.pytest_ipc_gauntlet_bench(settings=self._settings)
            except HarnessError as error:
                self._broken = error
                raise
        assert self._bench is not None  # noqa: S101 - the plugin's own hook always makes one
        return self._bench


def stacks_file(workdir: str, worker: str) -> Path:
    """Where a worker leaves the stacks of its threads when it has to end itself."""
    return Path(workdir) / f"stacks-{worker}.txt"


def _open_stacks(settings: Settings, worker: str) -> TextIO | None:
    if not worker or not settings.workdir:
        return None
    return stacks_file(settings.workdir, worker).open("w", encoding="utf-8")


def _show(report: pytest.TestReport, ruling: outcome.Ruling, result: CaseResult) -> None:
    """Make pytest's own outcome agree with the verdict, for people who run the suites with pytest."""
    from ipc_gauntlet.report.explain import explanation

    match ruling.verdict:
        case Verdict.pass_:
            return
        case Verdict.not_applicable:
            skipped = True
        case Verdict.inconclusive:
            skipped = result.level == "SHOULD"
        case _:
            skipped = False
    text = "\n".join(explanation(result))
    report.outcome = "skipped" if skipped else "failed"
    report.longrepr = (str(report.fspath), 0, f"Skipped: {ruling.message}") if skipped else text
