"""Sessions as lists of steps: every fault of the key schedule fires and is refused, and a reference that takes one is caught."""

from collections.abc import Callable

import pytest
from structures import chance

import sipc.noise
from ipc_gauntlet.fuzz import Target, Verdict
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.peer import cbor
from sipc import datagram, datagram_session, records, rpc, session, timers
from sipc.connection import Connection
from sipc.errors import IntegrityError
from sipc.events import Closed, Event, Executed, MessageReceived, Rejected, RequestFailed
from sipc.exchange import Exchange
from sipc_targets import TARGETS, sessions, violations
from sipc_targets.material import START
from sipc_targets.session_settling import Settling
from sipc_targets.session_steps import FAULTS, SESSION
from sipc_targets.sessions import Play

BY_NAME = {target.name: target for target in TARGETS}
EVENT = b"\1" + cbor.encode({0: 1, 1: 2, 2: 0, 4: "app.message", 14: b"hello"})
READY = ("ready", b"")
BEFORE = [
    READY,
    ("message", EVENT),
    ("rekey", b""),
    ("message", EVENT),
    ("send_event", b"x"),
    ("ping", b"12345678"),
]
each_fault = pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
each_suite = pytest.mark.parametrize("suite", range(5))


def play(steps: list[tuple[str, bytes]], suite: int, *, role: bool = True, datagram: bool = False) -> Play:
    """Do them; returns what was played."""
    playing = Play((suite, 0), role=role, datagram=datagram)
    for call in SESSION.decode(SESSION.encode(steps, bytes((suite, 0)))):
        playing.step(call)
    return playing


def messages(playing: Play) -> int:
    """How many were delivered."""
    return sum(isinstance(event, MessageReceived) for event in playing.events)


@each_suite
@pytest.mark.parametrize("role", [True, False], ids=["initiator", "responder"])
def test_without_a_fault_the_session_goes_on(suite: int, *, role: bool) -> None:
    """The positive control of all that follows."""
    playing = play([*BEFORE, ("message", EVENT)], suite, role=role)
    assert messages(playing) == 3
    assert not playing.connection.ended


@each_fault
@each_suite
@pytest.mark.parametrize("role", [True, False], ids=["initiator", "responder"])
def test_each_fault_ends_the_session_in_silence(fault: str, suite: int, *, role: bool) -> None:
    """It puts bytes on the wire, and nothing behind them is delivered."""
    playing = Play((suite, 0), role=role, datagram=False)
    for call in SESSION.decode(SESSION.encode(BEFORE, bytes((suite, 0)))):
        playing.step(call)
    assert messages(playing) == 2
    made = playing.peer.fault(fault, b"\0\1")
    assert made, "the fault did not fire"
    playing._fault(fault, made)
    (last,) = [event for event in playing.events if isinstance(event, Closed)]
    assert last.reason == "integrity"
    assert playing.connection.silent
    assert playing.connection.data_to_send() == b""
    (message,) = SESSION.decode(SESSION.encode([("message", EVENT)], b"\0\0"))
    playing.step(message)
    assert messages(playing) == 2


@each_fault
@pytest.mark.parametrize("role", [True, False], ids=["initiator", "responder"])
def test_each_fault_before_ready_rejects_the_connection(fault: str, *, role: bool) -> None:
    """As the first record of all; some need something that has been said already."""
    playing = Play((0, 0), role=role, datagram=False)
    made = playing.peer.fault(fault, b"\0\1")
    if not made:
        assert fault in {"old_key", "reused_nonce", "replayed_record", "reflected_record"}
        return
    playing._fault(fault, made)
    (last,) = playing.events
    assert isinstance(last, Rejected)
    assert last.reason in {"integrity", "protocol"}


@each_fault
@pytest.mark.parametrize("suite", [0, 3])
def test_in_profile_d_each_fault_is_dropped(fault: str, suite: int) -> None:
    """Nothing else comes of it: the next message is delivered."""
    playing = Play((suite, 0), role=False, datagram=True)
    for call in SESSION.decode(SESSION.encode(BEFORE, bytes((suite, 0)))):
        playing.step(call)
    made = playing.peer.fault(fault, b"\0\1")
    if fault == "skipped_nonce":
        assert not made, "numbers may be left out there"
        return
    assert made
    playing._fault(fault, made)
    if fault == "replayed_handshake":
        return  # no frame of that profile: what follows is no longer cut where it should be
    (message,) = SESSION.decode(SESSION.encode([("message", EVENT)], b"\0\0"))
    playing.step(message)
    assert messages(playing) == 3
    assert not playing.connection.ended


# --- a reference with a defect is caught ---


def found(name: str, error: type[Exception], tries: int = 400) -> bool:
    """Whether seeds, or a few changes of them, show a violation."""
    target = BY_NAME[name]
    seeds, rng = list(target.seeds()), chance(2)
    assert target.structure is not None
    inputs = [*seeds, *(target.structure.mutate(rng.choice(seeds), rng) for _ in range(tries))]
    kinds = {
        execution.finding.error
        for execution in (execute(target, data) for data in inputs)
        if execution.finding
    }
    return error.__name__ in kinds


def accept_old_numbers(self: sipc.noise.CipherState, ciphertext: bytes, ad: bytes | None = None) -> bytes:
    """A decryption that also tries numbers that were used."""
    for n in range(self.nonce, max(-1, self.nonce - 8), -1):
        try:
            plaintext = self._open(self._pack(n), ciphertext, ad)
        except Exception:  # noqa: BLE001, S112 - the next number
            continue
        self.nonce += 1
        return plaintext
    raise IntegrityError("message authentication failed")


def test_replays_that_are_taken_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record number that is used again."""
    monkeypatch.setattr(sipc.noise.CipherState, "decrypt", accept_old_numbers)
    assert found("sipc.session.responder", violations.FaultAccepted)


def test_a_rekey_that_changes_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old key goes on."""
    monkeypatch.setattr(sipc.records.RecordOpener, "rekey", lambda self: None)
    # An honest peer goes on under the next key, which is refused; the one that skips it is not.
    assert found("sipc.session.initiator", violations.FaultAccepted)


def test_speaking_after_silence_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited is sent although the stream is not authentic."""

    def hush(self: session.Session) -> None:
        self.silent = True

    def fail(self: session.Session, error: Exception) -> None:
        self.out.append(b"\0\0")
        usual(self, error)  # type: ignore[arg-type]

    usual = session.Session._fail
    monkeypatch.setattr(session.Session, "_hush", hush)
    monkeypatch.setattr(session.Session, "_fail", fail)
    assert found("sipc.session.responder", violations.SpokeAfterSilence)


def test_an_event_behind_the_last_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end is told twice."""
    usual = session.Session._end

    def end(self: session.Session, how: object, reason: str | None, detail: str) -> None:
        usual(self, how, reason, detail)  # type: ignore[arg-type]
        last: Event = self._events[-1]
        self._events.append(last)

    monkeypatch.setattr(session.Session, "_end", end)
    assert found("sipc.session.responder", violations.EventsAfterEnd)


def test_wrong_numbers_of_what_it_sends_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that has the number of another one."""
    usual: Callable[..., int] = Exchange.send_event

    def send(self: Exchange, message: object) -> int:
        number = usual(self, message)
        self.sent = 0
        return number

    monkeypatch.setattr(Exchange, "send_event", send)
    assert found("sipc.session.initiator", violations.BrokenOutput)


def test_messages_in_another_order_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are not looked at."""
    monkeypatch.setattr(Exchange, "_number", lambda self, envelope: None)
    assert found("sipc.session.initiator", violations.OutOfOrder)


@pytest.mark.parametrize("part", [rpc.OwedAnswers, rpc.OpenCalls])
def test_requests_without_an_outcome_are_found(part: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is open at the end is forgotten."""
    monkeypatch.setattr(part, "take_all", lambda self: [], raising=False)
    assert found("sipc.session.responder", violations.Unsettled)


def test_timers_behind_the_end_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that has ended still waits for something."""
    monkeypatch.setattr(timers.ArmedTimers, "clear", lambda self: None)
    assert found("sipc.session.responder", violations.TimerAfterEnd)


def test_a_shortcut_that_reads_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes as exactly one frame is taken another way than what comes in pieces."""
    usual = records.RecordOpener.whole_message

    def shorter(self: records.RecordOpener, data: bytes) -> bytes | None:
        message = usual(self, data)
        return None if message is None else cbor.encode({**cbor.decode(message), 14: b"other"})  # type: ignore[dict-item]

    monkeypatch.setattr(records.RecordOpener, "whole_message", shorter)
    assert found("sipc.session.responder", violations.SegmentationMatters)


def test_a_timer_that_a_forged_record_moves_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profile D: what is dropped keeps nothing alive."""
    usual = datagram_session.DatagramSession.receive

    def receive(self: datagram_session.DatagramSession, data: bytes, now: float) -> None:
        usual(self, data, now)
        self._heard += 1.0

    monkeypatch.setattr(datagram_session.DatagramSession, "receive", receive)
    assert found("sipc.session.datagram", violations.FaultEndedSession)


def test_outcomes_are_counted() -> None:
    """One each, not two, and not none."""
    settling = Settling()
    settling.asked(1)
    settling.note(RequestFailed(1, "timeout", "cancelled", Executed.UNKNOWN))
    settling.check()
    with pytest.raises(violations.Unsettled, match="second"):
        settling.note(RequestFailed(1, "timeout", "cancelled", Executed.UNKNOWN))
    settling = Settling()
    settling.asked(2)
    with pytest.raises(violations.Unsettled, match="our request 2 has 0"):
        settling.check()
    settling = Settling()
    settling.answering(3)
    with pytest.raises(violations.Unsettled, match="cannot be answered"):
        settling.too_late(3)


def test_a_window_that_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profile D: a record is accepted again."""
    monkeypatch.setattr(datagram.ReplayWindow, "mark", lambda self, number: None)
    assert found("sipc.datagram", violations.DeliveredTwice)
    assert found("sipc.session.datagram", violations.DeliveredAfterFault) or found(
        "sipc.session.datagram", violations.FaultEndedSession
    )


@pytest.mark.parametrize("role", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("datagram", [True, False], ids=["datagram", "stream"])
def test_no_time_out_of_the_handshake_is_left(*, role: bool, datagram: bool) -> None:
    """An established session waits for its idle time, and for nothing before."""
    playing = play([READY], 0, role=role, datagram=datagram)
    assert playing.connection.next_timer() == START + 60


def test_verdicts_are_those_of_the_session() -> None:
    """Accepted while it lives or ended in order, else refused with the class of its end."""
    target: Target = BY_NAME["sipc.session.initiator"]
    alive = SESSION.encode([READY, ("message", EVENT)], b"\0\0")
    assert target.judge(alive) == Verdict(True, "", ("Established", "MessageReceived"))
    ended = SESSION.encode([READY, ("close", b""), ("message", EVENT)], b"\0\0")
    assert target.judge(ended).accepted
    cut = SESSION.encode([READY, ("end_of_stream", b"")], b"\0\0")
    assert target.judge(cut) == Verdict(False, "truncated")
    assert sessions.SessionEnded("x").reason == "x"


def test_a_long_message_in_pieces_takes_no_longer_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found as hangs on a busy machine: byte by byte, one seed took a hundred thousand calls where others take hundreds."""
    calls = 0
    receive = Connection.receive_data

    def counted(self: Connection, data: bytes, now: float) -> None:
        nonlocal calls
        calls += 1
        receive(self, data, now)

    monkeypatch.setattr(Connection, "receive_data", counted)
    playing = Play((0, 0), role=True, datagram=False)
    playing.size = 1
    steps = SESSION.encode([READY, ("large", b"\xfd\xe8"), ("large", b"\x50\0")], bytes(2))
    for call in SESSION.decode(steps):
        playing.step(call)
    assert 256 < calls < 1000
