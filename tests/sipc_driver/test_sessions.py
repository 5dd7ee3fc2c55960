"""Both roles in one driver, connected over real transports."""

import os
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from sipc_identities import (
    CLIENT,
    OTHER,
    PSK,
    SERVER,
    identities,
    psk_credential,
    text,
    x509_credential,
    x509_trust,
)
from sipc_program import Json, Program, Session

from sipc_runtime.places import TRANSPORTS

KEY = text(b"k" * 16)


def closed(session: Session, conn: str) -> Json:
    """How a connection ended."""
    return session.program.note("closed", lambda params: params["conn"] == conn)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kind", ["x509", "psk"])
def test_a_session(session: Session, kind: str, transport: str) -> None:
    """Established on both sides with the same binding, messages both ways, a clean end."""
    address = session.listen(kind, transport)
    assert address["transport"] == transport
    mine = session.connect(kind)
    theirs = session.program.note("established", lambda params: params.get("listener") == "l1")
    assert (mine["peer"], theirs["peer"]) == (SERVER, CLIENT)
    assert (mine["binding"], mine["suite"], mine["version"]) == (
        theirs["binding"],
        theirs["suite"],
        theirs["version"],
    )
    assert len(b64decode(mine["binding"])) == 32
    assert mine["credential"] == kind
    session.send(b"up")
    session.send(b"down", session.server)
    up = session.program.note("delivered", lambda params: params["conn"] == session.server)
    down = session.program.note("delivered", lambda params: params["conn"] == "c1")
    assert (b64decode(up["payload"]), b64decode(down["payload"])) == (b"up", b"down")
    assert session.program.call("close", conn="c1") == {}
    assert closed(session, "c1")["how"] == "local"
    end = closed(session, session.server)
    assert (end["how"], end["reason"]) == ("clean", "peer-closed")
    assert session.program.call("close", conn="c1") == {}


@pytest.mark.parametrize("payload", [b"", b"\0", os.urandom(1000), bytes((1 << 20) - 256)], ids=len)
def test_payloads(session: Session, payload: bytes) -> None:
    """Every length up to the declared limit arrives unchanged."""
    session.listen()
    session.connect()
    session.send(payload)
    assert session.program.note("delivered")["payload"] == text(payload)


def test_a_payload_that_is_too_long(session: Session) -> None:
    """The sending call fails, and the connection goes on."""
    session.listen()
    session.connect()
    error = session.program.error("send", conn="c1", payload=text(bytes(1 << 20)))
    assert (error["code"], error["data"]["reason"]) == (-32000, "limit")
    session.send(b"after")
    session.program.note("delivered")


def test_closed_is_told_once(session: Session) -> None:
    """Whatever happens at the end, each connection ends once."""
    session.listen()
    for number in range(10):
        session.connect(conn=f"c{number}")
        server = session.server
        session.program.submit("close", conn=server, mode="abort" if number % 2 else "graceful")
        session.program.call("close", conn=f"c{number}")
        closed(session, server)
        closed(session, f"c{number}")
    session.program.call("inspect", what=["resources"])
    assert len(session.program.of("closed")) == 20


def test_abort(session: Session) -> None:
    """Dropping the transport is local here and truncated there."""
    session.listen()
    session.connect()
    session.program.call("close", conn="c1", mode="abort")
    assert closed(session, "c1")["how"] == "local"
    assert closed(session, session.server)["how"] == "truncated"


def test_sending_on_a_closed_connection(session: Session) -> None:
    """It fails, as an operation."""
    session.listen()
    session.connect()
    session.program.call("close", conn="c1")
    error = session.program.error("send", conn="c1", payload="")
    assert (error["code"], error["data"]["reason"]) == (-32000, "peer-closed")
    assert session.request("echo")["executed"] == "no"


def test_rekey(session: Session) -> None:
    """Traffic goes on under new keys; a closed connection cannot change its key."""
    session.listen()
    session.connect()
    for number in range(3):
        for conn in ("c1", session.server):
            assert session.program.call("configure", action="rekey", conn=conn) == {}
            session.send(b"%d" % number, conn)
            session.program.note("delivered", lambda p, n=number: p["payload"] == text(b"%d" % n))  # type: ignore[misc]
    session.program.call("close", conn="c1")
    assert session.program.error("configure", action="rekey", conn="c1")["code"] == -32000


# --- requests ---


def test_echo_and_wait(session: Session) -> None:
    """Operations answer what they should, and the server reports each execution."""
    session.listen()
    session.connect()
    assert session.request("echo", b"hello") == {"status": "ok", "payload": text(b"hello")}
    assert session.request("wait", b"5") == {"status": "ok", "payload": text(b"done")}
    executed = session.program.of("executed")
    assert [(one["operation"], one["conn"]) for one in executed] == [
        ("echo", session.server),
        ("wait", session.server),
    ]


def test_append_once(session: Session) -> None:
    """Duplicates over one and over another connection get the first answer; the ledger has one entry."""
    session.listen()
    session.connect()
    first = session.request("append", b"entry", key=KEY)
    assert first["status"] == "ok"
    assert len(b64decode(first["payload"])) == 16
    session.connect(conn="c2")
    assert [session.request("append", b"entry", conn, key=KEY) for conn in ("c1", "c2")] == [first] * 2
    assert session.request("append", b"other", key=text(b"K" * 16))["payload"] != first["payload"]
    ledger = session.program.call("inspect", what=["ledger"])["ledger"]
    assert [(row["payload"], row["peer"], row["key"]) for row in ledger] == [
        (text(b"entry"), CLIENT, KEY),
        (text(b"other"), CLIENT, text(b"K" * 16)),
    ]
    assert len(session.program.of("executed")) == 2


def test_append_refusals(session: Session) -> None:
    """Without a key, with a short one, or with another request's, nothing is appended."""
    session.listen()
    session.connect()
    assert session.request("append", b"x")["code"] == "idem_required"
    assert session.request("append", b"x", key=text(b"short"))["code"] == "not_sent"
    session.request("append", b"x", key=KEY)
    mismatch = session.request("append", b"y", key=KEY)
    assert (mismatch["code"], mismatch["executed"]) == ("idem_mismatch", "no")
    assert session.request("echo", b"x", key=KEY)["code"] == "idem_mismatch"
    assert len(session.program.call("inspect", what=["ledger"])["ledger"]) == 1


def test_keys_of_peers_are_separate(session: Session) -> None:
    """Another client's identical key is another operation."""
    session.listen()
    session.connect()
    session.connect(conn="c2", credential=x509_credential(OTHER))
    answers = {session.request("append", b"x", conn, key=KEY)["payload"] for conn in ("c1", "c2")}
    assert len(answers) == 2
    rows = session.program.call("inspect", what=["ledger"])["ledger"]
    assert [row["peer"] for row in rows] == [CLIENT, OTHER]


@pytest.mark.parametrize(
    ("operation", "code"), [("unknown", "denied"), ("Not a name", "not_sent"), ("", "not_sent")]
)
def test_operations_that_do_not_exist(session: Session, operation: str, code: str) -> None:
    """They are refused by the server, or by the client if no method can have such a name."""
    session.listen()
    session.connect()
    outcome = session.request(operation)
    assert (outcome["status"], outcome["executed"], outcome["code"]) == ("error", "no", code)


@pytest.mark.parametrize("payload", [b"", b"soon", b"-1", b"1000000"])
def test_wait_needs_a_number(session: Session, payload: bytes) -> None:
    """Anything else is against the operation's schema."""
    session.listen()
    session.connect()
    assert session.request("wait", payload)["code"] == "schema"


def test_deadline(session: Session) -> None:
    """The caller gets its outcome at the deadline and the operation does not happen later."""
    session.listen()
    session.connect()
    outcome = session.request("wait", b"300", deadline_ms=50)
    assert (outcome["status"], outcome["reason"], outcome["executed"]) == ("error", "timeout", "unknown")
    assert outcome["code"] == "deadline_exceeded"
    session.request("wait", b"400")
    assert len(session.program.of("executed")) == 1
    past = session.request("echo", deadline_ms=0)
    assert (past["reason"], past["executed"]) == ("timeout", "no")
    assert (
        session.program.error(
            "send", conn="c1", kind="request", operation="echo", payload="", deadline_ms="1"
        )["code"]
        == -32602
    )


def test_requests_wait_side_by_side(session: Session) -> None:
    """A long request does not keep the driver from serving others."""
    session.listen()
    session.connect()
    program = session.program
    waiting = program.submit("send", conn="c1", kind="request", operation="wait", payload=text(b"300"))
    session.send(b"meanwhile")
    program.note("delivered")
    assert program.answer(waiting)["result"]["status"] == "ok"


def test_a_request_outlives_nothing(session: Session) -> None:
    """When the connection goes, the caller is told, and the outcome is unknown."""
    session.listen()
    session.connect()
    waiting = session.program.submit(
        "send", conn="c1", kind="request", operation="wait", payload=text(b"60000")
    )
    session.send(b"x")
    session.program.note("delivered")
    session.program.call("close", conn=session.server, mode="abort")
    outcome = session.program.answer(waiting)["result"]
    assert (outcome["reason"], outcome["executed"], outcome["code"]) == (
        "truncated",
        "unknown",
        "outcome_unknown",
    )


# --- who may connect ---


@pytest.mark.parametrize(
    "changes",
    [
        {"credential": None},
        {"trust": None},
        {
            "credential": psk_credential(CLIENT, SERVER),
            "trust": {"kind": "psk", "keys": [psk_credential(CLIENT, SERVER)]},
        },
        {"service": OTHER},
        {"peer": OTHER},
    ],
    ids=["no-identity", "trusts-nobody", "key-instead-of-certificate", "wrong-service", "wrong-peer"],
)
def test_clients_that_are_rejected(session: Session, changes: dict[str, object]) -> None:
    """The attempt ends with `rejected` and `closed`, and nobody is established."""
    session.listen()
    session.attempt(**changes)  # type: ignore[arg-type]
    rejected = session.program.note("rejected", lambda params: params.get("conn") == "c1")
    assert rejected["stage"] in {"negotiation", "handshake"}
    assert session.program.of("established") == []


def test_a_client_that_the_server_does_not_want(session: Session) -> None:
    """`peer` restricts who may connect; the server names the reason, the client does not learn it."""
    session.listen(peer=OTHER)
    session.attempt()
    server = session.program.note("rejected", lambda params: params.get("listener") == "l1")
    client = session.program.note("rejected", lambda params: params.get("conn") == "c1")
    assert (server["stage"], server["reason"]) == ("handshake", "unauthorized")
    assert client["reason"] == "peer-closed"
    session.connect(conn="c2", credential=x509_credential(OTHER))


def test_a_wrong_shared_key(session: Session) -> None:
    """It is rejected on both sides."""
    session.listen("psk")
    wrong = psk_credential(CLIENT, SERVER, bytes(reversed(PSK)))
    session.attempt("psk", credential=wrong, trust={"kind": "psk", "keys": [wrong]})
    assert session.program.note("rejected", lambda params: "listener" in params)["reason"] == "authentication"
    session.program.note("rejected", lambda params: params.get("conn") == "c1")


def test_nobody_listens(session: Session) -> None:
    """The stage is the transport."""
    session.listen()
    session.program.call("close", listener="l1")
    session.attempt()
    assert session.program.note("rejected")["stage"] == "transport"


# --- options ---


@pytest.mark.parametrize(
    ("client", "server", "suite"),
    [
        (["Noise_XX_25519_AESGCM_SHA256"], None, "Noise_XX_25519_AESGCM_SHA256"),
        (None, ["Noise_XX_25519_AESGCM_SHA256"], "Noise_XX_25519_AESGCM_SHA256"),
        (
            ["Noise_XX_25519_AESGCM_SHA256", "Noise_XX_25519_ChaChaPoly_SHA256"],
            None,
            "Noise_XX_25519_AESGCM_SHA256",
        ),
    ],
)
def test_suites(session: Session, client: list[str] | None, server: list[str] | None, suite: str) -> None:
    """Suites are chosen by their Noise names, also over a retry."""
    session.listen(options={} if server is None else {"suites": server})
    assert session.connect(options={} if client is None else {"suites": client})["suite"] == suite


def test_no_common_suite(session: Session) -> None:
    """The negotiation fails, on both sides, at its own stage."""
    session.listen(options={"suites": ["Noise_XX_25519_AESGCM_SHA256"]})
    session.attempt(options={"suites": ["Noise_XX_25519_ChaChaPoly_SHA256"]})
    for where in ("conn", "listener"):
        assert session.program.note("rejected", lambda params, w=where: w in params)["stage"] == "negotiation"  # type: ignore[misc]


def test_certificate_and_key_together(session: Session) -> None:
    """The suite that proves both is reached with a shared key among the options."""
    suites = ["Noise_XXpsk3_25519_ChaChaPoly_SHA256"]
    session.listen(options={"suites": suites, "psk": psk_credential(SERVER, CLIENT)})
    mine = session.connect(options={"suites": suites, "psk": psk_credential(CLIENT, SERVER)})
    assert mine["suite"] == suites[0]
    wrong = psk_credential(CLIENT, SERVER, bytes(reversed(PSK)))
    session.attempt(conn="c2", options={"suites": suites, "psk": wrong})
    session.program.note("rejected", lambda params: params.get("conn") == "c2")


def test_versions(session: Session) -> None:
    """The highest common version is used."""
    session.listen(options={"versions": [1, 127]})
    assert session.connect(options={"versions": [1, 127]})["version"] == 127
    assert session.connect(conn="c2")["version"] == 1


def test_virtual_clock(session: Session) -> None:
    """Time passes when the harness says so: not a millisecond before the deadline, and at it."""
    session.listen(options={"clock": "virtual", "timeouts": {"idle_ms": 600_000}})
    session.connect(options={"clock": "virtual", "timeouts": {"idle_ms": 600_000}})
    program = session.program
    waiting = program.submit(
        "send", conn="c1", kind="request", operation="wait", payload=text(b"600000"), deadline_ms=30_000
    )
    session.send(b"x")
    program.note("delivered")
    program.call("advance_clock", ms=29_999)
    session.send(b"y")
    program.note("delivered", lambda params: params["payload"] == text(b"y"))
    assert waiting not in program._answers
    program.call("advance_clock", ms=1)
    assert program.answer(waiting)["result"]["code"] == "deadline_exceeded"


def test_timeouts_are_options(session: Session) -> None:
    """A session without traffic is probed, and a handshake that stalls is dropped, when the options say."""
    session.listen(options={"timeouts": {"handshake_ms": 150, "idle_ms": 60, "probe_ms": 5000}})
    session.connect()
    session.attempt(conn="c2", options={"timeouts": {"connect_ms": 100, "drain_ms": 100, "write_ms": 100}})
    session.program.note("established", lambda params: params["conn"] == "c2")
    session.send(b"still there")
    session.program.note("delivered")


# --- reset and durability ---


def test_reset_forgets_everything(session: Session) -> None:
    """Connections, listeners, ledger and keys are gone, nothing is told about them, and names are free."""
    program = session.program
    for _ in range(3):
        session.listen()
        session.connect()
        first = session.request("append", b"x", key=KEY)
        waiting = program.submit("send", conn="c1", kind="request", operation="wait", payload=text(b"60000"))
        program.reset()
        assert program.answer(waiting)["result"]["status"] == "error"
        resources = program.call("inspect", what=["ledger", "resources"])
        assert (resources["ledger"], resources["resources"]["connections"]) == ([], 0)
        assert program.notes == []
    session.listen()
    session.connect()
    assert session.request("append", b"x", key=KEY) != first


def test_many_sessions_do_not_grow(session: Session) -> None:
    """Hundreds of sessions in one process end with the threads and descriptors of the start."""
    program = session.program

    def resources() -> Json:
        counted: Json = program.call("inspect", what=["resources"])["resources"]
        # On Windows the driver cannot count them; a machine in memory does, in the tests of pipes.
        return {"fds": 0, **counted}

    # Threads of earlier tests leave within a moment.
    time.sleep(0.5)
    before = resources()
    for _ in range(20):
        session.listen("psk")
        for number in range(15):
            session.connect("psk", conn=f"c{number}")
            session.send(b"x", f"c{number}")
            if number % 2:
                program.call("close", conn=f"c{number}")
        program.reset()
    end = time.monotonic() + 20.0
    while (after := resources())["fds"] > before["fds"] or after["threads"] > before["threads"]:
        assert time.monotonic() < end, f"{before} became {after}"
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["kill", "leave"])
def test_a_store_survives(fresh: Callable[[], Program], directory: Path, how: str) -> None:
    """After kill -9 and a restart a duplicate gets the first answer, and the ledger is there."""
    answers = []
    for turn in range(2):
        session = Session(fresh(), directory)
        session.listen("psk", options={"store": str(directory / "store")})
        session.connect("psk")
        answers.append(session.request("append", b"x", key=KEY))
        ledger = session.program.call("inspect", what=["ledger"])["ledger"]
        assert [row["payload"] for row in ledger] == [text(b"x")]
        assert len(session.program.of("executed")) == 1 - turn
        if how == "kill":
            session.program.process.kill()
            session.program.process.wait(30.0)
        else:
            session.program.end()
    assert answers[0] == answers[1]
    assert answers[0]["status"] == "ok"


def test_a_client_in_another_process(fresh: Callable[[], Program], directory: Path) -> None:
    """Two drivers, one role each."""
    server = Session(fresh(), directory)
    server.listen()
    client = fresh()
    _, identity = identities("x509")
    client.call("connect", conn="c1", address=server.address, service=SERVER, **identity)
    client.note("established")
    client.call("send", conn="c1", payload=text(b"hi"))
    server.program.note("delivered")
    assert x509_trust()["kind"] == "x509"
    client.process.kill()
    assert server.program.note("closed")["how"] == "truncated"
