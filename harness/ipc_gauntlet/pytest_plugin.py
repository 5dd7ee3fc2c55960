"""The pytest plugin: `pytest -p ipc_gauntlet.pytest_plugin --pyargs ipc_gauntlet_suites --iut reference`.

The command line uses it too, with a link registered beforehand; workers get their settings from the controlling
process. Whoever runs the suites with pytest itself sees verdicts as pytest's outcomes: not applicable is skipped,
inconclusive fails where the requirement is a MUST.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ipc_gauntlet.engine import collecting, hookspecs
from ipc_gauntlet.engine.cases import in_running_order
from ipc_gauntlet.engine.conduct import Conductor
from ipc_gauntlet.engine.control import INPUT, MODULES, Controller, Forwarder, Planner
from ipc_gauntlet.engine.direct import add_options, direct_settings, header
from ipc_gauntlet.engine.links import NAME, PlanLink, RunLink
from ipc_gauntlet.engine.lint import lint
from ipc_gauntlet.engine.places import Place
from ipc_gauntlet.engine.processes import on_interrupts
from ipc_gauntlet.engine.settings import Settings, decode_settings
from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.requirements import Catalogue, load_catalogue

if TYPE_CHECKING:
    from ipc_gauntlet.engine.benches import AnyBench, AnyLab


class _State:
    """What the plugin keeps for a session."""

    def __init__(self, settings: Settings, catalogue: Catalogue, link: PlanLink | RunLink | None) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.link = link
        self.modules: frozenset[str] | None = None
        self.conductor: Conductor | None = None
        self.is_worker = False  # of a run of the command line, which knows the cases already


_STATE = pytest.StashKey[_State]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for those who run the suites with pytest itself."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let suite packages bring their own bench."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find out in which of its roles this process is, and get its settings."""
    config.addinivalue_line("markers", "timing: measures real time")
    link = config.pluginmanager.get_plugin(NAME)
    state = _worker_state(config) or _linked_state(link) or _direct_state(config)
    config.stash[_STATE] = state
    if isinstance(link, (PlanLink, RunLink)):
        config.pluginmanager.unregister(name="terminalreporter")
    if isinstance(link, RunLink):
        config.pluginmanager.register(Controller(link, state.catalogue), "ipc-gauntlet-controller")
    elif isinstance(link, PlanLink):
        config.pluginmanager.register(Planner(link), "ipc-gauntlet-planner")
        return
    elif not hasattr(config, "workerinput"):
        config.pluginmanager.register(Forwarder(state.settings), "ipc-gauntlet-forwarder")
    worker = str(getattr(config, "workerinput", {}).get("workerid", ""))
    state.conductor = Conductor(config, state.settings, state.catalogue, worker)
    config.pluginmanager.register(state.conductor, "ipc-gauntlet-conductor")


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is tested and with which seed."""
    return header(config.stash[_STATE].settings)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the drivers before a worker reports that it has finished."""
    state = session.config.stash.get(_STATE, None)
    if state is not None and state.conductor is not None:
        state.conductor.close()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate each case for the transports and credentials of the implementation."""
    collecting.generate(metafunc, metafunc.config.stash[_STATE].settings)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files in which nothing was chosen."""
    modules = config.stash[_STATE].modules
    if modules is None or not collection_path.name.startswith("test_") or collection_path.is_dir():
        return None
    return True if str(collection_path) not in modules else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Find the cases; plan with all of them, run the chosen ones that apply."""
    state = config.stash[_STATE]
    problems = collecting.identify(items, state.settings, state.catalogue)
    cases = {item.nodeid: item.stash[collecting.CASE] for item in items if collecting.CASE in item.stash}
    if isinstance(state.link, PlanLink):
        state.link.cases = list(cases.values())
        state.link.problems += problems + lint(state.link.cases, state.catalogue)
    elif isinstance(state.link, RunLink) or state.is_worker:
        chosen = [case for case in cases.values() if state.settings.selection.chooses(case)]
        order = in_running_order(
            (case for case in chosen if case.gate is None), state.settings, state.catalogue
        )
        by_id = {item.nodeid: item for item in items}
        names = [case.nodeid for case in order]
        if isinstance(state.link, RunLink) and state.link.as_given:
            names = [name for name in state.link.cases if name in by_id]
        elif isinstance(state.link, RunLink):
            # A part of a run, or a second try of some cases, is less than what the patterns choose.
            names = [name for name in names if name in state.link.cases]
        items[:] = [by_id[name] for name in names]
    else:
        problems = lint(list(cases.values()), state.catalogue)
        if problems:
            raise pytest.UsageError("the table of cases is wrong:\n" + "\n".join(problems))
        selection = state.settings.selection
        left_out = {name for name, case in cases.items() if not selection.chooses(case)}
        if left_out:
            config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
            items[:] = [item for item in items if item.nodeid not in left_out]
        for item in items:
            if item.nodeid in cases and cases[item.nodeid].spec.timing:
                item.add_marker(pytest.mark.timing)
                item.add_marker(pytest.mark.xdist_group("timing"))


@pytest.hookimpl(trylast=True)
def pytest_ipc_gauntlet_bench(settings: Settings) -> AnyBench:
    """The harness's own bench, unless a suite package has brought another one."""
    from ipc_gauntlet.engine.benches import StandardBench

    return StandardBench(settings)


@pytest.fixture
def ipc_place() -> Place:
    """Where the case runs; every case is generated for its places."""
    raise UsageError("the fixture lab is for functions with @case")


@pytest.fixture
def lab(request: pytest.FixtureRequest, ipc_place: Place) -> Iterator[AnyLab]:
    """The pair under test, the adversary and the judge, for one case."""
    del ipc_place  # it is known from the item; asking for it is what generates the case
    conductor = request.config.stash[_STATE].conductor
    assert conductor is not None  # noqa: S101 - only a session that runs cases sets fixtures up
    lab = conductor.open_lab(request.node)
    yield lab
    lab.finish()


def _worker_state(config: pytest.Config) -> _State | None:
    given = getattr(config, "workerinput", None)
    if given is None or INPUT not in given:
        return None
    state = _State(decode_settings(given[INPUT]), load_catalogue(), None)
    state.is_worker = MODULES in given
    state.modules = frozenset(given[MODULES]) if state.is_worker else None
    on_interrupts(_leave_with_parent)
    return state


def _linked_state(link: object) -> _State | None:
    if not isinstance(link, (PlanLink, RunLink)):
        return None
    state = _State(link.settings, load_catalogue(), link)
    if isinstance(link, PlanLink):
        state.modules = link.modules
    else:
        state.modules = frozenset(case.module for case in link.cases.values())
    return state


def _direct_state(config: pytest.Config) -> _State:
    try:
        return _State(direct_settings(config), load_catalogue(), None)
    except GauntletError as error:
        raise pytest.UsageError(str(error)) from error


_parent = os.getppid()


def _leave_with_parent(_signal: int, _frame: object) -> None:
    """Ctrl-C reaches the whole group; the controlling process decides, unless it is gone."""
    if sys.platform != "win32" and os.getppid() != _parent:
        os._exit(1)
