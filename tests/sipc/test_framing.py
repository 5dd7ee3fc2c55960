"""Handshake frames cut from a stream, and padding."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipc.errors import LocalError, MalformedError
from sipc.framing import MAX_BODY, FrameReader, encode_frame, pad, unpad
from sipc.negotiation import MAX_NEGOTIATION

NEGOTIATION = st.binary(max_size=MAX_NEGOTIATION - 4).map(lambda tail: b"SIPC" + tail) | st.just(b"")


@given(NEGOTIATION, st.binary(max_size=300), st.binary(max_size=50), st.data())
def test_a_frame_may_arrive_in_any_pieces(
    negotiation: bytes, message: bytes, rest: bytes, data: st.DataObject
) -> None:
    """However the stream is cut, the frame appears exactly when it is complete, and what follows is kept."""
    frame = encode_frame(negotiation, message)
    stream = frame + rest
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)) | {len(frame), len(stream)})
    reader, start, found = FrameReader(), 0, None
    for cut in cuts:
        if found is None:
            found = reader.feed(stream[start:cut])
            assert (found is not None) == (cut >= len(frame))
            start = cut
    assert found == (negotiation, message)
    assert reader.take() == stream[len(frame) : start]
    assert not reader.pending
    assert reader.take() == b""


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS ClientHello"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="HTTP"),
        pytest.param(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f", id="ZMTP greeting"),
        pytest.param(b"\0AUTH EXTERNAL", id="D-Bus"),
        pytest.param(b"#CHALLENGE#", id="multiprocessing"),
        pytest.param(b"\x01\x6b", id="negotiation data one byte too long"),
        pytest.param(b"\x00\x05SIPX", id="wrong magic"),
    ],
)
def test_another_protocol_is_refused_at_its_first_bytes(junk: bytes) -> None:
    """What cannot become a frame is refused without waiting for the rest of it."""
    reader = FrameReader()
    with pytest.raises(MalformedError) as caught:
        reader.feed(junk)
    assert caught.value.stage == "negotiation"


@pytest.mark.parametrize("begun", [b"\x01\x6a", b"\x00\x05S", b"\x01\x6aSIPC", b"\x00\x00\xff\xff"])
def test_what_may_still_become_a_frame_is_waited_for(begun: bytes) -> None:
    """The longest negotiation data and Noise message are waited for."""
    reader = FrameReader()
    assert reader.feed(begun) is None
    assert reader.pending


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_junk_raises_nothing_undocumented(pieces: list[bytes]) -> None:
    """Any stream gives frames or MalformedError."""
    reader = FrameReader()
    with contextlib.suppress(MalformedError):
        for piece in pieces:
            frame = reader.feed(piece)
            if frame is not None:
                assert b"".join(pieces).startswith(encode_frame(*frame))
                break


@given(st.binary(max_size=400), st.binary(max_size=3))
def test_padding_comes_off_again(body: bytes, junk: bytes) -> None:
    """A payload is a multiple of 64 bytes, holds the body, and what the padding says does not matter."""
    payload = pad(body)
    assert len(payload) % 64 == 0
    assert len(payload) - len(body) < 2 + 64
    assert unpad(payload) == unpad(payload[: 2 + len(body)] + junk) == body


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0\1", b"\xff\xff" + bytes(100)])
def test_a_payload_shorter_than_it_says_is_malformed(payload: bytes) -> None:
    """The announced length must be there."""
    with pytest.raises(MalformedError):
        unpad(payload)


def test_a_body_that_fits_no_message_is_refused() -> None:
    """The longest body fits; one byte more is the caller's mistake."""
    assert len(pad(bytes(MAX_BODY))) == MAX_BODY + 2
    with pytest.raises(LocalError):
        pad(bytes(MAX_BODY + 1))
