"""Framers: what they cut, what they call it, and how they lose their way."""

import itertools
import json
from importlib import resources
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.adversary import Limits, body_offset, framer_names
from ipc_gauntlet.adversary.framing import FrameReader, Piece, new_framer
from ipc_gauntlet.adversary.framing.reader import CHUNK_MAX, STUCK_S
from ipc_gauntlet.errors import HarnessError

LIMITS = Limits(frame=100_000)


def readers(name: str) -> dict[str, FrameReader]:
    framer = new_framer(name)
    return {direction: FrameReader(framer, direction, LIMITS) for direction in ("c2s", "s2c")}  # type: ignore[arg-type]


def labels(pieces: list[Piece]) -> list[str]:
    return [piece.shape.label for piece in pieces]


def segments(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(places) if start < stop]


# Bytes that look like the beginning of something to at least one framer, then anything.
STARTS = [
    b"",
    b"\x16\x03\x01\x00\x05hello",
    b"\x00\x1bSIPC\x00\x01\x01\x01\x01\x00\x01\x00\x08svc.echo",
    b"\x00\x00\x00\x10",
    b"\x00\x08SIPC\x02",
    b"\xff" + bytes(8) + b"\x7f\x03" + bytes(53),
    b"\xff\xff\xff\xff",
    b"\x00\x02",
]
wild = st.builds(bytes.__add__, st.sampled_from(STARTS), st.binary(max_size=300))


@pytest.mark.parametrize("name", framer_names())
@given(
    stream=st.lists(st.tuples(st.sampled_from(["c2s", "s2c"]), wild), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    pauses=st.lists(st.booleans(), min_size=8),
)
def test_pieces_are_exactly_the_bytes(
    name: str, stream: list[tuple[str, bytes]], cuts: list[int], pauses: list[bool]
) -> None:
    """No framer raises, and whatever the bytes, their segmentation and the pauses, nothing is lost or invented."""
    both = readers(name)
    sent = {"c2s": b"", "s2c": b""}
    got = {"c2s": b"", "s2c": b""}
    now = 0.0
    for direction, data in stream:
        for number, segment in enumerate(segments(data, cuts)):
            sent[direction] += segment
            got[direction] += b"".join(piece.data for piece in both[direction].feed(segment, now))
            if pauses[number % len(pauses)]:
                now += 1.0
                got[direction] += b"".join(piece.data for piece in both[direction].tick(now))
    for direction, reader in both.items():
        got[direction] += b"".join(piece.data for piece in reader.flush())
        assert reader.flush() == []
    assert got == sent


@given(bodies=st.lists(st.binary(max_size=200), max_size=6), cuts=st.lists(st.integers(0, 2000), max_size=10))
def test_frames_do_not_depend_on_segmentation(
    talk: SimpleNamespace, bodies: list[bytes], cuts: list[int]
) -> None:
    """One chunk with many frames, and one byte at a time, give the same frames."""
    frames = [*talk.prelude["c2s"], *(talk.wrap(body) for body in bodies)]
    stream = b"".join(frames)
    for pieces in (
        [stream] if stream else [],
        segments(stream, cuts),
        [stream[i : i + 1] for i in range(len(stream))],
    ):
        reader = readers(talk.framer)["c2s"]
        cut = [piece for segment in pieces for piece in reader.feed(segment, 0.0)]
        assert [piece.data for piece in cut] == frames
        assert labels(cut)[len(talk.prelude["c2s"]) :] == [talk.label] * len(bodies)
        assert reader.lost is None
        assert reader.deadline is None


def test_header_length_and_length_field_of_a_message(talk: SimpleNamespace) -> None:
    """A framer says where the body starts, and where the length is that counts it."""
    both = readers(talk.framer)
    for direction, frames in talk.prelude.items():
        both[direction].feed(b"".join(frames), 0.0)
    (piece,) = both["c2s"].feed(talk.wrap(b"body"), 0.0)
    assert piece.shape.header == talk.header == body_offset(talk.framer)
    ((position, size),) = piece.shape.lengths
    assert position + size + int.from_bytes(piece.data[position : position + size]) == len(piece.data)


def test_body_offset_without_framing_is_zero() -> None:
    """An opaque stream has no header."""
    assert body_offset("opaque") == 0


def test_unknown_framer_is_refused_by_name() -> None:
    """The error lists what there is."""
    with pytest.raises(HarnessError, match="no framer 'http'; there are sipc"):
        new_framer("http")


def test_sipc_with_certificates(sipc: SimpleNamespace) -> None:
    """A suite of three messages: the initiator's second frame is a handshake message, whatever its first bytes."""
    both = readers("sipc")
    assert labels(both["c2s"].feed(sipc.handshake(sipc.offer(0x0002), b"1"), 0)) == ["offer"]
    assert labels(both["s2c"].feed(sipc.handshake(b"", b"2") + sipc.record(b"r"), 0)) == ["accept", "record"]
    third = sipc.handshake(b"XX", b"a non-empty neg is illegal, yet framed the same way")
    assert labels(both["c2s"].feed(third + sipc.record(b"r") * 2, 0)) == ["handshake", "record", "record"]


@pytest.mark.parametrize("suite", [0x0011, 0x0012, 0x7F01])
def test_sipc_with_two_messages(sipc: SimpleNamespace, suite: int) -> None:
    """A suite of two messages: records follow the offer directly, in the same chunk if need be."""
    both = readers("sipc")
    first = sipc.handshake(sipc.offer(suite), b"1") + sipc.record(b"r")
    assert labels(both["c2s"].feed(first, 0)) == ["offer", "record"]


@pytest.mark.parametrize(("suite", "third"), [(0x0002, ["handshake"]), (0x0011, [])])
def test_sipc_retry(sipc: SimpleNamespace, suite: int, third: list[str]) -> None:
    """After a RETRY the suite of the restart counts, not that of the offer."""
    both = readers("sipc")
    other = 0x0011 if suite == 0x0002 else 0x0001
    both["c2s"].feed(sipc.handshake(sipc.offer(other), b"1"), 0)
    retry = b"SIPC\x01\x01" + suite.to_bytes(2) + bytes(3)
    assert labels(both["s2c"].feed(sipc.handshake(retry, b""), 0)) == ["retry"]
    restart = sipc.handshake(b"SIPC\x02\x01" + suite.to_bytes(2), b"1b")
    assert labels(both["c2s"].feed(restart, 0)) == ["restart"]
    assert labels(both["s2c"].feed(sipc.handshake(b"", b"2") + sipc.record(b""), 0)) == ["accept", "record"]
    tail = [sipc.handshake(b"??", b"3")] * len(third)
    assert labels(both["c2s"].feed(b"".join(tail) + sipc.record(b""), 0)) == [*third, "record"]


def test_sipc_restart_after_a_forged_retry(sipc: SimpleNamespace) -> None:
    """The responder accepted, but the initiator was shown a RETRY: its restart is recognised by its bytes."""
    both = readers("sipc")
    both["c2s"].feed(sipc.handshake(sipc.offer(0x0011), b"1"), 0)
    both["s2c"].feed(sipc.handshake(b"", b"2"), 0)
    restart = sipc.handshake(b"SIPC\x02\x01\x00\x01", b"1b")
    cut = [piece for byte in restart for piece in both["c2s"].feed(bytes((byte,)), 0)]
    assert labels(cut) == ["restart"]
    assert labels(both["c2s"].feed(sipc.handshake(b"", b"3"), 0)) == ["handshake"]


def test_sipc_unknown_suite_is_told_from_the_bytes(sipc: SimpleNamespace) -> None:
    """With a suite nobody knows, an empty neg still tells a handshake message from a record."""
    reader = readers("sipc")["c2s"]
    reader.feed(sipc.handshake(sipc.offer(0x0A0A), b"1"), 0)
    rest = sipc.handshake(b"", b"3") + sipc.record(b"x")
    assert labels(reader.feed(rest, 0)) == ["handshake", "record"]


def test_sipc_reject(sipc: SimpleNamespace) -> None:
    """A refusal is labelled as such."""
    reject = sipc.handshake(b"SIPC\x03\x01\x00\x00\x02\x00\x00", b"")
    assert labels(readers("sipc")["s2c"].feed(reject, 0)) == ["reject"]


def test_sipc_header_and_lengths_of_handshake_frames(sipc: SimpleNamespace) -> None:
    """The body of an offer is its neg; with an empty neg it is the noise message."""
    both = readers("sipc")
    neg = sipc.offer()
    (first,) = both["c2s"].feed(sipc.handshake(neg, b"m"), 0)
    (answer,) = both["s2c"].feed(sipc.handshake(b"", b"m"), 0)
    assert (first.shape.header, first.shape.lengths) == (2, ((0, 2), (2 + len(neg), 2)))
    assert (answer.shape.header, answer.shape.lengths) == (4, ((0, 2), (2, 2)))


@pytest.mark.parametrize(
    ("name", "direction", "garbage"),
    [
        ("sipc", "c2s", b"GET / HTTP/1.1"),
        ("sipc", "s2c", b"220 ready\r\n"),
        ("sipc", "s2c", bytes(range(256))),
        ("sipc", "c2s", b"\x00\x00\x00\x01x"),
        ("tls", "c2s", b"\x80\x2e\x01\x03\x01"),
        ("tls", "s2c", b"\x16\x02\x00\x00\x01x"),
        ("tls", "s2c", b"\x16\x03\x03\xff\xff"),
        ("u32be", "c2s", b"HTTP/1.1 200 OK"),
        ("mp", "c2s", b"\xff\xff\xff\xfe"),
        ("zmtp", "c2s", b"\x01\x00"),
        ("zmtp", "c2s", b"\xff" + bytes(9)),
        ("zmtp", "c2s", b"\xff" + bytes(8) + b"\x7f\x01"),
        ("zmtp", "c2s", b"\xff" + bytes(8) + b"\x7f\x03" + bytes(53) + b"\x80"),
    ],
)
def test_garbage_is_noticed_at_once(name: str, direction: str, garbage: bytes) -> None:
    """What cannot be the protocol is not held back until it is as long as its first bytes claim."""
    reader = readers(name)[direction]
    cut = reader.feed(garbage, 0.0)
    assert reader.lost
    assert reader.deadline == pytest.approx(LIMITS.quiescence_s)
    cut += reader.tick(LIMITS.quiescence_s)
    assert labels(cut)[-1] == "chunk"
    assert b"".join(piece.data for piece in cut) == garbage


def test_losing_one_direction_keeps_the_other(sipc: SimpleNamespace) -> None:
    """Garbage from the server leaves the client's frames intact."""
    both = readers("sipc")
    both["c2s"].feed(sipc.handshake(sipc.offer(), b"1"), 0)
    both["s2c"].feed(b"garbage", 0)
    assert both["s2c"].lost
    assert labels(both["c2s"].feed(sipc.handshake(b"", b"3"), 0)) == ["handshake"]


def test_frames_in_front_of_garbage_are_still_frames() -> None:
    """Sync is lost at the bad frame, not before it."""
    reader = readers("tls")["c2s"]
    assert labels(reader.feed(b"\x17\x03\x03\x00\x01xrest", 0)) == ["appdata"]
    assert reader.lost == "no TLS content type 114"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("u32be", (100_000).to_bytes(4)),
        ("mp", b"\xff\xff\xff\xff" + (1 << 40).to_bytes(8)),
        ("zmtp", b"\xff" + bytes(8) + b"\x7f\x03" + bytes(53) + b"\x02" + (1 << 33).to_bytes(8)),
    ],
)
def test_a_frame_beyond_the_limit_degrades(name: str, start: bytes) -> None:
    """A frame that announces more than the limit is not collected."""
    reader = readers(name)["c2s"]
    reader.feed(start, 0)
    assert "more than 100000" in str(reader.lost)


def test_memory_of_an_opaque_stream_is_bounded() -> None:
    """A stream that is never quiet is cut after a mebibyte."""
    reader = readers("opaque")["c2s"]
    cut = []
    for _ in range(CHUNK_MAX // 65536 + 1):
        cut += reader.feed(bytes(65536), 0)
    assert labels(cut) == ["chunk"]


def test_opaque_ends_a_frame_when_it_is_quiet() -> None:
    """What comes before the silence is one frame, and each byte starts the silence anew."""
    reader = readers("opaque")["c2s"]
    assert reader.feed(b"ab", 0.0) == []
    assert reader.feed(b"c", 0.015) == []
    assert reader.tick(0.03) == []
    assert [piece.data for piece in reader.tick(0.035)] == [b"abc"]
    assert reader.deadline is None


def test_an_incomplete_frame_is_not_kept_for_ever() -> None:
    """Its beginning passes after a while, its rest as it comes, and framing goes on behind it."""
    reader = readers("u32be")["c2s"]
    assert reader.feed(b"\x00\x00\x00\x05he", 0.0) == []
    first = reader.tick(STUCK_S)
    assert labels(first) == ["partial"]
    rest = reader.feed(b"l", 1.0) + reader.feed(b"lo" + b"\x00\x00\x00\x01x", 1.1)
    assert [(piece.shape.label, piece.data, piece.rest) for piece in rest] == [
        ("partial", b"l", True),
        ("partial", b"lo", True),
        ("frame", b"\x00\x00\x00\x01x", False),
    ]
    assert reader.lost is None


def test_an_incomplete_header_degrades() -> None:
    """When not even the header is there, nobody can tell where the next frame starts."""
    reader = readers("u32be")["c2s"]
    reader.feed(b"\x00\x00", 0.0)
    assert labels(reader.tick(STUCK_S)) == ["partial"]
    assert reader.lost


def test_an_incomplete_handshake_message_is_still_followed(sipc: SimpleNamespace) -> None:
    """A slow third message does not make the records behind it handshake messages."""
    both = readers("sipc")
    both["c2s"].feed(sipc.handshake(sipc.offer(), b"1"), 0)
    third = sipc.handshake(b"", b"third message")
    both["c2s"].feed(third[:8], 0)
    assert labels(both["c2s"].tick(STUCK_S)) == ["partial"]
    assert labels(both["c2s"].feed(third[8:] + sipc.record(b"r"), 1)) == ["partial", "record"]


def test_zmtp_greeting_passes_in_its_three_steps() -> None:
    """Implementations wait for the other's signature and version, so neither may be kept back."""
    reader = readers("zmtp")["c2s"]
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\x00") + bytes(32)
    for part, label in (
        (greeting[:10], "signature"),
        (greeting[10:11], "version"),
        (greeting[11:], "greeting"),
    ):
        assert labels(reader.feed(part, 0)) == [label]
    assert labels(reader.feed(b"\x04\x01c\x06" + (300).to_bytes(8) + bytes(300) + b"\x01\x00", 0)) == [
        "command",
        "command",
        "message",
    ]


def test_multiprocessing_long_form() -> None:
    """A length of -1 is followed by one of 8 bytes."""
    reader = readers("mp")["c2s"]
    frame = b"\xff\xff\xff\xff" + (5).to_bytes(8) + b"hello"
    (piece,) = reader.feed(frame, 0)
    assert (piece.data, piece.shape.header, piece.shape.lengths) == (frame, 12, ((4, 8),))


@pytest.mark.parametrize(
    ("kind", "label"), [(20, "ccs"), (21, "alert"), (22, "handshake"), (23, "appdata"), (24, "heartbeat")]
)
def test_tls_labels(kind: int, label: str) -> None:
    """Records are labelled by their content type."""
    assert labels(readers("tls")["s2c"].feed(bytes((kind, 3, 3, 0, 1, 0)), 0)) == [label]


def golden_sessions() -> list[Any]:
    """Complete SIPC/1 sessions, made by another implementation of the protocol."""
    text = resources.files("ipc_gauntlet_corpora").joinpath("vectors/sipc1.json").read_text()
    return [pytest.param(session, id=session["kind"]) for session in json.loads(text)["sessions"]]


GOLDEN_LABELS = {
    "HS1": "offer",
    "HS1 again": "restart",
    "HS2": "accept",
    "HS3": "handshake",
    "RETRY": "retry",
    "REJECT": "reject",
}


@pytest.mark.parametrize("session", golden_sessions())
def test_golden_sipc_sessions(session: dict[str, Any]) -> None:
    """Every frame of a real session is found and called by its name, also when all of a direction comes at once."""
    both = readers("sipc")
    for frame in session["frames"]:
        direction = "c2s" if frame["from"] == "I" else "s2c"
        label = GOLDEN_LABELS.get(frame["what"], "record")
        assert labels(both[direction].feed(bytes.fromhex(frame["hex"]), 0)) == [label]
    whole = readers("sipc")
    stream = [bytes.fromhex(frame["hex"]) for frame in session["frames"] if frame["from"] == "I"]
    assert [piece.data for piece in whole["c2s"].feed(b"".join(stream), 0)] == stream
