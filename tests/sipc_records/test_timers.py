"""Every timer: not one tick early, and at its time."""

import dataclasses
import math

import pytest
from sipc_pair import HELLO, START, WALL, Pair, Peer, Side, frames_of
from sipc_pair import settings as config

from sipc.control import Ready, encode_ready
from sipc.envelope import Kind, Status, build, decode, encode
from sipc.events import (
    Cause,
    Closed,
    Executed,
    How,
    Rejected,
    RequestEnded,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.exchange import Answer
from sipc.records import FLAG_FIRST, FLAG_LAST, HARD_RECORD_LIMIT, RecordType
from sipc.rpc import Call, Message
from sipc.timers import TIMERS, ArmedTimers, TimeoutOutOfRange, Timeouts, Timer

TICK = 0.001


def tick_before(pair: Pair, seconds: float) -> None:
    """Go to one tick before START + `seconds`."""
    pair.set_time(START + seconds - TICK)


def final(side: Side) -> Closed | Rejected | None:
    """The last event if the connection has ended."""
    side.take_events()
    last = side.events[-1] if side.events else None
    return last if isinstance(last, (Closed, Rejected)) else None


# --- the table ---


def test_every_timer_has_a_row_and_a_field() -> None:
    """The table, the names and the configuration agree."""
    fields = {field.name for field in dataclasses.fields(Timeouts)} - {"allow_short"}
    assert set(TIMERS) == set(Timer) == fields
    for rule in TIMERS.values():
        assert 0 < rule.low <= rule.default <= rule.high


@pytest.mark.parametrize("timer", list(Timer))
def test_bounds(timer: Timer) -> None:
    """Values outside the bounds are refused, in production and in tests."""
    rule = TIMERS[timer]
    for good in (rule.low, rule.high):
        assert getattr(Timeouts(**{timer.value: good}), timer.value) == good
    for bad in (rule.low * 0.99, rule.high * 1.01, 0.0, -1.0, math.nan, math.inf):
        with pytest.raises(TimeoutOutOfRange):
            Timeouts(**{timer.value: bad})
    assert getattr(Timeouts(**{timer.value: rule.low * 0.01}, allow_short=True), timer.value) > 0
    for bad in (0.0, -1.0, math.nan, rule.high * 1.01):
        with pytest.raises(TimeoutOutOfRange):
            Timeouts(**{timer.value: bad}, allow_short=True)


def test_armed_timers_fire_in_order() -> None:
    """Each fires once, the earliest first, and handlers may arm others on the way."""
    timers = ArmedTimers()
    timers.arm(Timer.IDLE, 3.0)
    timers.arm(Timer.PROBE, 1.0)
    timers.arm(Timer.WRITE, 9.0)
    timers.arm_earlier(Timer.WRITE, 10.0)
    fired = []
    for timer in timers.fire(5.0):
        fired.append(timer)
        if timer is Timer.PROBE:
            timers.arm(Timer.DRAIN, 2.0)
    assert fired == [Timer.PROBE, Timer.DRAIN, Timer.IDLE]
    assert timers.next() == 9.0
    timers.clear()
    assert timers.next() is None


# --- before the session ---


@pytest.mark.parametrize("initiator", [True, False])
def test_handshake_is_one_total_deadline(initiator: bool) -> None:
    """It counts from the start, and progress does not move it."""
    side = Side(initiator=initiator, config=config(handshake=5.0, first=5.0))
    side.take()
    for number, byte in enumerate(HELLO[:4] if not initiator else b"WORL"):
        side.now = START + number
        side.connection.handle_timer(side.now)
        side.feed(bytes([byte]))
    side.connection.handle_timer(START + 5.0 - TICK)
    assert final(side) is None
    side.connection.handle_timer(START + 5.0)
    last = final(side)
    assert isinstance(last, Rejected)
    assert last.reason == "timeout"
    assert side.take() == b""


def test_handshake_deadline_covers_confirmation() -> None:
    """A peer that finishes Noise but never sends READY is dropped by the same deadline."""
    side = Side(initiator=False, config=config())
    side.feed(HELLO)
    side.take()
    side.connection.handle_timer(START + 5.0 - TICK)
    assert final(side) is None
    side.connection.handle_timer(START + 5.0)
    last = final(side)
    assert isinstance(last, Rejected)
    assert (last.stage, last.reason) == ("handshake", "timeout")


def test_handshake_deadline_ends_with_the_handshake() -> None:
    """It does not hit a good session later."""
    pair = Pair().established()
    pair.set_time(START + 5.0)
    assert final(pair.client) is None
    assert final(pair.server) is None


def test_first_frame_deadline() -> None:
    """A silent client is dropped early; one complete frame is enough to stop this timer."""
    silent, talking = (Side(initiator=False, config=config()) for _ in range(2))
    talking.feed(HELLO)
    talking.take()
    for side in (silent, talking):
        side.connection.handle_timer(START + 2.0 - TICK)
        assert final(side) is None
        side.connection.handle_timer(START + 2.0)
    last = final(silent)
    assert isinstance(last, Rejected)
    assert (last.stage, last.reason) == ("negotiation", "timeout")
    assert final(talking) is None


# --- idle and probe ---


def test_a_live_idle_session_survives() -> None:
    """PING and PONG keep a session without traffic."""
    pair = Pair().established()
    for turn in range(1, 6):
        pair.set_time(START + turn * 60.0)
        pair.pump()
    assert final(pair.client) is None
    assert final(pair.server) is None


def test_a_dead_peer_is_noticed() -> None:
    """PING after T_idle, the end after T_probe, neither a tick early."""
    pair = Pair().established()
    tick_before(pair, 60.0)
    assert pair.client.take() == b""
    pair.set_time(START + 60.0)
    assert len(frames_of(pair.client.take())) == 1
    tick_before(pair, 70.0)
    assert final(pair.client) is None
    pair.set_time(START + 70.0)
    last = final(pair.client)
    assert isinstance(last, Closed)
    assert (last.how, last.reason) == (How.ERROR, "timeout")
    assert pair.client.take() == b""


def test_open_requests_do_not_stop_the_probe() -> None:
    """A peer that died while it worked is noticed as well, and the caller told."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=600_000), START)
    pair.client.take()
    for when in (60.0, 70.0):
        pair.set_time(START + when)
        pair.client.take()
    assert pair.client.of(RequestFailed) == [RequestFailed(0, "timeout", "outcome_unknown", Executed.UNKNOWN)]


def test_bytes_that_are_no_record_do_not_count_as_life() -> None:
    """Half a frame does not put off the probe."""
    pair = Pair().established()
    pair.client.connection.send_event(Message("app.note"))
    partial = pair.client.take()[:-1]
    pair.server.now = START + 30.0
    pair.server.feed(partial)
    pair.set_time(START + 60.0)
    assert len(frames_of(pair.server.take())) == 1


def test_a_peer_that_talks_but_answers_no_ping_is_given_up() -> None:
    """Ignored PINGs do not pile up for ever."""
    side = Side(initiator=False, config=config(lifetime=86_400.0))
    peer = Peer(side, initiator=True)
    peer.send(RecordType.READY, encode_ready(Ready()))
    for turn in range(1, 12):
        side.now = START + turn * 61.0
        side.connection.handle_timer(side.now)
        if final(side):
            break
        peer.send(RecordType.PING, bytes(8))
    last = final(side)
    assert isinstance(last, Closed)
    assert (last.reason, turn) == ("timeout", 9)


# --- requests ---


def test_deadline_of_a_request() -> None:
    """The caller gets deadline_exceeded at its deadline, whatever the responder does."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=300), START)
    tick_before(pair, 0.3)
    assert pair.client.of(RequestFailed) == []
    pair.set_time(START + 0.3)
    assert pair.client.of(RequestFailed) == [
        RequestFailed(0, "timeout", "deadline_exceeded", Executed.UNKNOWN)
    ]
    assert final(pair.client) is None


def test_the_responder_stops_at_the_deadline() -> None:
    """Work is stopped and answered 7 when the budget is used up; a later answer is dropped."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=300), START)
    pair.pump()
    tick_before(pair, 0.3)
    assert pair.server.of(RequestEnded) == []
    pair.server.connection.handle_timer(START + 0.3)
    assert pair.server.of(RequestEnded) == [RequestEnded(0, Cause.DEADLINE)]
    assert not pair.server.connection.respond(0, Answer())
    pair.client.feed(pair.server.take())
    (answer,) = pair.client.of(ResponseReceived)
    assert answer.envelope.status == Status.DEADLINE_EXCEEDED  # type: ignore[attr-defined]


def test_a_late_reply_does_not_reach_a_newer_request() -> None:
    """The reply to a timed-out request is counted; the newer request waits for its own."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=300), START)
    late = pair.client.take()
    pair.set_time(START + 0.3)
    second = pair.client.connection.request(Call("app.wait", budget_ms=300), START + 0.3)
    pair.server.feed(late)
    pair.server.connection.respond(0, Answer(body="first"))
    pair.pump()
    assert pair.client.connection.late_replies == 1
    assert pair.client.of(ResponseReceived) == []
    pair.server.connection.respond(second, Answer(body="second"))
    pair.pump()
    (answer,) = pair.client.of(ResponseReceived)
    assert answer.envelope.body == "second"  # type: ignore[attr-defined]


def test_the_longest_budget() -> None:
    """No request waits longer than ten minutes."""
    pair = Pair(client=config(idle=86_400.0, lifetime=86_400.0)).established()
    pair.client.connection.request(Call("app.wait", budget_ms=1e12), START)
    pair.client.connection.handle_timer(START + 600.0 - TICK)
    assert pair.client.of(RequestFailed) == []
    pair.client.connection.handle_timer(START + 600.0)
    assert len(pair.client.of(RequestFailed)) == 1


# --- writing, draining, reassembly ---


def test_write_timeout() -> None:
    """Bytes that nobody takes end the session after T_write; nothing more is sent."""
    pair = Pair().established()
    pair.client.connection.send_event(Message("app.note"))
    pair.client.connection.write_blocked(START + 1.0)
    pair.client.connection.handle_timer(START + 11.0 - TICK)
    assert final(pair.client) is None
    pair.client.connection.handle_timer(START + 11.0)
    last = final(pair.client)
    assert isinstance(last, Closed)
    assert (last.how, last.reason) == (How.ERROR, "timeout")
    assert pair.client.take() == b""


def test_write_timeout_stops_when_the_bytes_are_gone() -> None:
    """Progress in time disarms it."""
    pair = Pair().established()
    pair.client.connection.write_blocked(START)
    pair.client.connection.write_blocked(None)
    pair.client.connection.handle_timer(START + 11.0)
    assert final(pair.client) is None


def test_drain_timeout() -> None:
    """close() is over after T_drain if the peer does not answer."""
    pair = Pair().established()
    pair.client.connection.close(START)
    tick_before(pair, 5.0)
    assert final(pair.client) is None
    pair.client.connection.handle_timer(START + 5.0)
    last = final(pair.client)
    assert isinstance(last, Closed)
    assert (last.how, last.reason) == (How.LOCAL, "timeout")


@pytest.mark.parametrize("who", ["closer", "other"])
def test_drain_timeout_with_answers_owed(who: str) -> None:
    """A handler that does not finish holds up a close no longer than T_drain, and is stopped."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=600_000), START)
    pair.pump()
    (pair.server if who == "closer" else pair.client).connection.close(START)
    pair.pump()
    pair.server.connection.handle_timer(START + 5.0 - TICK)
    assert final(pair.server) is None
    pair.server.connection.handle_timer(START + 5.0)
    last = final(pair.server)
    assert isinstance(last, Closed)
    assert last.how is (How.LOCAL if who == "closer" else How.CLEAN)
    assert pair.server.of(RequestEnded) == [RequestEnded(0, Cause.CLOSED)]
    assert len(frames_of(pair.server.take())) == 1


def test_reassembly_timeout() -> None:
    """A message that is not completed in time ends the session; fragments do not restart the timer."""
    side = Side(initiator=False, config=config())
    peer = Peer(side, initiator=True)
    peer.send(RecordType.READY, encode_ready(Ready()))
    peer.send(RecordType.MSG, b"a", FLAG_FIRST)
    side.now = START + 29.0
    peer.send(RecordType.MSG, b"b", 0)
    side.connection.handle_timer(START + 30.0 - TICK)
    assert final(side) is None
    side.connection.handle_timer(START + 30.0)
    last = final(side)
    assert isinstance(last, Closed)
    assert (last.how, last.reason) == (How.ERROR, "timeout")


def test_reassembly_timer_stops_with_the_message() -> None:
    """A completed message leaves no timer behind."""
    side = Side(initiator=False, config=config())
    peer = Peer(side, initiator=True)
    peer.send(RecordType.READY, encode_ready(Ready()))
    message = encode(build(Kind.EVENT, 0, {4: "a.b"}))
    peer.send(RecordType.MSG, message[:3], FLAG_FIRST)
    peer.send(RecordType.MSG, message[3:], FLAG_LAST)
    side.connection.handle_timer(START + 31.0)
    assert final(side) is None


# --- lifetime and rekeying ---


def test_session_lifetime() -> None:
    """The session closes in order when its time is over."""
    pair = Pair(config(idle=86_400.0), config(idle=86_400.0, lifetime=86_400.0)).established()
    tick_before(pair, 3600.0)
    pair.pump()
    assert final(pair.client) is None
    pair.set_time(START + 3600.0)
    pair.pump()
    at_client, at_server = final(pair.client), final(pair.server)
    assert isinstance(at_client, Closed)
    assert isinstance(at_server, Closed)
    assert (at_client.how, at_client.reason) == (How.LOCAL, "expired")
    assert at_server.how is How.CLEAN


def test_the_peers_credential_ends_the_session() -> None:
    """A session never outlives the credential that opened it."""
    pair = Pair(valid_until=WALL + 120.0).established()
    for turn in (60.0, 120.0 - TICK):
        pair.set_time(START + turn)
        pair.pump()
    assert final(pair.client) is None
    pair.set_time(START + 120.0)
    pair.pump()
    last = final(pair.client)
    assert isinstance(last, Closed)
    assert last.reason == "expired"


def test_probes_do_not_keep_an_expired_session() -> None:
    """PING and PONG go on, the lifetime does too."""
    pair = Pair(config(lifetime=150.0), config(lifetime=150.0)).established()
    for turn in (60.0, 120.0, 150.0):
        pair.set_time(START + turn)
        pair.pump()
    assert final(pair.client) is not None
    assert final(pair.server) is not None


def test_rekey_interval() -> None:
    """A quiet session changes its sending key in time."""
    pair = Pair(config(idle=86_400.0), config(idle=86_400.0, rekey=3600.0)).established()
    tick_before(pair, 900.0)
    assert pair.client.take() == b""
    pair.set_time(START + 900.0)
    pair.client.connection.send_event(Message("app.note", "after"))
    data = pair.client.take()
    assert len(frames_of(data)) == 2
    pair.server.feed(data)
    assert final(pair.server) is None


@pytest.mark.parametrize("timer", ["idle", "lifetime"])
def test_timers_of_an_open_session_do_nothing_while_it_closes(timer: str) -> None:
    """Only the drain time-out counts after close()."""
    pair = Pair(config(**{timer: 3.0})).established()
    pair.client.connection.close(START)
    pair.client.take()
    pair.client.connection.handle_timer(START + 3.0)
    assert pair.client.take() == b""
    assert final(pair.client) is None


def test_a_key_that_is_used_up_ends_the_session() -> None:
    """If not even a PING can be sent any more, the session is over."""
    pair = Pair().established()
    sealer = pair.client.connection._session._sealer  # type: ignore[union-attr]
    sealer.records = HARD_RECORD_LIMIT
    pair.client.connection.handle_timer(START + 60.0)
    last = final(pair.client)
    assert isinstance(last, Closed)
    assert (last.how, last.reason) == (How.ERROR, "limit")


def test_deadlines_of_both_directions() -> None:
    """The earliest deadline counts, whoever asked."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=200), START)
    pair.server.connection.request(Call("app.wait", budget_ms=100), START)
    pair.pump()
    assert pair.client.connection.next_timer() == START + 0.1
    pair.set_time(START + 0.1)
    assert pair.client.connection.next_timer() == START + 0.2


def test_a_blocked_write_before_the_session_is_the_handshakes_affair() -> None:
    """Its own deadline ends it."""
    side = Side(initiator=True, config=config(write=1.0))
    side.connection.write_blocked(START)
    side.connection.handle_timer(START + 1.0)
    assert final(side) is None
    side.connection.handle_timer(START + 5.0)
    assert isinstance(final(side), Rejected)


def test_no_rekey_after_close() -> None:
    """A timer that is due after CLOSE sends nothing."""
    pair = Pair(config(rekey=3.0)).established()
    pair.client.connection.close(START)
    pair.client.take()
    pair.client.connection.handle_timer(START + 3.0)
    assert pair.client.take() == b""
    assert final(pair.client) is None


def test_requests_that_arrive_expired_are_not_given_to_the_program() -> None:
    """The responder's own deadline is counted from arrival."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=1), START)
    pair.pump()
    (received,) = pair.server.of(RequestReceived)
    assert received.deadline == START + TICK  # type: ignore[attr-defined]


def test_next_timer_is_the_earliest_due() -> None:
    """The shell sleeps exactly until something is due."""
    pair = Pair().established()
    assert pair.client.connection.next_timer() == START + 60.0
    pair.client.connection.request(Call("app.wait", budget_ms=300), START)
    assert pair.client.connection.next_timer() == START + 0.3
    pair.set_time(START + 0.3)
    assert pair.client.connection.next_timer() == START + 60.0


def test_decoding_helper_sees_what_was_sent() -> None:
    """The budget on the wire is the relative one."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait", budget_ms=300), START)
    peer_side = Peer(Side(initiator=False, config=config()), initiator=True)
    assert decode(encode(build(Kind.REQUEST, 0, Call("app.wait", budget_ms=300).fields()))).budget_ms == 300
    assert final(peer_side.side) is None
