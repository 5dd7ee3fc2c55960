"""Two connections in memory: confirmation, traffic, tampering, closing."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sipc_pair import HELLO, START, WORLD, Pair, Peer, Side, frames_of
from sipc_pair import settings as config

from sipc.connection import Connection
from sipc.control import Close, Ready, encode_close, encode_error, encode_ready
from sipc.envelope import Kind, Status, build, encode
from sipc.errors import LocalError
from sipc.events import (
    Cause,
    Closed,
    Established,
    Executed,
    How,
    MessageReceived,
    MessageRefused,
    Rejected,
    RequestEnded,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.exchange import Answer
from sipc.records import FLAG_FIRST, FLAG_LAST, MAX_PAYLOAD, RecordType
from sipc.rpc import Call, Message

WHOLE = FLAG_FIRST | FLAG_LAST
NOTE = Message("app.note", b"note")


def bodies(side: Side) -> list[object]:
    """Bodies of the events that a side was given."""
    return [event.envelope.body for event in side.of(MessageReceived)]  # type: ignore[attr-defined]


def last(side: Side) -> Closed | Rejected:
    """The last event, of which there must be exactly one."""
    side.take_events()
    final = [event for event in side.events if isinstance(event, (Closed, Rejected))]
    assert len(final) == 1
    assert side.events[-1] is final[0]
    return final[0]


def event(mid: int, body: bytes = b"x") -> bytes:
    """An encoded event."""
    return encode(build(Kind.EVENT, mid, {4: "app.note", 14: body}))


def peer_of_server(**changes: object) -> Peer:
    """A responder under test, confirmed, with the test as its initiator."""
    peer = Peer(Side(initiator=False, config=config(**changes)), initiator=True)
    peer.send(RecordType.READY, encode_ready(Ready()))
    assert [record.type for record in peer.received()] == [RecordType.READY]
    return peer


# --- confirmation ---


def test_both_sides_become_established() -> None:
    """Each side names the other and both name the same session."""
    pair = Pair().established()
    (at_client,), (at_server,) = pair.client.of(Established), pair.server.of(Established)
    assert isinstance(at_client, Established)
    assert isinstance(at_server, Established)
    assert (at_client.peer, at_client.local) == (at_server.local, at_server.peer)
    assert at_client.channel_binding == at_server.channel_binding


def test_the_initiator_confirms_first() -> None:
    """READY of the initiator is in the same flight as its last handshake message."""
    side = Side(initiator=True, config=config())
    assert side.take() == HELLO
    side.feed(WORLD)
    assert len(frames_of(side.take())) == 1
    assert side.of(Established) == []


def test_the_responder_says_nothing_before_it_has_verified_ready() -> None:
    """A replayed first flight gets no READY and is never established."""
    side = Side(initiator=False, config=config())
    side.feed(HELLO)
    assert side.take() == WORLD
    assert side.of(Established) == []


def test_nothing_can_be_sent_before_established() -> None:
    """Neither a message nor a close with counts leaves before both READYs."""
    side = Side(initiator=True, config=config())
    with pytest.raises(LocalError):
        side.connection.send_event(NOTE)
    side.feed(WORLD)
    side.take()
    with pytest.raises(LocalError):
        side.connection.request(Call("app.echo"), START)
    assert side.take() == b""


@pytest.mark.parametrize("kind", [kind for kind in RecordType if kind is not RecordType.READY] + [0x80])
def test_the_first_record_is_ready(kind: int) -> None:
    """Every other first record, also an ignorable one, ends the attempt without a word."""
    peer = Peer(Side(initiator=False, config=config()), initiator=True)
    peer.received()
    peer.send(kind, b"", 0)  # type: ignore[arg-type]
    assert last(peer.side) == Rejected("handshake", "protocol", last(peer.side).detail)
    assert peer.received() == []


def test_ready_comes_once() -> None:
    """A second READY ends the session."""
    peer = peer_of_server()
    peer.send(RecordType.READY, encode_ready(Ready()))
    assert last(peer.side).reason == "protocol"


def test_a_ready_that_is_not_authentic_rejects() -> None:
    """A replayed first message is noticed here, and nothing is answered."""
    side = Side(initiator=False, config=config())
    side.feed(HELLO)
    side.take()
    side.feed(b"\x00\x50" + bytes(80))
    assert side.take() == b""
    assert (last(side).reason, last(side).stage) == ("integrity", "handshake")  # type: ignore[union-attr]


def test_a_failed_handshake_rejects() -> None:
    """The handshake's own errors become the one event."""
    side = Side(initiator=False, config=config())
    side.feed(b"WRONG")
    assert last(side).reason == "authentication"
    side.feed(HELLO)
    assert side.take() == b""


@pytest.mark.parametrize("cut", range(1, 400, 13))
def test_the_end_of_the_stream_before_established_rejects(cut: int) -> None:
    """Wherever the stream ends before confirmation: rejected, never closed."""
    pair = Pair()
    flight = pair.client.take()
    pair.server.feed(flight)
    pair.client.feed(pair.server.take())
    stream = flight + pair.client.take()
    side = Side(initiator=False, config=config())
    side.feed(stream[: min(cut, len(stream) - 1)])
    side.take()
    side.connection.receive_eof()
    assert last(side) == Rejected("handshake", "peer-closed", last(side).detail)


# --- traffic ---


def test_events_both_ways() -> None:
    """Events arrive in order, each once."""
    pair = Pair().established()
    for number in range(3):
        assert pair.client.connection.send_event(Message("app.note", number)) == number
    pair.server.connection.send_event(Message("app.note", "push"))
    pair.pump()
    assert bodies(pair.server) == [0, 1, 2]
    assert bodies(pair.client) == ["push"]


def test_request_and_response() -> None:
    """The answer reaches the caller that asked."""
    pair = Pair().established()
    mid = pair.client.connection.request(Call("app.echo", b"hi", budget_ms=700), START)
    pair.pump()
    (received,) = pair.server.of(RequestReceived)
    assert isinstance(received, RequestReceived)
    assert (received.envelope.body, received.deadline) == (b"hi", START + 0.7)
    assert pair.server.connection.respond(received.mid, Answer(body=b"ho"))
    assert not pair.server.connection.respond(received.mid, Answer(body=b"twice"))
    pair.pump()
    (answer,) = pair.client.of(ResponseReceived)
    assert isinstance(answer, ResponseReceived)
    assert (answer.mid, answer.envelope.body) == (mid, b"ho")


def test_answers_in_another_order_reach_their_callers() -> None:
    """Matching is by number, not by order."""
    pair = Pair().established()
    mids = [pair.client.connection.request(Call("app.echo", n), START) for n in range(3)]
    pair.pump()
    for mid in reversed(mids):
        pair.server.connection.respond(mid, Answer(body=mid))
    pair.pump()
    answers = pair.client.of(ResponseReceived)
    assert [(a.mid, a.envelope.body) for a in answers] == [(m, m) for m in reversed(mids)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("length", [0, MAX_PAYLOAD, MAX_PAYLOAD + 1, 500_000])
def test_long_messages(length: int) -> None:
    """A message of several records arrives whole."""
    pair = Pair().established()
    pair.client.connection.send_event(Message("app.note", bytes(length)))
    pair.pump()
    assert bodies(pair.server) == [bytes(length)]


def test_a_message_beyond_the_peers_limit_is_not_sent() -> None:
    """The sender learns it; the session goes on, without a gap in the numbers."""
    pair = Pair(server=config(max_message=2048)).established()
    with pytest.raises(LocalError) as caught:
        pair.client.connection.send_event(Message("app.note", bytes(2048)))
    assert caught.value.reason == "limit"
    pair.client.connection.send_event(NOTE)
    pair.pump()
    assert bodies(pair.server) == [b"note"]


def test_an_answer_that_cannot_be_sent_becomes_an_error() -> None:
    """The caller is told something, and the responder's program too."""
    pair = Pair(client=config(max_message=2048)).established()
    mid = pair.client.connection.request(Call("app.echo"), START)
    pair.pump()
    with pytest.raises(LocalError):
        pair.server.connection.respond(mid, Answer(body=bytes(4096)))
    pair.pump()
    (answer,) = pair.client.of(ResponseReceived)
    assert answer.envelope.status == Status.TOO_LARGE  # type: ignore[attr-defined]


def test_more_requests_than_allowed_are_not_sent() -> None:
    """The peer's limit of requests at once is kept by the sender."""
    pair = Pair(server=config(max_inflight=2)).established()
    for _ in range(2):
        pair.client.connection.request(Call("app.echo"), START)
    with pytest.raises(LocalError):
        pair.client.connection.request(Call("app.echo"), START)


def test_more_requests_than_allowed_are_answered_busy() -> None:
    """A peer that does not keep the limit is told so; nothing is worked on."""
    peer = peer_of_server(max_inflight=1)
    for mid in range(2):
        peer.send(RecordType.MSG, encode(build(Kind.REQUEST, mid, {4: "a.b", 7: 9})), WHOLE)
    assert len(peer.side.of(RequestReceived)) == 1
    assert [record.type for record in peer.received()] == [RecordType.MSG]


def test_cancel_reaches_the_handler_and_is_answered() -> None:
    """The responder stops, the caller gets its outcome at once, the late answer is only counted."""
    pair = Pair().established()
    mid = pair.client.connection.request(Call("app.wait"), START)
    pair.pump()
    assert pair.client.connection.cancel(mid)
    assert not pair.client.connection.cancel(mid)
    pair.pump()
    assert pair.server.of(RequestEnded) == [RequestEnded(mid, Cause.CANCELLED)]
    assert pair.client.of(RequestFailed) == [RequestFailed(mid, "timeout", "cancelled", Executed.UNKNOWN)]
    assert not pair.server.connection.respond(mid, Answer())
    assert pair.client.connection.late_replies == 1
    assert pair.client.of(ResponseReceived) == []


def test_cancel_of_an_answered_request_is_harmless() -> None:
    """Answer and cancel may cross."""
    peer = peer_of_server()
    peer.send(RecordType.MSG, encode(build(Kind.REQUEST, 0, {4: "a.b", 7: 9})), WHOLE)
    peer.side.connection.respond(0, Answer())
    peer.send(RecordType.MSG, encode(build(Kind.CANCEL, 1, {3: 0})), WHOLE)
    assert not peer.side.connection.ended


def test_ping_is_answered_with_the_same_bytes() -> None:
    """PONG carries what PING carried."""
    peer = peer_of_server()
    peer.send(RecordType.PING, b"12345678")
    assert peer.received() == [(RecordType.PONG, 0, b"12345678")]


def test_ignorable_records_are_ignored() -> None:
    """Types from 0x80 change nothing."""
    peer = peer_of_server()
    peer.send(0x99, b"whatever", 0xFF)  # type: ignore[arg-type]
    peer.send(RecordType.MSG, event(0), WHOLE)
    assert bodies(peer.side) == [b"x"]


def test_an_event_that_cannot_be_honoured_is_refused_alone() -> None:
    """The stream is in order; the next message is delivered."""
    peer = peer_of_server()
    peer.send(RecordType.MSG, encode(build(Kind.EVENT, 0, {4: "a.b", 18: "somebody"})), WHOLE)
    peer.send(RecordType.MSG, event(1), WHOLE)
    assert [type(one) for one in peer.side.events + peer.side.of(object)][-1] is MessageReceived
    assert len(peer.side.of(MessageRefused)) == 1


def test_a_request_that_cannot_be_honoured_is_answered() -> None:
    """The caller gets the status that fits."""
    peer = peer_of_server()
    peer.send(RecordType.MSG, encode(build(Kind.REQUEST, 0, {4: "a.b", 7: 9, 17: [64], 64: 1})), WHOLE)
    assert peer.side.of(RequestReceived) == []
    (record,) = peer.received()
    assert record.payload == encode(
        build(Kind.RESPONSE, 0, {3: 0, 15: Status.SCHEMA_UNSUPPORTED, 16: {0: b"\xab" * 8, 1: False}})
    )


# --- rekeying ---


def test_rekey_by_hand() -> None:
    """Traffic goes on under the next key, in both directions independently."""
    pair = Pair().established()
    for _ in range(3):
        pair.client.connection.rekey(START)
        pair.client.connection.send_event(NOTE)
        pair.server.connection.send_event(NOTE)
        pair.pump()
    assert len(bodies(pair.server)) == len(bodies(pair.client)) == 3


@pytest.mark.parametrize("limit", [2, 3, 64])
def test_rekey_after_records(limit: int) -> None:
    """No more records than configured are under one key, and every message arrives."""
    pair = Pair(client=config(rekey_after_records=limit)).established()
    sealer = pair.client.connection._session._sealer  # type: ignore[union-attr]
    for number in range(200):
        pair.client.connection.send_event(Message("app.note", number))
        assert sealer.records <= limit
        pair.pump()
    assert bodies(pair.server) == list(range(200))


def test_rekey_when_the_peer_wants_it() -> None:
    """The smaller of both limits counts."""
    pair = Pair(server=config(rekey_after_records=10)).established()
    sealer = pair.client.connection._session._sealer  # type: ignore[union-attr]
    for number in range(50):
        pair.client.connection.send_event(Message("app.note", number))
        assert sealer.records <= 10
    pair.pump()
    assert len(bodies(pair.server)) == 50


def test_rekey_after_bytes() -> None:
    """The volume under one key is limited."""
    pair = Pair(client=config(rekey_after_octets=4096)).established()
    sealer = pair.client.connection._session._sealer  # type: ignore[union-attr]
    for _ in range(50):
        pair.client.connection.send_event(Message("app.note", bytes(900)))
        assert sealer.octets <= 4096 + 1024
    pair.pump()
    assert len(bodies(pair.server)) == 50


@pytest.mark.parametrize("copies", ["held-back", "replayed-rekey"])
def test_records_around_a_rekey_cannot_be_moved(copies: str) -> None:
    """A record of the old key after REKEY, or REKEY twice, ends the session."""
    pair = Pair().established()
    client = pair.client.connection
    client.send_event(NOTE)
    before = pair.client.take()
    client.rekey(START)
    rekey = pair.client.take()
    pair.server.feed(rekey if copies == "held-back" else before + rekey)
    pair.server.feed(before if copies == "held-back" else rekey)
    assert last(pair.server).reason == "integrity"
    assert len(bodies(pair.server)) == (0 if copies == "held-back" else 1)


# --- what a peer can do wrong ---


@pytest.mark.parametrize(
    "messages",
    [
        [event(1)],
        [event(0), event(0)],
        [event(0), event(2)],
        [b"\xa0"],
        [b""],
        [event(0) + b"\x00"],
        [encode(build(Kind.RESPONSE, 0, {3: 0, 15: 0}))],
        [encode(build(Kind.CANCEL, 0, {3: 0}))],
        [encode(build(Kind.CANCEL, 0, {3: 5}))],
    ],
    ids=[
        "starts-at-1",
        "number-twice",
        "gap",
        "empty-map",
        "empty-message",
        "trailing-byte",
        "unsolicited-response",
        "cancels-itself",
        "cancels-the-future",
    ],
)
def test_wrong_messages_end_the_session(messages: list[bytes]) -> None:
    """The wrong message is not delivered, nothing after it is, and ERROR is the last word."""
    peer = peer_of_server()
    for message in [*messages, event(len(messages))]:
        if peer.side.connection.ended:
            break
        peer.send(RecordType.MSG, message, WHOLE)
    assert len(bodies(peer.side)) == len(messages) - 1
    final = last(peer.side)
    assert isinstance(final, Closed)
    assert final.how is How.ERROR
    assert [record.type for record in peer.received()] == [RecordType.ERROR]


def test_a_response_twice_is_an_error() -> None:
    """The second answer to a request never reaches anybody."""
    side = Side(initiator=True, config=config())
    peer = Peer(side, initiator=False)
    peer.send(RecordType.READY, encode_ready(Ready()))
    side.connection.request(Call("a.b"), START)
    response = [encode(build(Kind.RESPONSE, mid, {3: 0, 15: 0})) for mid in range(2)]
    for one in response:
        peer.send(RecordType.MSG, one, WHOLE)
    assert len(side.of(ResponseReceived)) == 1
    assert last(side).reason == "protocol"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (RecordType.PING, b"1234567"),
        (RecordType.PING, b"123456789"),
        (RecordType.PONG, b"12345678"),
        (RecordType.REKEY, b"x"),
        (RecordType.CLOSE, b""),
        (RecordType.ERROR, b""),
    ],
    ids=["short-ping", "long-ping", "pong-without-ping", "rekey-with-payload", "empty-close", "empty-error"],
)
def test_wrong_control_records_end_the_session(kind: RecordType, payload: bytes) -> None:
    """Control records are as strict as messages."""
    peer = peer_of_server()
    peer.send(kind, payload)
    final = last(peer.side)
    assert isinstance(final, Closed)
    assert final.how is How.ERROR


@pytest.mark.parametrize("kind", [RecordType.PING, RecordType.REKEY, RecordType.CLOSE, RecordType.READY])
def test_nothing_comes_between_fragments(kind: RecordType) -> None:
    """A message's fragments are contiguous among all records."""
    peer = peer_of_server()
    peer.send(RecordType.MSG, event(0)[:5], FLAG_FIRST)
    peer.send(kind, encode_close(Close(0, 0, 0)) if kind is RecordType.CLOSE else b"")
    assert last(peer.side).reason == "protocol"
    assert bodies(peer.side) == []


def test_the_peers_error_is_an_error() -> None:
    """ERROR ends the session at once; it is not a clean end."""
    peer = peer_of_server()
    peer.send(RecordType.ERROR, encode_error(Status.TOO_LARGE, bytes(8)))
    final = last(peer.side)
    assert isinstance(final, Closed)
    assert (final.how, final.reason) == (How.ERROR, "limit")
    assert peer.received() == []


# --- closing ---


def test_a_clean_close() -> None:
    """The closer is told local, the other side clean, and both count the same."""
    pair = Pair().established()
    pair.client.connection.send_event(NOTE)
    pair.server.connection.send_event(NOTE)
    pair.pump()
    pair.client.connection.close(START)
    pair.pump()
    assert last(pair.client) == Closed(How.LOCAL, None, "closed", 1, 1, 1)
    assert last(pair.server) == Closed(How.CLEAN, "peer-closed", "the peer closed", 1, 1, 1)


def test_messages_under_way_are_delivered_before_the_close() -> None:
    """What was accepted before close() arrives, in both directions."""
    pair = Pair().established()
    pair.client.connection.send_event(NOTE)
    pair.client.connection.close(START)
    pair.server.connection.send_event(NOTE)
    pair.pump()
    assert len(bodies(pair.server)) == len(bodies(pair.client)) == 1
    assert isinstance(last(pair.client), Closed)


def test_both_close_at_once() -> None:
    """Two CLOSE records that cross are both good."""
    pair = Pair().established()
    pair.client.connection.close(START)
    pair.server.connection.close(START)
    pair.pump()
    for side in (pair.client, pair.server):
        final = last(side)
        assert isinstance(final, Closed)
        assert final.how is How.LOCAL


def test_nothing_is_sent_after_close() -> None:
    """The program cannot send any more, and a PING is not answered."""
    peer = peer_of_server()
    peer.side.connection.close(START)
    assert [record.type for record in peer.received()] == [RecordType.CLOSE]
    with pytest.raises(LocalError):
        peer.side.connection.send_event(NOTE)
    peer.send(RecordType.PING, bytes(8))
    peer.send(RecordType.MSG, encode(build(Kind.REQUEST, 0, {4: "a.b", 7: 9})), WHOLE)
    assert peer.received() == []
    assert peer.side.of(RequestReceived) == []


def test_owed_answers_come_before_close() -> None:
    """The peer's CLOSE waits for answers to what it asked before."""
    pair = Pair().established()
    mid = pair.client.connection.request(Call("app.wait"), START)
    pair.client.connection.close(START)
    pair.pump()
    assert not pair.server.connection.ended
    pair.server.connection.respond(mid, Answer(body="late but good"))
    pair.pump()
    assert len(pair.client.of(ResponseReceived)) == 1
    assert last(pair.server) == Closed(How.CLEAN, "peer-closed", "the peer closed", 1, 1, 0)


def test_new_requests_while_closing_are_refused() -> None:
    """A side that closes finishes what it has, and takes nothing new."""
    peer = peer_of_server()
    for mid in range(2):
        peer.send(RecordType.MSG, encode(build(Kind.REQUEST, mid, {4: "a.b", 7: 600})), WHOLE)
        peer.side.connection.close(START)
    assert len(peer.side.of(RequestReceived)) == 1
    assert len(peer.received()) == 1
    peer.side.connection.respond(0, Answer())
    assert [record.type for record in peer.received()] == [RecordType.MSG, RecordType.CLOSE]


@pytest.mark.parametrize(
    "close",
    [Close(0, 1, 0), Close(0, 3, 0), Close(0, 2**64 - 1, 0), Close(0, 2, 1)],
    ids=["one-less", "one-more", "huge", "acknowledges-too-much"],
)
def test_wrong_counts_are_an_error(close: Close) -> None:
    """A CLOSE that does not add up is not a clean end."""
    peer = peer_of_server()
    for mid in range(2):
        peer.send(RecordType.MSG, event(mid), WHOLE)
    peer.send(RecordType.CLOSE, encode_close(close))
    final = last(peer.side)
    assert isinstance(final, Closed)
    assert (final.how, final.reason) == (How.ERROR, "protocol")


def test_nothing_is_delivered_after_close() -> None:
    """Records behind CLOSE are not even opened."""
    peer = peer_of_server()
    close = peer.sealer.seal(RecordType.CLOSE, encode_close(Close(0, 0, 0)))
    peer.side.feed(close + peer.sealer.seal(RecordType.MSG, event(0), WHOLE) + b"\x00\x00")
    assert bodies(peer.side) == []
    final = last(peer.side)
    assert isinstance(final, Closed)
    assert final.how is How.CLEAN


def test_open_calls_learn_that_the_session_ended() -> None:
    """Unanswered requests fail; those the peer never processed are known not to have been executed."""
    side = Side(initiator=True, config=config())
    peer = Peer(side, initiator=False)
    peer.send(RecordType.READY, encode_ready(Ready()))
    for _ in range(2):
        side.connection.request(Call("a.b"), START)
    peer.send(RecordType.CLOSE, encode_close(Close(0, 0, 1)))
    assert side.of(RequestFailed) == [
        RequestFailed(0, "peer-closed", "outcome_unknown", Executed.UNKNOWN),
        RequestFailed(1, "peer-closed", "not_executed", Executed.NO),
    ]


def test_the_handler_learns_that_the_session_ended() -> None:
    """Work for a peer that has gone is stopped."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.wait"), START)
    pair.pump()
    pair.server.connection.receive_eof()
    assert pair.server.of(RequestEnded) == [RequestEnded(0, Cause.CLOSED)]
    assert not pair.server.connection.respond(0, Answer())


def test_a_peer_that_does_not_wait_for_its_answers() -> None:
    """It said everything it had to say: its end is clean, and the work for it is stopped."""
    peer = peer_of_server()
    peer.send(RecordType.MSG, encode(build(Kind.REQUEST, 0, {4: "a.b", 7: 9})), WHOLE)
    peer.send(RecordType.CLOSE, encode_close(Close(0, 1, 0)))
    peer.side.connection.receive_eof()
    final = last(peer.side)
    assert isinstance(final, Closed)
    assert final.how is How.CLEAN
    assert peer.side.of(RequestEnded) == [RequestEnded(0, Cause.CLOSED)]


def test_an_answer_that_cannot_be_honoured_fails_its_call() -> None:
    """A response with demands is not handed out, and no other call is affected."""
    side = Side(initiator=True, config=config())
    peer = Peer(side, initiator=False)
    peer.send(RecordType.READY, encode_ready(Ready()))
    for _ in range(2):
        side.connection.request(Call("a.b"), START)
    peer.send(RecordType.MSG, encode(build(Kind.RESPONSE, 0, {3: 0, 15: 0, 18: "somebody"})), WHOLE)
    assert side.of(RequestFailed) == [RequestFailed(0, "protocol", "outcome_unknown", Executed.UNKNOWN)]
    side.connection.cancel(1)
    peer.send(RecordType.MSG, encode(build(Kind.RESPONSE, 1, {3: 1, 15: 0, 18: "somebody"})), WHOLE)
    assert len(side.of(RequestFailed)) == 2


def test_an_answer_may_say_when_to_come_back() -> None:
    """A refusal carries a reference, whether it can be retried, and when."""
    pair = Pair().established()
    pair.client.connection.request(Call("app.echo"), START)
    pair.pump()
    pair.server.connection.respond(0, Answer(Status.UNAVAILABLE, retry_after_ms=250))
    pair.pump()
    (answer,) = pair.client.of(ResponseReceived)
    assert answer.envelope.fields[16] == {0: b"\xab" * 8, 1: True, 2: 250}  # type: ignore[attr-defined]


def test_abort_before_the_session() -> None:
    """An attempt that is aborted leaves nothing to send."""
    side = Side(initiator=True, config=config())
    side.connection.abort()
    assert side.take() == b""
    assert isinstance(last(side), Closed)
    side.connection.abort()
    side.connection.close(START)
    assert len(side.of(Closed)) == 1


def test_abort_is_silent() -> None:
    """Nothing is sent, also not what was waiting."""
    pair = Pair().established()
    pair.client.connection.send_event(NOTE)
    pair.client.connection.abort()
    assert pair.client.take() == b""
    final = last(pair.client)
    assert isinstance(final, Closed)
    assert final.how is How.LOCAL


def test_close_before_established() -> None:
    """Closing an attempt ends it as local."""
    for prepare in (0, 1):
        side = Side(initiator=True, config=config())
        if prepare:
            side.feed(WORLD)
        side.connection.close(START)
        assert isinstance(last(side), Closed)


def test_everything_after_the_end_is_without_effect() -> None:
    """Bytes, end of stream, timers, closing: the last event stays the last."""
    pair = Pair().established()
    pair.client.connection.abort()
    connection: Connection = pair.client.connection
    connection.receive_data(b"\x00\x50" + bytes(80), START)
    connection.receive_eof()
    connection.close(START)
    connection.abort()
    connection.handle_timer(START + 1e6)
    connection.write_blocked(START)
    assert connection.next_timer() is None
    assert not connection.respond(0, Answer())
    assert isinstance(last(pair.client), Closed)


# --- the path between them ---

SCRIPT = [b"one", b"two" * 50, b"three" * 20_000, b"four"]


def scripted() -> tuple[Pair, bytes]:
    """A pair, and everything the client sends after READY: four events and CLOSE."""
    pair = Pair().established()
    for body in SCRIPT:
        pair.client.connection.send_event(Message("app.note", body))
    pair.client.connection.close(START)
    return pair, pair.client.take()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_segmentation_does_not_change_the_outcome(cuts: list[int]) -> None:
    """However the bytes are cut, the events are the same."""

    def chunks(data: bytes) -> Iterable[bytes]:
        position = turn = 0
        while position < len(data):
            size = cuts[turn % len(cuts)]
            yield data[position : position + size]
            position += size
            turn += 1

    pair = Pair()
    pair.pump(chunks)
    for body in SCRIPT:
        pair.client.connection.send_event(Message("app.note", body))
    pair.client.connection.close(START)
    pair.pump(chunks)
    assert bodies(pair.server) == SCRIPT
    assert last(pair.server) == Closed(How.CLEAN, "peer-closed", "the peer closed", 0, 4, 0)
    assert last(pair.client) == Closed(How.LOCAL, None, "closed", 4, 0, 4)


def test_byte_by_byte() -> None:
    """One byte at a time gives the same events, from the first handshake byte on."""
    pair = Pair()
    pair.pump(lambda data: [data[i : i + 1] for i in range(len(data))])
    pair.client.connection.send_event(NOTE)
    pair.client.connection.close(START)
    pair.pump(lambda data: [data[i : i + 1] for i in range(len(data))])
    assert bodies(pair.server) == [b"note"]
    assert isinstance(last(pair.client), Closed)


def test_truncation_at_every_cut() -> None:
    """Wherever the stream ends before CLOSE is complete, it is truncated and only a prefix was delivered."""
    stream = b"".join(frames_of(scripted()[1])[:2]) + frames_of(scripted()[1])[-1]
    positions = [*range(len(stream))]
    for cut in positions:
        pair = Pair().established()
        for body in SCRIPT[:2]:
            pair.client.connection.send_event(Message("app.note", body))
        pair.client.connection.close(START)
        data = pair.client.take()
        pair.server.feed(data[: min(cut, len(data) - 1)])
        pair.server.connection.receive_eof()
        final = last(pair.server)
        assert isinstance(final, Closed)
        assert (final.how, final.reason) == (How.TRUNCATED, "truncated")
        assert bodies(pair.server) == SCRIPT[: final.received]


def test_the_closer_notices_truncation_too() -> None:
    """Without the peer's CLOSE its direction may have been cut, also if this side closed first."""
    pair = Pair().established()
    pair.client.connection.close(START)
    pair.client.take()
    pair.client.connection.receive_eof()
    final = last(pair.client)
    assert isinstance(final, Closed)
    assert final.how is How.TRUNCATED


@pytest.mark.parametrize("tampering", ["duplicate", "swap", "drop", "flip"])
@pytest.mark.parametrize("index", range(6))
def test_tampering_with_every_record(tampering: str, index: int) -> None:
    """Delivered is at most what came before the first changed record; then nothing is sent or delivered."""
    pair, stream = scripted()
    frames = frames_of(stream)
    assert len(frames) == 6  # the third message takes two records
    whole = list(frames)
    if tampering == "duplicate":
        frames.insert(index, frames[index])
    elif tampering == "drop":
        del frames[index]
    elif tampering == "flip":
        frames[index] = frames[index][:-1] + bytes([frames[index][-1] ^ 1])
    else:
        frames[index : index + 2] = reversed(frames[index : index + 2])
    pair.server.connection.send_event(NOTE)
    for frame in frames:
        pair.server.feed(frame)
    if frames == whole[: len(frames)]:
        # Dropping the last record is truncation; swapping it with nothing is no tampering.
        pair.server.connection.receive_eof()
    final = last(pair.server)
    assert isinstance(final, Closed)
    untouched = {"duplicate": index + 1}.get(tampering, index)
    delivered = sum(1 for end in (1, 2, 4, 5) if end <= untouched)
    if frames == whole or (tampering == "duplicate" and index == 5):
        assert final.how is How.CLEAN
    elif frames == whole[: len(frames)]:
        assert final.how is How.TRUNCATED
    else:
        assert (final.how, final.reason) == (How.ERROR, "integrity")
        assert pair.server.take() == b""
    assert bodies(pair.server) == SCRIPT[: min(delivered, 4)] or frames == whole


def test_reflected_records_are_refused() -> None:
    """A record sent back to its sender is under the wrong key."""
    pair = Pair().established()
    pair.client.connection.send_event(NOTE)
    pair.client.feed(pair.client.take())
    assert last(pair.client).reason == "integrity"
    assert bodies(pair.client) == []


@given(st.binary(min_size=1, max_size=200), st.booleans())
@settings(max_examples=60, deadline=None)
def test_junk_never_raises_and_never_delivers(junk: bytes, established: bool) -> None:
    """Whatever arrives, the connection tells it by events only."""
    pair = Pair()
    if established:
        pair.pump()
    pair.server.feed(junk)
    pair.server.connection.receive_eof()
    last(pair.server)
    assert bodies(pair.server) == []
