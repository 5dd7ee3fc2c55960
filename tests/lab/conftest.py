"""Benches for tests of the lab: two drivers, in a short directory of their own."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from systems import STACK_TRANSPORT

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.lab import Bench, BenchConfig, CaseFacts, Lab

FIXTURES = Path(__file__).parents[1] / "fixtures"

MakeLab = Callable[..., Lab]


@pytest.fixture(scope="module")
def equipped() -> Iterator[Bench]:
    """Two drivers that let a test reach inside."""
    folder = tempfile.mkdtemp(prefix="ig")
    command = DriverCommand(argv=(sys.executable, str(FIXTURES / "equipped_driver.py")), name="equipped")
    with Bench(BenchConfig(command, command, folder, seed=11)) as made:
        yield made
    shutil.rmtree(folder)


@pytest.fixture
def lab(equipped: Bench) -> Iterator[Lab]:
    """A lab on drivers that let a test reach inside, finished after the test."""
    facts = CaseFacts("replay/x/y", 11, STACK_TRANSPORT, {"kind": "psk"}, equipped.statement())
    made = equipped.lab(facts, CaseSpec(requirement="REPL-01", role="server", control=False))
    yield made
    made.finish()
