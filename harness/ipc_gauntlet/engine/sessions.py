"""The two pytest sessions of a run: one that finds the cases, one that runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ipc_gauntlet.engine.cases import FoundCase, in_reading_order
from ipc_gauntlet.engine.isolation import arguments, clean_environment, package_folders, suite_packages
from ipc_gauntlet.engine.links import NAME, PlanLink, RunLink
from ipc_gauntlet.engine.selection import Selection
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.requirements import Catalogue

_GLOB = frozenset("*?[")
_SHOWN = 20


def find_cases(settings: Settings, packages: Sequence[str], catalogue: Catalogue) -> list[FoundCase]:
    """Collect the cases for an implementation and check their table.

    Args:
        settings: The run's settings; its selection only saves reading files that cannot matter.
        packages: Packages that hold suites; empty for all that announce themselves.
        catalogue: The requirements, for the reading order.

    Returns:
        All variants of the cases in the files that were read, chosen or not, in reading order.

    Raises:
        HarnessError: A suite cannot be imported, or the table is wrong.
        KeyboardInterrupt: The user does not want to wait.
    """
    folders = package_folders(suite_packages(packages))
    link = PlanLink(settings, _needed_modules(settings.selection, folders))
    workdir = Path(settings.workdir)
    status = _session(arguments(folders, workdir, collect_only=True), link)
    if link.problems:
        shown = [f"  {text}" for text in link.problems[:_SHOWN]]
        more = len(link.problems) - len(shown)
        shown += [f"  … and {more} more problems"] if more else []
        raise HarnessError("\n".join(["the table of cases is wrong:", *shown]))
    if status == _INTERRUPTED:
        raise KeyboardInterrupt
    if status not in _GOOD:
        raise HarnessError(f"pytest could not collect the suites (status {status})")
    return in_reading_order(link.cases, catalogue)


def run_cases(
    link: RunLink, packages: Sequence[str], workers: int, before_teardown: Callable[[], None]
) -> None:
    """Run cases; results go to the link as they come.

    Args:
        link: What to run, and who wants to know.
        packages: Packages that hold suites; empty for all that announce themselves.
        workers: How many processes; 0 runs everything in this one.
        before_teardown: Called when the run is interrupted, before anything is waited for.

    Raises:
        HarnessError: pytest or its workers failed.
    """
    link.before_teardown = before_teardown
    folders = package_folders(suite_packages(packages))
    status = _session(arguments(folders, Path(link.settings.workdir), workers=workers), link)
    if link.problems:
        raise HarnessError("\n".join(link.problems))
    if status == _INTERRUPTED:
        link.interrupted = True
    elif status not in _GOOD:
        raise HarnessError(f"pytest could not run the cases (status {status})")


# pytest's exit statuses: all passed, some failed, interrupted, nothing collected.
_INTERRUPTED = 2
_GOOD = (0, 1, 5)


def _session(words: Sequence[str], link: PlanLink | RunLink) -> int:
    import pytest

    class Named:
        """pytest takes plugins without names; this one registers the link under its own."""

        @staticmethod
        @pytest.hookimpl
        def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
            pluginmanager.register(link, NAME)

    with clean_environment():
        return int(pytest.main(list(words), plugins=[Named()]))


def _needed_modules(selection: Selection, folders: Sequence[Path]) -> frozenset[str] | None:
    """The files that hold all that is chosen, if the patterns say so exactly; None if any file could matter."""
    if selection.suites or selection.requirements or not selection.cases:
        return None
    found: set[str] = set()
    for pattern in selection.cases:
        suite, _, rest = pattern.partition("/")
        module = rest.partition("/")[0]
        if not module or not _GLOB.isdisjoint(suite + module):
            return None
        files = [folder / suite / f"test_{module}.py" for folder in folders]
        existing = [str(file) for file in files if file.is_file()]
        if not existing:
            return None
        found.update(existing)
    return frozenset(found)
