"""Operations that take time: cancelling, gates, lanes, counters, and what a caller says about a request."""

import socket
import threading
import time
from pathlib import Path

import pytest
from local_places import LOCAL, Plain, listen_for, plain
from sipc_identities import text
from sipc_program import Json, Session

from sipc_driver.options import format_address, parse_address

KEY = text(b"k" * 16)


def metrics(session: Session) -> Json:
    """The counters."""
    numbers: Json = session.program.call("inspect", what=["metrics"])["metrics"]
    return numbers


def ledger(session: Session) -> list[Json]:
    """What has happened."""
    entries: list[Json] = session.program.call("inspect", what=["ledger"])["ledger"]
    return entries


def submit(session: Session, operation: str, payload: bytes = b"", conn: str = "c1", **params: object) -> int:
    """Send a request and do not wait for its outcome."""
    return session.program.submit(
        "send", conn=conn, kind="request", operation=operation, payload=text(payload), **params
    )


def outcome(session: Session, ident: int) -> Json:
    """The outcome of a request."""
    result: Json = session.program.answer(ident)["result"]
    return result


def until_idle(session: Session) -> None:
    """Wait until no handler is at work."""
    end = time.monotonic() + 20
    while metrics(session)["running"]:
        assert time.monotonic() < end


def test_work_passes_its_checkpoints(session: Session) -> None:
    """One entry for each, in order."""
    session.listen()
    session.connect()
    assert session.request("work", b"3,1")["payload"] == text(b"done")
    assert [(entry["operation"], entry["payload"]) for entry in ledger(session)] == [
        ("work", text(b"0")),
        ("work", text(b"1")),
        ("work", text(b"2")),
    ]
    assert len(session.program.of("executed")) == 3


@pytest.mark.parametrize("payload", [b"", b"3", b"a,b", b"1,9999999", b"-1,5", b"3,1,1"])
def test_work_that_makes_no_sense(session: Session, payload: bytes) -> None:
    """It is refused and nothing happens."""
    session.listen()
    session.connect()
    assert session.request("work", payload)["code"] == "schema"
    assert ledger(session) == []


@pytest.mark.parametrize("how", ["cancel", "close", "deadline"])
def test_work_stops_at_a_checkpoint(session: Session, how: str) -> None:
    """However nobody waits any more, work that runs is counted until it ends, which is soon."""
    session.listen(options={"clock": "virtual"})
    session.connect()
    ident = submit(
        session, "work", b"100,1000", tag="w", deadline_ms=150_000 if how == "deadline" else 600_000
    )
    end = time.monotonic() + 20
    while not metrics(session)["running"]:
        assert time.monotonic() < end
    session.program.call("advance_clock", ms=2000)
    session.program.note("executed", lambda params: params["payload"] == text(b"1"))
    if how == "cancel":
        session.program.call("configure", action="cancel", conn="c1", tag="w")
        assert outcome(session, ident)["code"] == "cancelled"
    elif how == "close":
        session.program.call("close", conn="c1", mode="abort")
        session.program.note("closed", lambda params: params["conn"] == session.server)
    else:
        return
    assert metrics(session)["running"] == 1
    deadline = time.monotonic() + 20
    while metrics(session)["running"]:
        session.program.call("advance_clock", ms=1000)
        assert time.monotonic() < deadline
    assert len(ledger(session)) == 2


def test_a_gate(session: Session) -> None:
    """What is gated has its effect when it starts and its answer when the gate opens; a duplicate meets it at work."""
    session.listen()
    session.connect()
    session.connect(conn="c2")
    first = submit(session, "gated", b"g", key=KEY)
    session.program.note("executed", lambda params: params["operation"] == "gated")
    assert session.request("gated", b"g", conn="c2", key=KEY)["code"] == "in_progress"
    session.program.call("configure", action="open-gate", listener="l1")
    assert outcome(session, first)["payload"] == text(b"done")
    assert session.request("gated", b"g", conn="c2", key=KEY)["payload"] == text(b"done")
    assert len(ledger(session)) == 1
    assert session.request("gated", b"later")["status"] == "ok"


def test_reset_ends_what_waits(session: Session) -> None:
    """Work and gates of an earlier case do not go on in the next one."""
    session.listen()
    session.connect()
    submit(session, "gated", b"g", lane="a")
    submit(session, "work", b"1000,1000", lane="b")
    end = time.monotonic() + 20
    while metrics(session)["running"] < 2:
        assert time.monotonic() < end
    before = session.program.call("inspect", what=["resources"])["resources"]["threads"]
    session.program.reset()
    assert metrics(session)["running"] == 0
    while session.program.call("inspect", what=["resources"])["resources"]["threads"] > before - 2:
        assert time.monotonic() < end


def test_lanes(session: Session) -> None:
    """One lane waits for its first request, the other lane does not; within a lane the order is that of sending."""
    session.listen()
    session.connect()
    first = submit(session, "gated", b"1", lane="a")
    session.program.note("executed")
    second = submit(session, "append", b"2", lane="a", key=text(b"2" * 16))
    third = submit(session, "append", b"3", lane="a", key=text(b"3" * 16))
    assert session.request("append", b"other", lane="b", key=text(b"4" * 16))["status"] == "ok"
    session.program.call("configure", action="open-gate", listener="l1")
    assert all(outcome(session, ident)["status"] == "ok" for ident in (first, second, third))
    assert [entry["payload"] for entry in ledger(session)] == [text(p) for p in (b"1", b"other", b"2", b"3")]


def test_a_lane_of_a_message(session: Session) -> None:
    """The receiver is told the lane."""
    session.listen()
    session.connect()
    session.program.call("send", conn="c1", payload=text(b"x"), lane="a", label=1, purpose="test", schema=1)
    assert session.program.note("delivered")["lane"] == "a"


@pytest.mark.parametrize("change", [{"label": 1}, {"purpose": "other"}, {"schema": 2}, {"lane": "z"}, {}])
def test_what_belongs_to_a_key(session: Session, change: Json) -> None:
    """Label, purpose and schema are part of what a key stands for; the lane is not."""
    session.listen()
    session.connect()
    first = session.request("append", b"p", key=KEY, label=2, purpose="this")
    again = session.request("append", b"p", **({"key": KEY, "label": 2, "purpose": "this"} | change))
    if set(change) & {"label", "purpose", "schema"}:
        assert (again["code"], again["executed"], again.get("payload")) == ("idem_mismatch", "no", None)
    else:
        assert again == first
    assert len(ledger(session)) == 1


@pytest.mark.parametrize(
    "params", [{"label": 4}, {"label": "x"}, {"schema": "x"}, {"schema": -1}, {"lane": 5}, {"token": "!"}]
)
def test_what_cannot_be_said(session: Session, params: Json) -> None:
    """Bad members are bad parameters."""
    session.listen()
    session.connect()
    assert session.program.error("send", conn="c1", payload="", **params)["code"] == -32602


def test_the_store_has_a_capacity(session: Session) -> None:
    """At capacity further keys are refused, the old ones are still known, and the horizon makes room."""
    session.listen(options={"store_capacity": 2, "clock": "virtual"})
    session.connect()
    answers = [session.request("append", b"p", key=text(bytes([n]) * 16)) for n in range(3)]
    assert [answer.get("code") for answer in answers] == [None, None, "busy"]
    assert session.request("append", b"p", key=text(bytes(16))) == answers[0]
    session.program.call("configure", action="step-wall", ms=3_600_000)
    assert session.request("append", b"p", key=text(b"x" * 16))["code"] == "busy"
    session.program.call("advance_clock", ms=599_000)
    session.connect(conn="c2")
    assert session.request("append", b"p", conn="c2", key=text(bytes(16))) == answers[0]
    session.program.call("advance_clock", ms=1_000)
    assert session.request("append", b"p", conn="c2", key=text(b"x" * 16))["status"] == "ok"


def test_late_replies_are_counted(session: Session) -> None:
    """A response to a request that was given up reaches nobody, and the next request gets its own."""
    session.listen()
    session.connect()
    ident = submit(session, "gated", b"1", tag="g", deadline_ms=20_000)
    session.program.note("executed")
    session.program.call("configure", action="cancel", conn="c1", tag="g")
    assert outcome(session, ident)["code"] == "cancelled"
    assert session.request("echo", b"next", lane="b")["payload"] == text(b"next")
    assert metrics(session)["late_reply"] == 1
    session.program.call("configure", action="open-gate", listener="l1")
    until_idle(session)


def test_a_connection_does_not_have_more_at_work_than_is_allowed(session: Session) -> None:
    """What was cancelled counts until it has ended."""
    session.listen()
    session.connect()
    for number in range(64):
        name = text(str(number).encode())
        ident = submit(session, "gated", str(number).encode(), lane=str(number), tag=str(number))
        session.program.note("executed", lambda params, name=name: params["payload"] == name)  # type: ignore[misc]
        session.program.call("configure", action="cancel", conn="c1", tag=str(number))
        outcome(session, ident)
    assert session.request("echo", b"one more")["code"] == "busy"
    session.program.call("configure", action="open-gate", listener="l1")
    until_idle(session)
    assert session.request("echo", b"one more")["status"] == "ok"


def test_half_open_connections_and_other_greetings(session: Session) -> None:
    """Who has connected and said nothing is counted while it lasts; who speaks another protocol, for good."""
    session.listen(transport="tcp")
    where = (session.address["host"], session.address["port"])
    with socket.create_connection(where) as silent, socket.create_connection(where) as other:
        end = time.monotonic() + 20
        while metrics(session)["half_open"] < 2:
            assert time.monotonic() < end
        other.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert session.program.note("rejected")["stage"] == "negotiation"
        assert metrics(session)["legacy_refused"] == 1
        silent.close()
    while metrics(session)["half_open"]:
        assert time.monotonic() < end


def carrying(source: Plain, sink: Plain) -> threading.Thread:
    """A thread that carries bytes from one to the other until it is interrupted."""
    assert source.stream.allow_interrupts()

    def carry() -> None:
        while data := source.stream.read_unless_interrupted(65536):
            sink.sendall(data)

    thread = threading.Thread(target=carry)
    thread.start()
    return thread


def test_requests_to_a_peer_that_does_not_read(session: Session, directory: Path) -> None:
    """Whoever sends waits; the driver goes on serving others, and the write time-out ends the connection."""
    session.listen()
    listener = listen_for(LOCAL, directory, "relay")
    target, session.address = session.address, format_address(listener.address)
    session.attempt(options={"timeouts": {"write_ms": 4000, "request_ms": 30000}})
    accepted = listener.accept()
    assert accepted is not None
    with Plain(accepted) as near, plain(parse_address({"address": target})) as far:
        carriers = [carrying(near, far), carrying(far, near)]
        session.program.note("established", lambda note: note["conn"] == "c1")
        for source, carrier in zip((near, far), carriers, strict=True):
            source.stream.interrupt()
            carrier.join(20)
        asked = [submit(session, "echo", bytes(500_000)) for _ in range(6)]
        session.address = target
        session.connect(conn="c2")
        assert session.request("echo", b"other", conn="c2")["payload"] == text(b"other")
        assert not [note for note in session.program.of("closed") if note["conn"] == "c1"]
        codes = {outcome(session, ident)["code"] for ident in asked}
        assert codes <= {"outcome_unknown", "not_sent"}
        assert "outcome_unknown" in codes
    listener.close()
