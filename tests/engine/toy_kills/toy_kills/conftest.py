"""Brings the toy bench."""

import pytest

from ipc_gauntlet.engine.settings import Settings
from toy_kills.toybench import Bench


@pytest.hookimpl
def pytest_ipc_gauntlet_bench(settings: Settings) -> Bench:
    """Use this bench."""
    return Bench(settings)
