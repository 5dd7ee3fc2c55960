"""pytest as a library: nothing of the user's own pytest set-up, folder or environment reaches a run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from ipc_gauntlet.engine.selection import suggest
from ipc_gauntlet.errors import HarnessError, UsageError

GROUP = "ipc_gauntlet.suites"

# Plugins of pytest that would only cost time here, or write where they should not.
_WITHOUT = (
    "cacheprovider",
    "doctest",
    "faulthandler",
    "junitxml",
    "logging",
    "pastebin",
    "stepwise",
    "threadexception",
    "unittest",
    "unraisableexception",
)
_ENVIRONMENT = (
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "PYTEST_DEBUG",
    "PYTEST_CURRENT_TEST",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
    "PYTEST_XDIST_TESTRUNUID",
    "PYTEST_XDIST_AUTO_NUM_WORKERS",
)
_INI = "[pytest]\nfilterwarnings =\n    default\n    ignore::ResourceWarning\nmarkers =\n    timing: measures real time\n"


def suite_packages(chosen: Sequence[str] = ()) -> list[str]:
    """Names of the packages that hold suites.

    Args:
        chosen: Packages to use instead of those that announce themselves with the entry-point group.

    Raises:
        UsageError: A chosen package does not exist.
        HarnessError: No package announces itself.
    """
    if chosen:
        for name in chosen:
            if not _exists(name):
                known = [entry.value for entry in entry_points(group=GROUP)]
                raise UsageError(f"--package {name}: there is no such package{suggest(name, known)}")
        return list(chosen)
    found = sorted({entry.value for entry in entry_points(group=GROUP)})
    if not found:
        raise HarnessError(f"no installed package announces suites (entry-point group {GROUP})")
    return found


def package_folders(packages: Sequence[str]) -> list[Path]:
    """Where the packages are, without importing them.

    Raises:
        HarnessError: One has no folder.
    """
    folders = []
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise HarnessError(f"the suites' package {name} cannot be found")
        folders.append(Path(next(iter(spec.submodule_search_locations))))
    return folders


def arguments(
    folders: Sequence[Path], workdir: Path, *, workers: int = 0, collect_only: bool = False
) -> list[str]:
    """The command line of a pytest session on suites.

    Args:
        folders: The suites' packages.
        workdir: Private directory of the run; the session's configuration is written there.
        workers: How many processes; 0 runs everything in this one.
        collect_only: Whether nothing is to be run.

    Returns:
        Arguments for `pytest.main`.
    """
    ini = workdir / "pytest.ini"
    ini.write_text(_INI, encoding="utf-8")
    root = _common([folder.parent for folder in folders])
    words = ["-c", str(ini), f"--rootdir={root}", f"--confcutdir={folders[0] if len(folders) == 1 else root}"]
    words += ["--import-mode=importlib", "--assert=plain", "--capture=sys", "--strict-markers"]
    # Before xdist: the terminal's reporter has to be gone when xdist looks for it.
    words += ["-p", "ipc_gauntlet.pytest_plugin", f"--basetemp={workdir / 't'}"]
    for name in _WITHOUT:
        words += ["-p", f"no:{name}"]
    if collect_only:
        words.append("--collect-only")
    elif workers:
        words += ["-p", "xdist", "-n", str(workers), "--dist", "load", "--max-worker-restart", "10000"]
    return [*words, *(str(folder) for folder in folders)]


@contextlib.contextmanager
def clean_environment() -> Iterator[None]:
    """Hide the user's pytest variables from pytest here and in the workers that are started meanwhile."""
    before = {name: os.environ.pop(name) for name in _ENVIRONMENT if name in os.environ}
    autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.update(before)
        if autoload is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = autoload


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _common(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # on several drives
        return folders[0]
