"""Running the command line as a user does: a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from commands import Ended, Runner
from systems import import_path

from ipc_gauntlet import quoting


@pytest.fixture
def environment(checkout: Path, tmp_path: Path) -> dict[str, str]:
    """The toy suites can be imported; nothing of the user's own state is touched."""
    hidden = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTEST_", "TOY_", "IPC_GAUNTLET_")
    found = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return found | {
        "PYTHONPATH": import_path(checkout / "tests" / "engine" / "toy"),
        "IPC_GAUNTLET_STATE": str(tmp_path / "state"),
    }


@pytest.fixture
def plain(checkout: Path) -> str:
    """Command of the plain driver."""
    return quoting.join([sys.executable, str(checkout / "tests" / "fixtures" / "plain_driver.py")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to work in."""
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def command(environment: dict[str, str], folder: Path) -> Runner:
    """Run the command line to its end."""

    def run(*words: str, env: Mapping[str, str] | None = None, cwd: Path = folder) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "ipc_gauntlet.cli", *words],
            cwd=cwd,
            env=environment | dict(env or {}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=100,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr, cwd)

    return run


@pytest.fixture
def toy(command: Runner, plain: str) -> Runner:
    """Run the toy suites on the plain driver, with a fixed seed and a JSON report."""

    def run(*words: str, **more: Any) -> Ended:  # noqa: ANN401 - passed on
        fixed = ["--driver", plain, "--package", "toy_suites", "--seed", "7", "--json", "report.json"]
        return command("run", *fixed, *words, **more)

    return run
