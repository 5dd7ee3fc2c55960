"""Drivers that die on purpose and come back, with a store that survives, and benches that stay healthy."""

import psutil
import pytest
from systems import STACK_TRANSPORT

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.errors import DriverDied, Inconclusive
from ipc_gauntlet.judge import checks
from ipc_gauntlet.lab import Bench, CaseFacts, Lab, Session


def talk(session: Session) -> None:
    """Open a session and send two messages."""
    if session.open():
        session.exchange("c2s", 2)
        session.settle_delivery("c2s")


def test_a_restarted_server_serves_again(lab: Lab) -> None:
    """The process is another one, old endpoints are gone, what was told is kept, and a reopened endpoint works."""
    served = lab.listen()
    first = lab.session(served=served)
    talk(first)
    before = lab.server.pid
    lab.restart("server")
    assert lab.server.pid != before
    assert before is not None
    assert not psutil.pid_exists(before)
    assert first.outcome().delivered("c2s") == first.outcome().sent["c2s"]
    second = lab.session(served=served.reopen())
    talk(second)
    assert second.outcome().delivered("c2s") == second.outcome().sent["c2s"]
    assert lab.server.restarts == 0


def test_a_life_does_not_speak_for_another(lab: Lab) -> None:
    """A new life uses the names of connections again; they are told apart all the same."""
    lab.restart("server")
    talk(first := lab.session())
    conn = first.conn_of("server")
    lab.restart("server", kill=False)
    talk(second := lab.session())
    assert second.conn_of("server") == conn
    assert len(first.outcome().server.delivered) == 2
    assert len(second.outcome().server.delivered) == 2


def test_an_armed_death_is_no_error(lab: Lab) -> None:
    """A driver that kills itself as it was armed to does not end the case; what it was asked ends as unknown."""
    store = {"store": lab.store_path()}
    session = lab.session(options=store)
    assert session.open(warm=False)
    assert session.ask("append", b"one").ok
    lab.arm("client", "before-effect", "kill")
    with lab.expect_death("client") as death:
        call = session.request("append", b"two")
    assert death.happened
    assert lab.died("client")
    assert session.answer(call).reason == "died"
    assert lab.wait(lambda: session.is_over("server"))
    lab.restart("client")
    assert not lab.died("client")
    again = lab.session(options=store)
    assert again.open(warm=False)
    assert again.ask("append", b"three", key=b"k" * 16).ok
    assert [one.payload for one in lab.ledger("client")] == [b"one", b"three"]
    assert [one.payload for one in lab.executed("client")] == [b"one", b"three"]
    assert lab.ledger("client")[-1].key == b"k" * 16


def test_a_death_that_does_not_come_is_inconclusive(lab: Lab) -> None:
    """What was armed never fired, so nothing has been shown."""
    with pytest.raises(Inconclusive, match="never fired"), lab.expect_death("server", 0.05):
        pass
    assert not lab.died("server")


def test_any_other_death_is_an_error(lab: Lab) -> None:
    """A driver that dies without having been told to costs the case."""
    lab.session().open()
    assert lab.client.pid is not None
    psutil.Process(lab.client.pid).kill()
    with pytest.raises(DriverDied), lab.expect_death("server", 2.0):
        lab.wait(lambda: False, 2.0)


def test_the_next_case_finds_healthy_drivers(equipped: Bench) -> None:
    """A case may end with a dead driver, and leaves no files behind."""
    facts = CaseFacts("replay/x/z", 11, STACK_TRANSPORT, {"kind": "psk"}, equipped.statement())
    lab = equipped.lab(facts, CaseSpec(requirement="REPL-01", role="server"))
    session = lab.session(options={"store": lab.store_path()})
    assert session.open(warm=False)
    assert session.ask("append", b"x").ok
    lab.arm("client", "before-effect", "kill")
    with lab.expect_death("client"):
        session.request("append", b"y")
    directory = lab.directory
    lab.finish()
    after = equipped.lab(facts, CaseSpec(requirement="REPL-01", role="server"))
    assert after.directory != directory
    after.control(talk, checks.delivered_all("c2s"))
    after.finish()


def test_a_relay_can_lead_elsewhere(lab: Lab) -> None:
    """A client that connects again through the same relay reaches the endpoint that was reopened."""
    served = lab.listen()
    session = lab.session(served=served)
    talk(session)
    lab.restart("server")
    session.lead_to(served.reopen())
    assert session.relay is not None
    second = lab.session(upstream=session.relay.address)
    assert second.connect()
    assert lab.wait(lambda: bool(session.view("server").established))


def test_the_sockets_of_a_killed_server_are_in_nobodys_way(lab: Lab) -> None:
    """A killed program leaves its sockets, under names that it chose; the next life's directory has another name."""
    lab.listen()
    served = lab.listen()
    lab.restart("server")
    talk(session := lab.session(served=served.reopen()))
    assert session.outcome().delivered("c2s") == session.outcome().sent["c2s"]


def test_another_environment_is_for_one_case(lab: Lab) -> None:
    """A restarted driver has the variables it was given, and the process after this case has not."""
    lab.restart("server", env={"GAUNTLET_TEST_VARIABLE": "1"})
    changed = lab.server.pid
    assert changed is not None
    assert psutil.Process(changed).environ()["GAUNTLET_TEST_VARIABLE"] == "1"
    lab.finish()
    assert lab.server.pid != changed
    assert lab.server.pid is not None
    assert "GAUNTLET_TEST_VARIABLE" not in psutil.Process(lab.server.pid).environ()
