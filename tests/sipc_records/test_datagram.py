"""Profile D: numbers, epochs, and sessions over a path that loses, repeats and reorders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipc_pair import Pair, c2s, frames_of, settings

from sipc.control import Close, encode_close
from sipc.datagram import GRACE_S, DatagramOpener, DatagramSealer
from sipc.errors import LocalError
from sipc.events import (
    Closed,
    Established,
    How,
    MessageReceived,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.exchange import Answer
from sipc.records import RecordType
from sipc.replay_window import MAX_NUMBER, WINDOW
from sipc.rpc import Call, Message

D = settings(datagram=True, epoch_bits=6)


class Path:
    """One direction: a sealer, an opener, and what was dropped."""

    def __init__(self, epoch_bits: int = 6) -> None:
        self.dropped: list[str] = []
        self.sealer = DatagramSealer(c2s(), epoch_bits)
        self.opener = DatagramOpener(c2s(), epoch_bits, self.dropped.append)

    def seal(self, count: int) -> list[bytes]:
        """Frames of so many records; each carries its number."""
        return [self.sealer.seal(RecordType.PING, i.to_bytes(8)) for i in range(count)]

    def open(self, frame: bytes, now: float = 0.0) -> list[bytes]:
        """Payloads that came out."""
        self.opener.now = now
        return [record.payload for record in self.opener.feed(frame)]


def test_in_order_across_epochs() -> None:
    """Keys change with the number, and nobody says so."""
    path = Path()
    frames = path.seal(300)
    assert [path.open(frame) for frame in frames] == [[i.to_bytes(8)] for i in range(300)]
    assert path.dropped == []


@given(st.lists(st.integers(0, 199), max_size=80))
def test_any_order_and_any_repetition(order: list[int]) -> None:
    """Of an arbitrary selection each record comes out at most once, and only if its epoch can be known."""
    path, seen, epoch = Path(), set[int](), 0
    frames = path.seal(200)
    for number in order:
        acceptable = number not in seen and epoch - 1 <= number >> 6 <= epoch + 1
        assert bool(path.open(frames[number])) is acceptable
        if acceptable:
            seen.add(number)
            epoch = max(epoch, number >> 6)


def test_the_grace_of_an_epoch() -> None:
    """The previous epoch is accepted for its grace, measured from the first record of the next one."""
    path = Path()
    frames = path.seal(70)
    path.open(frames[64], now=100.0)
    assert path.open(frames[0], now=100.0 + GRACE_S - 0.001)
    assert not path.open(frames[1], now=100.0 + GRACE_S)
    assert path.dropped == ["integrity"]


@pytest.mark.parametrize("number", [0, 1, 63, 64, 127, 128, 2**32, 2**63, MAX_NUMBER, MAX_NUMBER + 1])
def test_forged_records_change_nothing(number: int) -> None:
    """Whatever number is forged, the genuine records that follow are accepted."""
    path = Path()
    frames = path.seal(10)
    for frame in frames:
        forged = frame[:2] + number.to_bytes(8) + bytes(len(frame) - 10)
        assert path.open(forged) == []
        assert path.open(frame)
    assert len(path.dropped) == 10


def test_short_frames_are_dropped() -> None:
    """A frame that cannot hold number and tag is dropped like a forged one."""
    path = Path()
    for length in (0, 1, 8, 23):
        assert path.open(length.to_bytes(2) + bytes(length)) == []
    assert path.dropped == ["integrity"] * 4
    assert path.open(path.seal(1)[0])


def test_any_segmentation() -> None:
    """Frames are found whatever the pieces."""
    path = Path()
    whole = b"".join(path.seal(3))
    out = [payload for i in range(len(whole)) for payload in path.open(whole[i : i + 1])]
    assert out == [i.to_bytes(8) for i in range(3)]
    assert not path.opener.has_partial_frame()


def test_a_jump_within_an_epoch() -> None:
    """A far jump is accepted when its epoch can be known, at once, and the window moves."""
    path = Path(epoch_bits=63)
    first = path.seal(2)
    path.sealer.set_number(2**62)
    far = path.seal(1)[0]
    assert path.open(first[0])
    assert path.open(far)
    assert not path.open(first[1])
    assert path.dropped == ["replayed"]


def test_the_last_numbers() -> None:
    """2^64-2 is used, the next one is not: the direction ends instead of wrapping."""
    path = Path(epoch_bits=64)
    path.sealer.set_number(MAX_NUMBER)
    path.opener.set_number(MAX_NUMBER)
    assert path.open(path.seal(1)[0])
    with pytest.raises(LocalError):
        path.seal(1)


def test_rekeying_goes_on_with_the_next_epoch() -> None:
    """Twice in a row is once: an epoch without a record would leave the receiver behind."""
    path = Path()
    path.seal(3)
    assert path.sealer.rekey() == b""
    assert path.sealer.rekey() == b""
    frame = path.sealer.seal(RecordType.PING, bytes(8))
    assert int.from_bytes(frame[2:10]) == 64
    assert path.open(frame)


@pytest.mark.parametrize("number", [-1, 4, MAX_NUMBER + 1, 2**60])
def test_counters_that_cannot_be_set(number: int) -> None:
    """Not back, not beyond the end, and not millions of keys ahead."""
    path = Path(epoch_bits=4)
    for frame in path.seal(5):
        path.open(frame)
    with pytest.raises(LocalError):
        path.sealer.set_number(number)


def pair(client: int = 6) -> Pair:
    """A session of profile D."""
    one = Pair(settings(datagram=True, epoch_bits=client), D)
    return one.established()


def test_a_session() -> None:
    """Events, a request and an orderly end over a path that does nothing wrong."""
    both = pair()
    both.client.connection.send_event(Message("app.message", b"one"))
    both.client.connection.request(Call("app.echo", b"two"), both.client.now)
    both.pump()
    (request,) = both.server.of(RequestReceived)
    assert isinstance(request, RequestReceived)
    both.server.connection.respond(request.mid, Answer(body=b"three"))
    both.pump()
    assert len(both.client.of(ResponseReceived)) == 1
    both.client.connection.close(both.client.now)
    both.pump()
    (end,) = both.server.of(Closed)
    assert isinstance(end, Closed)
    assert (end.how, end.received) == (How.CLEAN, 2)


def bodies(both: Pair) -> list[object]:
    """What the server has been told."""
    return [
        event.envelope.body for event in both.server.of(MessageReceived) if isinstance(event, MessageReceived)
    ]


def test_lost_repeated_and_reordered_messages() -> None:
    """What arrives is delivered once, in the order in which it arrives; the end is clean and counts the loss."""
    both = pair()
    for i in range(6):
        both.client.connection.send_event(Message("app.message", i))
    frames = frames_of(both.client.take())
    for index in (3, 1, 1, 5, 3, 0):
        both.server.feed(frames[index])
    assert bodies(both) == [3, 1, 5, 0]
    both.client.connection.close(both.client.now)
    both.pump()
    (end,) = both.server.of(Closed)
    assert isinstance(end, Closed)
    assert (end.how, end.received) == (How.CLEAN, 4)


def test_garbage_between_records() -> None:
    """A path that writes frames of its own disturbs nobody."""
    both = pair()
    both.client.connection.send_event(Message("app.message", 1))
    both.server.feed((30).to_bytes(2) + bytes(30))
    both.pump()
    both.client.connection.send_event(Message("app.message", 2))
    both.pump()
    assert bodies(both) == [1, 2]


def test_a_lost_request_ends_by_its_deadline() -> None:
    """Nobody knows what became of it."""
    both = pair()
    both.client.connection.request(Call("app.echo", budget_ms=100), both.client.now)
    both.client.take()
    both.set_time(both.client.now + 0.1)
    (failed,) = both.client.of(RequestFailed)
    assert isinstance(failed, RequestFailed)
    assert failed.code == "deadline_exceeded"


def test_ready_that_is_lost_establishes_nothing() -> None:
    """Without the first record no other counts, and the attempt runs into its deadline."""
    both = Pair(D, D)
    both.server.feed(both.client.take())
    both.client.feed(both.server.take())  # the end of the handshake
    both.client.take()  # READY is lost
    assert both.server.of(Established) == []
    both.set_time(both.client.now + 5.0)
    assert both.server.connection.ended
    assert both.client.connection.ended


def test_the_two_profiles_count_on_different_frames() -> None:
    """A record of one profile is none of the other."""
    both = Pair(D, settings()).established()
    assert both.server.of(Established) == []


def test_a_late_pong_does_nothing() -> None:
    """PONGs may be lost or come late; the newest settles the older PINGs."""
    both = pair()
    both.client.now += 60.0
    both.client.connection.handle_timer(both.client.now)
    ping = both.client.take()
    both.server.feed(ping)
    pong = both.server.take()
    both.client.feed(pong)
    both.client.feed(pong)
    assert not both.client.connection.ended


def test_a_close_that_counts_too_little() -> None:
    """More messages than were sent cannot have arrived."""
    both = pair()
    both.client.connection.send_event(Message("app.message", 1))
    both.pump()
    sealer = DatagramSealer(c2s(), 6)
    sealer.set_number(10)
    both.server.feed(sealer.seal(RecordType.CLOSE, encode_close(Close(0, 0, 0))))
    (end,) = both.server.of(Closed)
    assert isinstance(end, Closed)
    assert (end.how, end.reason) == (How.ERROR, "protocol")


@pytest.mark.parametrize(
    ("kind", "flags"),
    [(RecordType.REKEY, 0), (RecordType.READY, 0), (RecordType.MSG, 1), (RecordType.MSG, 2)],
)
def test_what_does_not_exist_in_profile_d(kind: RecordType, flags: int) -> None:
    """REKEY, a second READY and fragments end the session: they are authentic and wrong."""
    both = pair()
    sealer = DatagramSealer(c2s(), 6)
    sealer.set_number(10)
    both.server.feed(sealer.seal(kind, b"\0" if kind is RecordType.MSG else b"", flags))
    (end,) = both.server.of(Closed)
    assert isinstance(end, Closed)
    assert (end.how, end.reason) == (How.ERROR, "protocol")


def test_numbers_that_are_used_up_end_the_session() -> None:
    """The last number is for CLOSE; nothing wraps."""
    both = pair(client=64)
    both.client.connection.set_counter(MAX_NUMBER, sending=True)
    with pytest.raises(LocalError):
        both.client.connection.send_event(Message("app.message", 1))
    (end,) = both.client.of(Closed)
    assert isinstance(end, Closed)
    assert (end.how, end.reason) == (How.LOCAL, "limit")


def test_a_message_that_does_not_fit_a_record() -> None:
    """Messages are not cut; one that is too long is not sent."""
    both = pair()
    with pytest.raises(LocalError):
        both.client.connection.send_event(Message("app.message", bytes(70_000)))
    both.client.connection.send_event(Message("app.message", bytes(65_000)))
    both.pump()
    assert len(bodies(both)) == 1
    assert WINDOW >= 64
