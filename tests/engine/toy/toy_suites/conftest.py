"""Brings the toy bench."""

import pytest

from ipc_gauntlet.engine.settings import Settings
from toy_suites.toybench import ToyBench


@pytest.hookimpl
def pytest_ipc_gauntlet_bench(settings: Settings) -> ToyBench:
    """Use the toy bench."""
    return ToyBench(settings)
