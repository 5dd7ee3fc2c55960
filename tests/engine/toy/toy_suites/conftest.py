"""Brings the toy bench."""

import os

import pytest

from ipc_gauntlet.engine.settings import Settings
from toy_suites.toybench import ToyBench

if "TOY_STILLBORN" in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
    os._exit(9)


@pytest.hookimpl
def pytest_ipc_gauntlet_bench(settings: Settings) -> ToyBench:
    """Use the toy bench."""
    return ToyBench(settings)
