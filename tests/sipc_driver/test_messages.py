"""What comes with a message: signatures of others, tokens, records that get lost."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sipc_identities import CLIENT, OTHER, SERVER, text, x509_credential
from sipc_program import Json, Program, Session

from sipc import tokens

SIGNER, ISSUER = (
    Ed25519PrivateKey.from_private_bytes(b"\x01" * 32),
    Ed25519PrivateKey.from_private_bytes(b"\x02" * 32),
)
ALICE = "spiffe://test.example/alice"
KEY = text(b"k" * 16)


def public(key: Ed25519PrivateKey) -> str:
    """The public key."""
    return text(key.public_key().public_bytes_raw())


def signers(*via: str, name: str = ALICE) -> dict[str, object]:
    """The option: one signer."""
    return {"signers": [{"name": name, "public": public(SIGNER), "via": list(via)}]}


def signed(ident: bytes = b"i" * 16, key: Ed25519PrivateKey = SIGNER, **changes: object) -> dict[str, object]:
    """The member `signed` of send."""
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"from": ALICE, "to": SERVER, "key": text(der), "id": text(ident)} | changes


def deliver(session: Session, **params: object) -> None:
    """Send an event."""
    session.program.call("send", payload=text(b"x"), **({"conn": "c1"} | params))


def refusal(session: Session) -> str:
    """Why the server refused the newest message."""
    session.program.note("rejected", lambda params: params.get("conn") == session.server)
    reason: str = session.program.of("rejected")[-1]["reason"]
    return reason


def test_a_signed_message(session: Session) -> None:
    """The receiver is told who wrote it, whoever carried it."""
    session.listen(options=signers(CLIENT))
    session.connect()
    deliver(session, signed=signed())
    assert session.program.note("delivered")["peer"] == ALICE
    assert session.request("append", b"r", key=KEY, signed=signed(b"j" * 16))["status"] == "ok"


@pytest.mark.parametrize(
    ("options", "change", "reason"),
    [
        (signers(), {}, "unauthorized"),  # nobody passes its messages on
        (signers(OTHER), {}, "unauthorized"),
        (signers(CLIENT, name=OTHER), {}, "unauthorized"),
        ({}, {}, "unauthorized"),  # no signatures are verified
        (signers(CLIENT), {"key": signed(key=ISSUER)["key"]}, "authentication"),
        (signers(CLIENT), {"to": OTHER}, "unauthorized"),
        (signers(CLIENT), {"expires_s": 1000}, "expired"),
        (signers(CLIENT), {"expires_s": 2**40}, "expired"),
    ],
)
def test_what_is_not_believed(session: Session, options: Json, change: Json, reason: str) -> None:
    """Each cause is reported by the receiver; the sender of a request is told one thing."""
    session.listen(options=options)
    session.connect()
    outcome = session.request("append", b"r", key=KEY, signed=signed() | change)
    assert (outcome["code"], outcome["executed"]) == ("denied", "no")
    assert refusal(session) == reason
    assert session.program.call("inspect", what=["ledger"])["ledger"] == []
    deliver(session)
    assert "peer" not in session.program.note("delivered")


def test_a_signature_is_used_once(session: Session) -> None:
    """On the same session, on a new one, and brought by another peer."""
    session.listen(options=signers(CLIENT, OTHER))
    session.connect()
    session.connect(conn="c2", credential=x509_credential(OTHER))
    expires = {"expires_s": int(time.time()) + 60}
    outcomes = [
        session.request("append", b"r", conn=conn, key=text(os.urandom(16)), signed=signed(**expires))
        for conn in ("c1", "c1", "c2")
    ]
    assert [outcome.get("code") for outcome in outcomes] == [None, "denied", "denied"]
    assert {note["reason"] for note in session.program.of("rejected")} == {"replay"}
    assert session.program.call("inspect", what=["metrics"])["metrics"]["replayed"] == 2


def test_ids_survive_a_crash(fresh: Callable[[], Program], directory: Path) -> None:
    """After kill -9 and a restart the message is still known."""
    options = signers(CLIENT) | {"store": str(directory / "store")}
    expires = {"expires_s": int(time.time()) + 60}
    codes = []
    for _ in range(2):
        session = Session(fresh(), directory)
        session.listen(options=options)
        session.connect()
        codes.append(
            session.request("append", b"r", key=text(os.urandom(16)), signed=signed(**expires)).get("code")
        )
        session.program.process.kill()
    assert codes == [None, "denied"]


# --- tokens ---


def token(session_time: float | None = None, **changes: object) -> str:
    """A token for one append."""
    now = int(time.time() if session_time is None else session_time)
    claims: dict[object, object] = {
        tokens.ISS: "issuer",
        tokens.SUB: CLIENT,
        tokens.AUD: SERVER,
        tokens.EXP: now + 50,
        tokens.IAT: now,
        tokens.CTI: b"c" * 16,
        tokens.OPS: ["app.append"],
    }
    claims |= {getattr(tokens, name): value for name, value in changes.items()}
    return text(tokens.issue(claims, ISSUER.private_bytes_raw()))  # type: ignore[arg-type]


TOKENS = {"issuers": [{"name": "issuer", "public": public(ISSUER)}], "require_token": ["append"]}


def test_a_token(session: Session) -> None:
    """With it the operation is allowed, without it not; a duplicate needs one as well."""
    session.listen(options=TOKENS)
    session.connect()
    assert session.request("append", b"p", key=KEY)["code"] == "denied"
    first = session.request("append", b"p", key=KEY, token=token())
    assert first["status"] == "ok"
    assert session.request("append", b"p", key=KEY, token=token(CTI=b"d" * 16)) == first
    assert session.request("append", b"p", key=KEY)["code"] == "denied"
    assert session.request("echo", b"p")["status"] == "ok"


@pytest.mark.parametrize(
    "changes",
    [{"SUB": OTHER}, {"AUD": OTHER}, {"ISS": "nobody"}, {"OPS": ["app.echo"]}, {"PURPOSE": "p"}, {"LABEL": 0},
     {"EXP": 1, "IAT": 0}, {"CNF": {1: bytes(32)}}, {"USES": 0}, {"NBF": 2**40}],
)  # fmt: skip
def test_tokens_that_do_not_allow_it(session: Session, changes: Json) -> None:
    """Whatever is wrong with it, the answer is one."""
    session.listen(options=TOKENS)
    session.connect()
    outcome = session.request("append", b"p", key=KEY, token=token(**changes))
    assert (outcome["code"], outcome["executed"]) == ("denied", "no")


def test_a_token_is_used_as_often_as_it_says(session: Session) -> None:
    """Many at once: exactly two succeed, and a duplicate of one of them is no further use."""
    session.listen(options=TOKENS)
    session.connect()
    two = token(USES=2)
    keys = [text(bytes([n]) * 16) for n in range(16)]
    asked = [
        session.program.submit(
            "send",
            conn="c1",
            kind="request",
            operation="append",
            payload="",
            key=key,
            token=two,
            lane=key[:8],
        )
        for key in keys
    ]
    outcomes = [session.program.answer(ident)["result"] for ident in asked]
    allowed = [key for key, outcome in zip(keys, outcomes, strict=True) if outcome["status"] == "ok"]
    assert len(allowed) == 2
    assert session.request("append", key=allowed[0], token=two)["status"] == "ok"


def test_time_of_tokens_and_certificates(session: Session) -> None:
    """Both go by wall time, also when it is stepped; sessions and timers do not notice."""
    session.listen(options=TOKENS | {"clock": "virtual"})
    session.connect()
    mine = token()
    assert session.request("append", key=KEY, token=mine)["status"] == "ok"
    session.program.call("configure", action="step-wall", ms=3_600_000)
    assert session.request("append", key=KEY, token=mine)["code"] == "denied"
    session.program.call("configure", action="step-wall", ms=-3_600_000)
    assert session.request("append", key=KEY, token=mine)["status"] == "ok"
    session.program.call("configure", action="step-wall", ms=90_000_000)
    session.attempt(conn="c2")
    assert (
        session.program.note("rejected", lambda params: params.get("listener") == "l1")["reason"] == "expired"
    )
    session.send(b"still there")
    session.program.note("delivered")


# --- profile D ---

D = {"mode": "datagram", "epoch_bits": 6}


@pytest.mark.parametrize("kind", ["x509", "psk"])
def test_a_session_of_profile_d(session: Session, kind: str) -> None:
    """Messages across several keys, requests, and a clean end."""
    session.listen(kind, options=D)
    session.connect(kind, options=D)
    for number in range(200):
        session.send(str(number).encode())
    assert session.request("echo", b"x")["payload"] == text(b"x")
    assert [note["payload"] for note in session.program.of("delivered")] == [
        text(str(number).encode()) for number in range(200)
    ]
    session.program.call("configure", action="rekey", conn="c1")
    assert session.request("echo", b"y")["payload"] == text(b"y")
    session.program.call("close", conn="c1")
    assert session.program.note("closed", lambda params: params["conn"] == session.server)["how"] == "clean"


def test_the_profiles_do_not_meet(session: Session) -> None:
    """A client of profile D and a server of the other one have no session."""
    session.listen()
    session.attempt(options=D)
    assert session.program.note("rejected", lambda params: params.get("conn") == "c1")
    assert session.program.of("established") == []


def test_counters_at_the_end_of_all_numbers(session: Session) -> None:
    """The last number is for CLOSE: the message is not sent, nothing wraps, the peer sees a regular end."""
    session.listen()
    session.connect()
    session.program.call("configure", action="set-counter", conn="c1", direction="send", value=2**64 - 3)
    session.program.call(
        "configure", action="set-counter", conn=session.server, direction="receive", value=2**64 - 3
    )
    session.send(b"the last one")
    session.program.note("delivered")
    error = session.program.error("send", conn="c1", payload="")
    assert error["data"]["reason"] == "limit"
    assert session.program.note("closed", lambda params: params["conn"] == session.server)["how"] == "clean"


def test_message_numbers_can_be_set(session: Session) -> None:
    """Both ends go on with the same later number, and never with an earlier one."""
    session.listen()
    session.connect()
    for conn, direction in (("c1", "send"), (session.server, "receive")):
        session.program.call(
            "configure", action="set-counter", conn=conn, direction=direction, value=65536, of="messages"
        )
    session.send(b"number 65536")
    session.program.note("delivered")
    again = session.program.error(
        "configure", action="set-counter", conn="c1", direction="send", value=3, of="messages"
    )
    assert again["data"]["reason"] == "limit"


def test_parsers(program: Program) -> None:
    """Each declared parser answers, and junk is refused with a reason."""
    for parser in program.call("describe")["parsers"]:
        answer = program.call("parse", parser=parser, data=text(b"\xff\x00junk"))
        assert (answer["accepted"], "reason" in answer) == (False, True), parser
    assert program.call("parse", parser="cbor", data=text(b"\x01")) == {
        "accepted": True,
        "value": text(b"\x01"),
    }
