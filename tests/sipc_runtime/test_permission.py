"""Roles, uses that are counted, ids that are remembered, counters and fault points."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sipc_identities import CLIENT, SERVER
from sipc_running import Running, until

from sipc.cbor import Value
from sipc.envelope import Kind, Status, build
from sipc.errors import LocalError
from sipc.events import Closed, Established, How, Rejected
from sipc_runtime.clock import VirtualClock
from sipc_runtime.entropy import SYSTEM_ENTROPY
from sipc_runtime.faults import FAULTS, InjectedFault
from sipc_runtime.metrics import Metrics
from sipc_runtime.permission import Book, Roles, TokenGate
from sipc_runtime.service import Method, Refused
from sipc_runtime.single_use import SingleUse, Verdict
from sipc_runtime.store import Store

PEER = Established(CLIENT, "x509", SERVER, "suite", 1, bytes(32))
WALL = 1_800_000_000.0


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory."""
    made = Store(":memory:", VirtualClock(), 600.0)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    """Nothing stays armed."""
    yield
    FAULTS.clear()


def test_roles() -> None:
    """Granted to a name, or to a name under one kind; taken away for one kind, or for all."""
    roles = Roles({"a.b": "writer"})
    assert roles.allows(PEER, "a.c")
    assert not roles.allows(PEER, "a.b")
    roles.grant(CLIENT, "writer", "psk")
    assert not roles.allows(PEER, "a.b")
    roles.grant(CLIENT, "writer", "x509")
    assert roles.allows(PEER, "a.b")
    roles.withdraw(CLIENT, "writer", "psk")
    assert roles.allows(PEER, "a.b")
    roles.withdraw(CLIENT, "writer")
    assert not roles.allows(PEER, "a.b")


def test_ids_are_used_once(store: Store) -> None:
    """Of a signer; another one's are its own."""
    single = SingleUse(store)
    assert single.take_id("a", b"1", 2_000, 1_000.0) is Verdict.FRESH
    assert single.take_id("a", b"1", 2_000, 1_000.0) is Verdict.REPLAYED
    assert single.take_id("b", b"1", 2_000, 1_000.0) is Verdict.FRESH


def test_a_clock_that_is_set_back_makes_nothing_new(store: Store) -> None:
    """What was forgotten raises a floor; what expires above it is judged as before."""
    single = SingleUse(store)
    assert single.take_id("a", b"1", 2_000, 1_000.0) is Verdict.FRESH
    assert single.take_id("a", b"2", 9_000, 6_000.0) is Verdict.FRESH
    assert single.take_id("a", b"1", 2_000, 1_000.0) is Verdict.EXPIRED
    assert single.take_id("a", b"3", 2_001, 1_000.0) is Verdict.FRESH
    assert single.take_id("a", b"2", 9_000, 1_000.0) is Verdict.REPLAYED


def test_uses_are_counted_at_once(store: Store) -> None:
    """Many threads at the same moment: exactly as many get through as there are uses."""
    single, barrier, allowed = SingleUse(store), threading.Barrier(8), list[bool]()

    def use() -> None:
        barrier.wait()
        allowed.extend(single.take_use("issuer", b"t", 5, 2_000, 1_000.0) for _ in range(4))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 5
    assert single.take_use("issuer", b"u", 1, 2_000, 1_000.0)


def test_uses_survive_a_restart(private_dir: Path) -> None:
    """They are in the file, and so are ids."""
    for first in (True, False):
        store = Store(str(private_dir / "store"), VirtualClock(), 600.0)
        single = SingleUse(store)
        assert single.take_use("issuer", b"t", 1, 2_000, 1_000.0) is first
        assert (single.take_id("a", b"1", 2_000, 1_000.0) is Verdict.FRESH) is first
        store.close()


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    """What was written in it is gone."""

    def write(sql: sqlite3.Connection) -> None:
        sql.execute("INSERT INTO signed_id VALUES ('a', ?, 2000)", (b"1",))
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        store.write(write)
    assert SingleUse(store).take_id("a", b"1", 2_000, 1_000.0) is Verdict.FRESH


def test_a_method_that_needs_a_token(store: Store) -> None:
    """Nothing, and nonsense, are refused the same way; other methods need none."""
    gate = TokenGate({}, frozenset({"a.b"}), Book(VirtualClock(), lambda: store, Metrics()))
    assert gate.admits(PEER, build(Kind.REQUEST, 0, {4: "a.c", 7: 1})) is None
    for token in (None, b"nonsense"):
        with pytest.raises(Refused) as caught:
            gate.admits(PEER, build(Kind.REQUEST, 0, {4: "a.b", 7: 1, 10: token}))
        assert caught.value.status is Status.DENIED
    with pytest.raises(LocalError):
        TokenGate({"issuer": b"short"}, frozenset(), Book(VirtualClock(), lambda: store, Metrics()))


def test_what_metrics_count() -> None:
    """Each event under its names."""
    metrics = Metrics()
    metrics.observe(PEER)
    metrics.observe(Rejected("handshake", "timeout", ""))
    metrics.observe(Rejected("negotiation", "malformed", ""))
    metrics.observe(Rejected("transport", "timeout", ""))
    metrics.observe(Closed(How.ERROR, "integrity", "", 0, 0, None))
    assert metrics.snapshot() == {
        "established": 1,
        "suite:suite": 1,
        "version:1": 1,
        "rejected": 3,
        "handshake_timeout": 1,
        "legacy_refused": 1,
        "integrity": 1,
    }


def test_faults_happen_once() -> None:
    """And where nothing is armed nothing happens."""
    FAULTS.arm("entropy", "raise")
    with pytest.raises(InjectedFault):
        SYSTEM_ENTROPY.random(4)
    FAULTS.arm("entropy", "none")
    with pytest.raises(LocalError):
        SYSTEM_ENTROPY.private_key()
    assert len(SYSTEM_ENTROPY.random(4)) == 4
    assert FAULTS.hit("entropy") is False


def test_what_hangs_is_let_go() -> None:
    """It fails then."""
    FAULTS.arm("policy", "hang")
    failed = threading.Event()

    def come_by() -> None:
        with pytest.raises(InjectedFault):
            FAULTS.hit("policy")
        failed.set()

    thread = threading.Thread(target=come_by)
    thread.start()
    assert not failed.wait(0.05)
    FAULTS.clear()
    assert failed.wait(20)
    thread.join()


def test_a_server_shuts_somebody_out(running: Running) -> None:
    """Live sessions end, and a late one does as well; others go on."""

    def body(_task: object) -> Value:
        return None

    serving = running.serve(methods={"a.b": Method(handler=body)})
    client = running.connect(serving.address)
    until(lambda: serving.server.half_open() == 0)
    serving.server.revoke(CLIENT)
    (end,) = serving.wait_for(Closed)
    assert (end.how, end.reason) == (How.ERROR, "revoked")
    assert client.endpoint.wait_finished(20)
    assert serving.server.config.revoked
