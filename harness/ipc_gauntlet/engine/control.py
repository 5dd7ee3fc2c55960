"""The controlling side of a pytest session: hooks that pass on what the workers, or this process, do."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Protocol

import msgspec
import pytest

from ipc_gauntlet.engine.cases import blank_result, in_running_order
from ipc_gauntlet.engine.conduct import PROPERTY, stacks_file
from ipc_gauntlet.engine.links import PlanLink, RunLink
from ipc_gauntlet.engine.outcome import traceback_text
from ipc_gauntlet.engine.schedule import CaseSchedule
from ipc_gauntlet.engine.settings import Settings, encode_settings
from ipc_gauntlet.errors import GauntletError, HarnessError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.requirements import Catalogue
from ipc_gauntlet.verdict import Verdict


class Worker(Protocol):
    """A worker of pytest-xdist, as far as this file needs it."""

    workerinput: dict[str, object]

    @property
    def shutting_down(self) -> bool:
        """Whether it was told to leave."""

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Run these."""

    def shutdown(self) -> None:
        """Leave."""


INPUT = "ipc_gauntlet"
MODULES = "ipc_gauntlet_modules"

_STARTS_WITHOUT_WORK = 3


class Planner:
    """Follows a session that only collects.

    Args:
        link: Where problems go.
    """

    def __init__(self, link: PlanLink) -> None:
        self._link = link

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that cannot be imported is a problem of the tester, not a case less."""
        if report.failed:
            self._link.problems.append(_uncollected(report))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Something escaped from a hook; True keeps pytest from printing it."""
        self._link.problems.append(_escaped(excinfo.value))
        return True


class Forwarder:
    """Gives workers their settings in a session of pytest's own command line.

    Args:
        settings: The controlling process's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Worker) -> None:
        """Tell a worker what to test."""
        node.workerinput[INPUT] = encode_settings(self._settings)


class Controller:
    """Follows a session that runs cases.

    Args:
        link: Where everything is passed on to.
        catalogue: The requirements.
    """

    def __init__(self, link: RunLink, catalogue: Catalogue) -> None:
        self._link = link
        self._catalogue = catalogue
        self._schedule: CaseSchedule | None = None
        self._idle_deaths = 0

    # -- workers --------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Worker) -> None:
        """Tell a worker everything it needs."""
        node.workerinput[INPUT] = encode_settings(self._link.settings)
        node.workerinput[MODULES] = sorted({case.module for case in self._link.cases.values()})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> CaseSchedule:
        """Decide which worker runs what."""
        cases = in_running_order(self._link.cases.values(), self._link.settings, self._catalogue)
        self._schedule = CaseSchedule(
            len(config.getoption("tx")),
            order=[case.nodeid for case in cases],
            timing=[case.nodeid for case in cases if case.spec.timing],
            clocks=self._link.clocks,
        )
        return self._schedule

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Worker, error: object | None) -> None:
        """Stop when workers die before they can do anything: a replacement would too."""
        if error is None or self._schedule is None or self._schedule.ready(node):
            return
        self._idle_deaths += 1
        if self._idle_deaths >= _STARTS_WITHOUT_WORK:
            raise HarnessError(f"worker processes die while they start: {error}")

    # -- cases ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Leave a case out that nobody wants any more; True says that it was taken care of."""
        case = self._link.cases.get(item.nodeid)
        if case is None or self._link.wants(case):
            return None
        # The case before has left standing what this one shares with it, its module for example. Ending that is a part
        # of what is left out here, and the hook for it is none to be called alone.
        item.session._setupstate.teardown_exact(nextitem)  # noqa: SLF001
        return True

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A case begins."""
        if self._schedule is not None:
            self._schedule.note_started(nodeid)
        case = self._link.cases.get(nodeid)
        if case is not None:
            self._link.on_start(case.id)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a case is over; the last one brings the result."""
        if str(report.when) == "???":  # how xdist reports a case whose worker died
            self._crashed(report.nodeid, report.node.gateway.id)
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._link.on_result(msgspec.json.decode(str(value), type=CaseResult))

    def _crashed(self, nodeid: str, worker: str) -> None:
        case = self._link.cases[nodeid]
        blank = blank_result(
            case, self._catalogue[case.requirement], Verdict.error, self._link.settings.replay
        )
        stacks = stacks_file(self._link.settings.workdir, worker)
        result = msgspec.structs.replace(
            blank,
            reason="worker-died",
            message=f"the process {worker} that ran this case died",
            detail=stacks.read_text(encoding="utf-8", errors="replace") if stacks.exists() else "",
            worker=worker,
        )
        self._link.on_result(result)

    # -- what goes wrong ------------------------------------------------------------------------------------------

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that cannot be imported is a problem of the tester, not a case less."""
        if report.failed:
            self._link.problems.append(_uncollected(report))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Something escaped from a hook; True keeps pytest from printing it."""
        self._link.problems.append(_escaped(excinfo.value))
        return True

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """The run is to stop now."""
        self._link.interrupted = True
        self._link.before_teardown()

    @pytest.hookimpl
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Python warned about something."""
        text = f"{warning_message.category.__name__}: {warning_message.message}"
        if text not in self._link.warnings:
            self._link.warnings.append(text)


def _escaped(error: BaseException) -> str:
    """An error of our own explains itself; of any other one somebody will want to see where it came from."""
    if isinstance(error, GauntletError):
        return str(error)
    return f"pytest or its workers failed: {type(error).__name__}: {error}\n{traceback_text(error)}"


def _uncollected(report: pytest.CollectReport) -> str:
    lines = report.longreprtext.splitlines()
    causes = [line[1:].strip() for line in lines if line.startswith("E ")] or lines[-1:]
    return f"{report.nodeid or 'the suites'} cannot be collected: {' '.join(causes)}"
