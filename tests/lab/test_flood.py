"""Sending until it blocks: what is slow does not block, and what blocks is told from what fails."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from systems import STACK_TRANSPORT

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.lab import Bench, BenchConfig, CaseFacts, Lab

FIXTURES = Path(__file__).parents[1] / "fixtures"
CHUNK = 48 * 1024


@pytest.fixture(params=["plain_driver.py", "slow_sender.py"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab with two plain drivers, or with two of which one answer comes late."""
    folder = tempfile.mkdtemp(prefix="ig")
    command = DriverCommand(argv=(sys.executable, str(FIXTURES / request.param)), name="plain")
    with Bench(BenchConfig(command, command, folder, seed=11)) as bench:
        facts = CaseFacts("timeouts/x/y", 11, STACK_TRANSPORT, {"kind": "psk"}, bench.statement())
        made = bench.lab(facts, CaseSpec(requirement="TIME-11", role="client"))
        yield made
        made.finish()
    shutil.rmtree(folder)


def test_a_call_that_takes_its_time_does_not_block(lab: Lab) -> None:
    """All of it is taken: whatever one call of them takes, it succeeds in the end."""
    session = lab.session()
    assert session.open()
    flood = session.flood("c2s", CHUNK, 4 * CHUNK, timeout_s=5.0)
    assert (flood.sent_bytes, flood.blocked, flood.failed) == (4 * CHUNK, False, False)


def test_a_reader_that_stops_blocks_the_sender(lab: Lab) -> None:
    """The last call does not come back in its time; no call failed, and the session is not over."""
    session = lab.session()
    assert session.open()
    session.the_link().stall("c2s", reading=False)
    flood = session.flood("c2s", CHUNK, 1 << 26, timeout_s=1.5)
    assert flood.blocked
    assert not flood.failed
    assert flood.sent_bytes < 1 << 26
    assert flood.blocked_s >= 1.5
