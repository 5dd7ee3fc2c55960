"""Dependencies that fail, processes that die, connections that break: nothing happens twice, nobody gets in."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_places import LOCAL, Plain, listen_for, plain
from sipc_identities import text
from sipc_program import Json, Program, Session

from sipc_driver.options import format_address, parse_address
from sipc_runtime.transport import TransportError

KEY = text(b"k" * 16)


def arm(session: Session, point: str, what: str) -> None:
    """Have something fail once."""
    assert session.program.call("configure", action="arm", point=point, what=what) == {}


def ledger(session: Session) -> list[Json]:
    """What has happened."""
    entries: list[Json] = session.program.call("inspect", what=["ledger"])["ledger"]
    return entries


@pytest.mark.parametrize("operation", ["append", "gated"])
@pytest.mark.parametrize("point", ["before-effect", "after-effect", "after-record", "before-reply"])
def test_a_crash_at_any_point(
    fresh: Callable[[], Program], directory: Path, point: str, operation: str
) -> None:
    """After the restart: one effect, or an honest "nobody knows"; never a second one."""
    options = {"store": str(directory / "store")}
    session = Session(fresh(), directory)
    session.listen(options=options)
    session.connect()
    session.program.call("configure", action="open-gate", listener="l1")
    arm(session, point, "kill")
    session.program.submit(
        "send", conn="c1", kind="request", operation=operation, payload=text(b"p"), key=KEY
    )
    # Windows has no signals: the driver leaves with the number that a shell would make of one.
    assert session.program.process.wait(30) == (137 if sys.platform == "win32" else -9)
    session = Session(fresh(), directory)
    session.listen(options=options)
    session.connect()
    session.program.call("configure", action="open-gate", listener="l1")
    before = len(ledger(session))
    again = session.request(operation, b"p", key=KEY)
    assert len(ledger(session)) <= 1
    if again["status"] == "ok":
        assert session.request(operation, b"p", key=KEY) == again
        assert len(ledger(session)) == 1
    else:
        assert (again["code"], again["executed"]) == ("outcome_unknown", "unknown")
        assert len(ledger(session)) == before
    assert (again["status"] == "ok") or operation == "gated"


@pytest.mark.parametrize("kind", ["x509", "psk"])
@pytest.mark.parametrize("what", ["raise", "none", "hang"])
@pytest.mark.parametrize("point", ["verify", "key-store", "entropy"])
def test_nobody_gets_in_when_a_dependency_fails(session: Session, point: str, what: str, kind: str) -> None:
    """The attempt fails, and the next one succeeds."""
    if (point, what) == ("entropy", "hang") or (kind, point) == ("psk", "key-store"):
        # The client draws and fetches first, in the same process; that end is not of interest here.
        what = "raise"
    session.listen(kind)
    arm(session, point, what)
    session.attempt(kind, options={"timeouts": {"handshake_ms": 500}})
    session.program.note("rejected")
    assert session.program.of("established") == []
    session.connect(kind, "c2")


@pytest.mark.parametrize("what", ["raise", "none"])
def test_nobody_may_do_anything_when_the_policy_fails(session: Session, what: str) -> None:
    """No decision is no permission."""
    session.listen()
    session.connect()
    arm(session, "policy", what)
    assert session.request("append", b"p", key=KEY)["code"] == "denied"
    assert ledger(session) == []
    assert session.request("append", b"p", key=KEY)["status"] == "ok"


def test_a_policy_that_hangs(session: Session) -> None:
    """The caller gets its deadline, and nothing has happened."""
    session.listen()
    session.connect()
    arm(session, "policy", "hang")
    outcome = session.request("append", b"p", key=KEY, deadline_ms=300)
    assert outcome["code"] == "deadline_exceeded"
    assert ledger(session) == []


class Severing:
    """A relay that cuts connections when the server's next bytes come, as often as it is told to.

    Attributes:
        address: Where it listens.
        cuts: How often it still cuts.
        seen: Connections so far.
    """

    def __init__(self, target: Json, directory: Path) -> None:
        self.cuts = 0
        self.seen = 0
        self._target = parse_address({"address": target})
        self._listener = listen_for(LOCAL, directory, "relay")
        self.address = format_address(self._listener.address)
        self._streams: list[Plain] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while (accepted := self._listener.accept()) is not None:
            client, server = Plain(accepted), plain(self._target)
            self.seen += 1
            self._streams += [client, server]
            for pair in ((client, server, False), (server, client, True)):
                self._threads.append(threading.Thread(target=self._carry, args=pair, daemon=True))
                self._threads[-1].start()

    def _carry(self, source: Plain, sink: Plain, back: bool) -> None:
        while True:
            try:
                data = source.recv(65536)
                if back and self.cuts and data:
                    self.cuts -= 1
                    data = b""
                if not data:
                    break
                sink.sendall(data)
            except TransportError:
                break
        for one in (source, sink):
            one.shut()

    def close(self) -> None:
        """End every connection and wait for the threads."""
        self._listener.interrupt()
        for one in self._streams:
            one.shut()
        for thread in self._threads:
            thread.join(10)
        for one in self._streams:
            one.close()
        self._listener.close()


@pytest.fixture
def severed(session: Session, directory: Path) -> Iterator[Callable[[int], Severing]]:
    """A session through a relay that swallows the next answers and cuts."""
    made: list[Severing] = []

    def make(cuts: int) -> Severing:
        session.listen()
        relay = Severing(session.address, directory)
        made.append(relay)
        session.address = relay.address
        session.connect()
        relay.cuts = cuts
        return relay

    yield make
    for relay in made:
        relay.close()


RETRY = {"attempts": 6, "base_ms": 1, "cap_ms": 5}


def test_a_keyed_request_survives_lost_answers(session: Session, severed: Callable[[int], Severing]) -> None:
    """The implementation's own client connects again under the same key: one effect, one answer."""
    relay = severed(2)
    outcome = session.request("append", b"p", own_key=True, retry=RETRY, deadline_ms=20_000)
    assert outcome["status"] == "ok"
    assert relay.seen == 3
    (entry,) = ledger(session)
    keys = {note["key"] for note in session.program.of("executed")}
    assert keys == {entry["key"]}
    assert session.request("echo", b"again", retry=RETRY)["payload"] == text(b"again")
    assert relay.seen == 3


@pytest.mark.parametrize("operation", ["work", "gated"])
def test_what_might_happen_twice_is_not_sent_again(
    session: Session, severed: Callable[[int], Severing], operation: str
) -> None:
    """Without a key nobody knows, and nobody tries."""
    relay = severed(1)
    session.program.call("configure", action="open-gate", listener="l1")
    outcome = session.request(operation, b"1,1", retry=RETRY, deadline_ms=20_000)
    assert (outcome["code"], outcome["executed"]) == ("outcome_unknown", "unknown")
    assert relay.seen == 1
    assert len(ledger(session)) <= 1


def test_what_may_happen_twice_is_sent_again(session: Session, severed: Callable[[int], Severing]) -> None:
    """An operation that is idempotent needs no key for it."""
    relay = severed(1)
    assert session.request("echo", b"e", retry=RETRY, deadline_ms=20_000)["payload"] == text(b"e")
    assert relay.seen == 2


def test_keys_of_the_client_are_all_different(session: Session) -> None:
    """Each operation has a key of its own."""
    session.listen()
    session.connect()
    for _ in range(50):
        session.request("append", b"p", own_key=True)
    assert len({entry["key"] for entry in ledger(session)}) == 50


def test_all_attempts_fit_the_deadline(session: Session) -> None:
    """A server that is gone costs the caller its deadline and no more; it was certainly not executed."""
    session.listen()
    session.connect()
    session.program.call("close", listener="l1", mode="abort")
    begun = time.monotonic()
    outcome = session.request(
        "append", b"p", own_key=True, retry={"attempts": 1000, "base_ms": 1, "cap_ms": 20}, deadline_ms=400
    )
    assert outcome["status"] == "error"
    assert time.monotonic() - begun < 30


def test_what_hangs_can_be_closed(session: Session) -> None:
    """A verifier that does not come back holds up neither who closes nor anybody else."""
    session.listen()
    arm(session, "verify", "hang")
    session.attempt(options={"timeouts": {"handshake_ms": 2000}})
    # The client hangs; at its deadline the server sees the stream end.
    session.program.note("rejected", lambda params: params.get("listener") == "l1")
    session.program.submit("close", conn="c1", mode="abort")
    session.connect(conn="c2")
    session.send(b"x", "c2")
    session.program.note("delivered")
    session.program.reset()
