"""Roles, principals that are shut out, and policies that change while a listener runs."""

import pytest
from sipc_identities import CLIENT, OTHER, SERVER, psk_credential, text, x509_credential, x509_trust
from sipc_program import Json, Session

KEY = text(b"k" * 16)
AES, CHACHA = "Noise_XX_25519_AESGCM_SHA256", "Noise_XX_25519_ChaChaPoly_SHA256"


def configure(session: Session, action: str, **params: object) -> None:
    """Have the implementation do something."""
    assert session.program.call("configure", action=action, **params) == {}


def ledger(session: Session) -> list[Json]:
    """What has happened."""
    entries: list[Json] = session.program.call("inspect", what=["ledger"])["ledger"]
    return entries


def test_reading_needs_a_role(session: Session) -> None:
    """Nobody has a role until it is granted, and it counts at once, also when it is taken away."""
    session.listen()
    session.connect()
    assert session.request("read")["code"] == "denied"
    configure(session, "grant", listener="l1", name=CLIENT, role="reader")
    session.request("append", b"one", key=KEY)
    assert session.request("read")["payload"] == text(b"1")
    configure(session, "withdraw", listener="l1", name=CLIENT, role="reader")
    outcome = session.request("read")
    assert (outcome["reason"], outcome["executed"]) == ("unauthorized", "no")


@pytest.mark.parametrize(("kind", "allowed"), [("x509", True), ("psk", False), (None, True)])
def test_a_role_of_one_kind_of_principal(session: Session, kind: str | None, allowed: bool) -> None:
    """The same name under another kind of credential is another principal."""
    session.listen()
    session.connect()
    credential = {} if kind is None else {"credential": kind}
    configure(session, "grant", listener="l1", name=CLIENT, role="reader", **credential)
    assert (session.request("read")["status"] == "ok") is allowed


def test_a_refusal_leaves_no_trace_and_a_duplicate_is_judged_again(session: Session) -> None:
    """Denied, granted: executed under the same key. Withdrawn: the stored answer is not given out."""
    session.listen(options={"roles": {"append": "writer"}})
    session.connect()
    assert session.request("append", b"p", key=KEY)["code"] == "denied"
    configure(session, "grant", listener="l1", name=CLIENT, role="writer")
    first = session.request("append", b"p", key=KEY)
    assert first["status"] == "ok"
    assert session.request("append", b"p", key=KEY) == first
    configure(session, "withdraw", listener="l1", name=CLIENT, role="writer")
    again = session.request("append", b"p", key=KEY)
    assert (again["code"], again.get("payload")) == ("denied", None)
    assert len(ledger(session)) == 1


@pytest.mark.parametrize("kind", ["x509", "psk"])
def test_a_principal_is_shut_out(session: Session, kind: str) -> None:
    """Its session ends, its work stops, and it does not come back; nobody else notices."""
    session.listen(kind)
    session.connect(kind)
    running = session.program.submit(
        "send", conn="c1", kind="request", operation="work", payload=text(b"1000,20"), deadline_ms=20000
    )
    session.program.note("executed")
    configure(session, "revoke", listener="l1", name=CLIENT)
    end = session.program.note("closed", lambda params: params["conn"] == session.server)
    assert (end["how"], end["reason"]) == ("error", "revoked")
    assert session.program.answer(running)["result"]["executed"] == "unknown"
    while session.program.call("inspect", what=["metrics"])["metrics"]["running"]:
        continue
    done = len(ledger(session))
    session.attempt(kind, "c2")
    refused = session.program.note("rejected", lambda params: params.get("listener") == "l1")
    assert refused["reason"] == "revoked"
    assert len(ledger(session)) == done
    if kind == "x509":
        session.connect(conn="c3", credential=x509_credential(OTHER))


def test_work_of_a_principal_that_was_shut_out_is_not_executed(session: Session) -> None:
    """Requests that wait in their lane when their sender is shut out never begin."""
    session.listen()
    session.connect()
    session.program.submit("send", conn="c1", kind="request", operation="gated", payload=text(b"first"))
    session.program.note("executed")
    session.program.submit(
        "send", conn="c1", kind="request", operation="append", payload=text(b"second"), key=KEY
    )
    configure(session, "revoke", listener="l1", name=CLIENT)
    configure(session, "open-gate", listener="l1")
    while session.program.call("inspect", what=["metrics"])["metrics"]["running"]:
        continue
    assert [entry["operation"] for entry in ledger(session)] == ["gated"]


def test_a_new_policy_is_for_later_handshakes(session: Session) -> None:
    """A suite that was removed is refused from then on, and the counters say what was used."""
    session.listen()
    session.connect(options={"suites": [AES]})
    configure(session, "policy", listener="l1", suites=[CHACHA])
    session.send(b"still there")
    session.program.note("delivered")
    session.attempt(conn="c2", options={"suites": [AES]})
    assert (
        session.program.note("rejected", lambda params: params.get("conn") == "c2")["reason"] == "downgrade"
    )
    assert session.connect(conn="c3", options={"suites": [AES, CHACHA]})["suite"] == CHACHA
    metrics = session.program.call("inspect", what=["metrics"])["metrics"]
    assert (metrics[f"suite:{AES}"], metrics[f"suite:{CHACHA}"]) == (2, 2)


def test_a_new_policy_about_trust_and_peers(session: Session) -> None:
    """Trust and the acceptable peer can be replaced; what is not named stays."""
    session.listen()
    configure(session, "policy", listener="l1", peer=OTHER)
    session.attempt(conn="c1")
    assert (
        session.program.note("rejected", lambda params: params.get("listener") == "l1")["reason"]
        == "unauthorized"
    )
    session.connect(conn="c2", credential=x509_credential(OTHER))
    configure(session, "policy", listener="l1", trust={"kind": "x509", "roots": []})
    session.attempt(conn="c3", credential=x509_credential(OTHER))
    assert session.program.note("rejected", lambda params: params.get("conn") == "c3")
    configure(session, "policy", listener="l1", trust=x509_trust())
    session.connect(conn="c4", credential=x509_credential(OTHER))


def test_a_key_that_has_ended(session: Session) -> None:
    """A pre-shared key that has expired is refused by the one who would have to accept it."""
    server = psk_credential(SERVER, CLIENT) | {"expires_s": 1}
    session.listen("psk", credential=psk_credential(SERVER, CLIENT), trust={"kind": "psk", "keys": [server]})
    session.attempt("psk")
    assert (
        session.program.note("rejected", lambda params: params.get("listener") == "l1")["reason"] == "expired"
    )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "dance"}, -32001),
        ({"action": "revoke", "conn": "c1", "name": CLIENT}, -32001),
        ({"action": "revoke", "listener": "l9", "name": CLIENT}, -32602),
        ({"action": "grant", "listener": "l1", "name": CLIENT}, -32602),
        ({"action": "policy", "listener": "l1", "suites": ["Noise_none"]}, -32001),
        ({"action": "cancel", "conn": "c1", "tag": "none"}, -32602),
        ({"action": "arm", "point": "nowhere", "what": "kill"}, -32001),
        ({"action": "arm", "point": "verify", "what": "smile"}, -32001),
        ({"action": "set-counter", "conn": "c1", "direction": "up", "value": 1}, -32602),
        ({"action": "set-counter", "conn": "c1", "direction": "send", "value": -1}, -32602),
        ({"action": "set-counter", "conn": "c1", "direction": "send", "value": 2**64 - 1}, -32000),
        ({"action": "step-wall"}, -32602),
    ],
)
def test_what_cannot_be_configured(session: Session, params: dict[str, object], code: int) -> None:
    """Wrong actions and wrong parameters are told apart, and nothing ends."""
    session.listen()
    session.connect()
    assert session.program.error("configure", **params)["code"] == code
    session.send(b"after")
    session.program.note("delivered")
