"""Hooks that a suite package may implement in its `conftest.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ipc_gauntlet.engine.benches import AnyBench
    from ipc_gauntlet.engine.settings import Settings


@pytest.hookspec(firstresult=True)
def pytest_ipc_gauntlet_bench(settings: Settings) -> AnyBench | None:
    """Make what a worker process keeps from case to case.

    A package with another way of setting up pairs brings its own bench; by default it is `ipc_gauntlet.lab.Bench`.

    Args:
        settings: The run's settings.

    Returns:
        An object with `lab(case, settings)` and `close()`; None leaves it to others.
    """
