"""The lab with real drivers: sessions, attacks, what is attributed to whom, and what is left behind."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from systems import STACK_TRANSPORT, STACK_TRANSPORTS

from ipc_gauntlet.adversary import Drop, Duplicate, Selector
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.errors import DriverError, HarnessError, Inconclusive, RequirementViolated
from ipc_gauntlet.judge import checks
from ipc_gauntlet.lab import Bench, BenchConfig, CaseFacts, Lab, Session

PLAIN = Path(__file__).parents[1] / "fixtures" / "plain_driver.py"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Two plain drivers on a bench, in a short directory of its own."""
    folder = tempfile.mkdtemp(prefix="ig")
    command = DriverCommand(argv=(sys.executable, str(PLAIN)), name="plain")
    with Bench(BenchConfig(command, command, folder, seed=11)) as made:
        yield made
    shutil.rmtree(folder)


def lab_of(bench: Bench, case_id: str = "replay/x/y", transport: str = STACK_TRANSPORT) -> Lab:
    """A lab for a case."""
    statement = bench.statement()
    facts = CaseFacts(case_id, bench.config.seed, transport, {"kind": "psk"}, statement)
    return bench.lab(facts, CaseSpec(requirement="REPL-01", role="server"))


def four_messages(session: Session) -> None:
    """Open a session and send four messages."""
    if session.open():
        session.exchange("c2s", 4)
        session.settle_delivery("c2s")


@pytest.mark.parametrize("transport", STACK_TRANSPORTS)
def test_control_and_attack(bench: Bench, transport: str) -> None:
    """The control delivers everything; the plain stack delivers a duplicated frame twice, and the evidence says how."""
    lab = lab_of(bench, transport=transport)
    lab.control(four_messages, checks.delivered_all("c2s"))
    outcome = lab.attack(four_messages, Duplicate(at=Selector(direction="c2s", nth=1)))
    with pytest.raises(RequirementViolated) as caught:
        lab.require(outcome, checks.delivered_at_most_once("c2s"))
    assert caught.value.reason == "delivered-twice"
    evidence = lab.finish()
    assert evidence.stage == "established"
    assert evidence.controls == 1
    assert any("c2s" in line for line in evidence.fired)
    assert evidence.faults
    assert evidence.trace
    assert not list(Path(lab.directory).glob("*"))


def test_a_fault_beyond_the_script_is_inconclusive(bench: Bench) -> None:
    """A fault for a frame that never comes makes the case inconclusive, not a pass."""
    lab = lab_of(bench)
    lab.control(four_messages, checks.delivered_all("c2s"))
    outcome = lab.attack(four_messages, Drop(at=Selector(direction="c2s", nth=40)))
    with pytest.raises(Inconclusive, match="never fired"):
        lab.require(outcome, checks.delivered_at_most_once("c2s"))
    lab.finish()


def test_sessions_on_one_endpoint_are_told_apart(bench: Bench) -> None:
    """What the server tells of an older connection is not counted for a newer one."""
    lab = lab_of(bench)
    served = lab.listen()
    first = lab.session(served=served)
    four_messages(first)
    second = lab.session(served=served)
    four_messages(second)
    assert first.outcome().delivered("c2s")[:4] == first.outcome().sent["c2s"]
    assert second.outcome().delivered("c2s") == second.outcome().sent["c2s"]
    assert first.conn_of("server") != second.conn_of("server")
    lab.finish()


def test_the_same_case_makes_the_same_choices(bench: Bench) -> None:
    """Payloads, keys and random choices depend on the seed and the case only."""
    one, two, other = (lab_of(bench, name) for name in ("a/b/c", "a/b/c", "a/b/d"))
    made = [(lab.payload(), lab.key(), lab.rng.random()) for lab in (one, two, other)]
    assert made[0] == made[1]
    assert all(left != right for left, right in zip(made[0], made[2], strict=True))
    for lab in (one, two, other):
        lab.finish()


def test_a_driver_that_dies_is_named_and_replaced(bench: Bench) -> None:
    """A driver that dies in the middle of a case costs that case; the next one finds a new driver."""
    lab = lab_of(bench)
    lab.session().open()
    assert lab.client.pid is not None
    psutil.Process(lab.client.pid).kill()
    with pytest.raises(DriverError, match="client"):
        lab.wait(lambda: False, 5.0)
    lab.finish()
    after = lab_of(bench)
    after.control(four_messages, checks.delivered_all("c2s"))
    after.finish()


def test_a_long_directory_is_refused(tmp_path: Path) -> None:
    """A working directory in which no Unix socket fits is refused with what to do."""
    command = DriverCommand(argv=(sys.executable, str(PLAIN)), name="plain")
    with pytest.raises(HarnessError, match="TMPDIR"):
        Bench(BenchConfig(command, command, str(tmp_path / ("x" * 90)), seed=1))
