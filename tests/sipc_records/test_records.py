"""Frames: sealing, opening, and everything that must end a direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipc_pair import c2s, frames_of

from sipc.errors import IntegrityError, LimitError, LocalError, MalformedError, ProtocolError, SipcError
from sipc.records import (
    FLAG_FIRST,
    FLAG_LAST,
    HARD_RECORD_LIMIT,
    MAX_PAYLOAD,
    RecordOpener,
    RecordSealer,
    RecordType,
    parse_plaintext,
)

MSG = RecordType.MSG


def opened(data: bytes) -> list[bytes]:
    """Payloads of a stream."""
    return [record.payload for record in RecordOpener(c2s()).feed(data)]


def test_a_record_comes_out_as_it_went_in() -> None:
    """Type, flags and payload survive sealing and opening."""
    frame = RecordSealer(c2s()).seal(MSG, b"payload", FLAG_FIRST | FLAG_LAST)
    (record,) = RecordOpener(c2s()).feed(frame)
    assert record == (MSG, 3, b"payload")


@pytest.mark.parametrize("length", [0, 1, 59, 60, 61, 124, 125, 1000, MAX_PAYLOAD])
def test_frames_are_padded_to_64_bytes(length: int) -> None:
    """The length on the wire tells only the next multiple of 64."""
    frame = RecordSealer(c2s()).seal(MSG, bytes(length))
    plaintext = len(frame) - 2 - 16
    assert plaintext % 64 == 0
    assert 0 <= plaintext - (length + 4) < 64


def test_a_payload_beyond_one_frame_is_refused_and_ends_the_direction() -> None:
    """A record that does not fit is the caller's mistake; nothing may follow it."""
    sealer = RecordSealer(c2s())
    with pytest.raises(LocalError):
        sealer.seal(MSG, bytes(MAX_PAYLOAD + 1))
    with pytest.raises(LocalError, match="ended"):
        sealer.seal(MSG, b"x")


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6), st.lists(st.integers(1, 200), min_size=1))
def test_segmentation_does_not_matter(payloads: list[bytes], cuts: list[int]) -> None:
    """Records come out the same however the stream is cut."""
    sealer = RecordSealer(c2s())
    stream = b"".join(sealer.seal(MSG, payload) for payload in payloads)
    opener = RecordOpener(c2s())
    found: list[bytes] = []
    position = turn = 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        found += [record.payload for record in opener.feed(stream[position : position + size])]
        position += size
        turn += 1
    assert found == payloads
    assert not opener.has_partial_frame()


@pytest.mark.parametrize("position", [2, 3, 20, 65, 66, 81])
@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_a_flipped_bit_ends_the_direction_for_good(position: int, mask: int) -> None:
    """Neither the damaged record nor a genuine later one comes out."""
    sealer = RecordSealer(c2s())
    first, damaged, later = (bytearray(sealer.seal(MSG, b"%d" % i)) for i in range(3))
    damaged[position] ^= mask
    opener = RecordOpener(c2s())
    assert [record.payload for record in opener.feed(bytes(first))] == [b"0"]
    with pytest.raises(IntegrityError):
        list(opener.feed(bytes(damaged)))
    with pytest.raises(LocalError):
        list(opener.feed(bytes(later)))


@pytest.mark.parametrize(
    "order",
    [[0, 0, 1, 2], [0, 2, 1], [0, 2], [1], [0, 1, 1], [0, 1, 2, 0]],
    ids=["duplicate", "swap", "gap", "first-missing", "late-duplicate", "replay-at-the-end"],
)
def test_only_the_next_record_is_accepted(order: list[int]) -> None:
    """Delivered is the prefix up to the first record that is not the next one."""
    sealer = RecordSealer(c2s())
    frames = [sealer.seal(MSG, b"%d" % i) for i in range(3)]
    opener = RecordOpener(c2s())
    found: list[bytes] = []
    with pytest.raises(IntegrityError):
        found.extend(record.payload for number in order for record in opener.feed(frames[number]))
    prefix = [b"%d" % number for number in range(3)]
    assert found == prefix[: len(found)]
    assert len(found) < len(order)


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_frame_that_is_too_short_is_refused_by_its_length(length: int) -> None:
    """A length that no record can have ends the direction at once, without waiting for the bytes."""
    opener = RecordOpener(c2s())
    with pytest.raises(IntegrityError):
        list(opener.feed(length.to_bytes(2)))
    with pytest.raises(LocalError):
        list(opener.feed(bytes(length)))


@pytest.mark.parametrize(
    ("plaintext", "error"),
    [
        (b"", MalformedError),
        (b"\x00\x02\x02", MalformedError),
        (b"\x00\x01\x02\x00", MalformedError),
        (b"\x00\x03\x02\x00", MalformedError),
        (b"\xff\xff\x02\x00" + bytes(60), MalformedError),
        (b"\x00\x02\x00\x00", ProtocolError),
        (b"\x00\x02\x08\x00", ProtocolError),
        (b"\x00\x02\x7f\x00", ProtocolError),
        (b"\x00\x02\x02\x04", ProtocolError),
        (b"\x00\x02\x05\x01", ProtocolError),
        (b"\x00\x02\x06\x80", ProtocolError),
    ],
    ids=[
        "empty",
        "no-flags",
        "body-too-short",
        "body-beyond-end",
        "huge-body",
        "type-0",
        "type-8",
        "type-7f",
        "third-msg-flag",
        "flag-on-rekey",
        "high-flag-on-close",
    ],
)
def test_authentic_but_wrong(plaintext: bytes, error: type[SipcError]) -> None:
    """A peer with the keys cannot say anything that is not a record."""
    with pytest.raises(error):
        parse_plaintext(plaintext)


@pytest.mark.parametrize("kind", [0x80, 0xFF])
def test_ignorable_types_pass_with_any_flags(kind: int) -> None:
    """Types from 0x80 are left to whoever knows them."""
    assert parse_plaintext(bytes([0, 3, kind, 0xFF, 7, 0, 0])) == (kind, 0xFF, b"\x07")


@given(st.binary(max_size=100))
def test_any_plaintext_is_a_record_or_a_declared_error(plaintext: bytes) -> None:
    """No input raises anything else."""
    try:
        record = parse_plaintext(plaintext)
    except (MalformedError, ProtocolError):
        return
    assert record.payload in plaintext


def test_rekey_takes_effect_behind_its_record() -> None:
    """The record itself is under the old key, the next one under the new key."""
    sealer, opener = RecordSealer(c2s()), RecordOpener(c2s())
    rekey, after = sealer.rekey(), sealer.seal(MSG, b"new")
    assert [record.type for record in opener.feed(rekey)] == [RecordType.REKEY]
    opener.rekey()
    assert [record.payload for record in opener.feed(after)] == [b"new"]


def test_rekey_within_one_chunk() -> None:
    """The reader changes keys between two records of the same read."""
    sealer, opener = RecordSealer(c2s()), RecordOpener(c2s())
    stream = sealer.seal(MSG, b"old") + sealer.rekey() + sealer.seal(MSG, b"new")
    found = []
    for record in opener.feed(stream):
        if record.type == RecordType.REKEY:
            opener.rekey()
        found.append(record.payload)
    assert found == [b"old", b"", b"new"]


def test_a_record_of_the_old_key_is_refused_after_rekey() -> None:
    """A record held back over a rekey is worthless."""
    sealer, opener = RecordSealer(c2s()), RecordOpener(c2s())
    held_back = sealer.seal(MSG, b"old")
    opener.rekey()
    with pytest.raises(IntegrityError):
        list(opener.feed(held_back))


def test_nonces_go_on_over_a_rekey() -> None:
    """No counter starts again: (key, nonce) never repeats even if a ratchet were undone."""
    cipher = c2s()
    sealer = RecordSealer(cipher)
    sealer.seal(MSG, b"x")
    sealer.rekey()
    sealer.seal(MSG, b"x")
    assert cipher.nonce == 3


def test_hard_limit_of_records_per_key() -> None:
    """Both directions end at the hard limit, whoever forgot to rekey."""
    sealer, opener = RecordSealer(c2s()), RecordOpener(c2s())
    frame = sealer.seal(MSG, b"x")
    sealer.records = opener.records = HARD_RECORD_LIMIT
    with pytest.raises(LocalError):
        sealer.seal(MSG, b"x")
    with pytest.raises(LimitError):
        list(opener.feed(frame))


@pytest.mark.parametrize("nonce", [2**64 - 1, 2**64 - 2])
def test_the_reserved_nonce_is_never_used(nonce: int) -> None:
    """The last number but one is the last that seals."""
    cipher = c2s()
    cipher.nonce = nonce
    sealer = RecordSealer(cipher)
    if nonce == 2**64 - 2:
        sealer.seal(MSG, b"last")
    with pytest.raises(LocalError):
        sealer.seal(MSG, b"one too many")
    with pytest.raises(LocalError, match="ended"):
        sealer.seal(MSG, b"still not")


def test_an_ended_reader_forgets_what_it_buffered() -> None:
    """Bytes behind the end are not kept."""
    opener = RecordOpener(c2s())
    frame = RecordSealer(c2s()).seal(MSG, b"x")
    assert list(opener.feed(frame[:10])) == []
    assert opener.has_partial_frame()
    opener.end()
    assert not opener.has_partial_frame()


def test_records_behind_the_end_are_not_looked_at() -> None:
    """When the reader of records ends the direction, the rest of the chunk is dropped."""
    sealer, opener = RecordSealer(c2s()), RecordOpener(c2s())
    stream = sealer.seal(MSG, b"1") + b"\x00\x20" + bytes(32)
    found = []
    for record in opener.feed(stream):
        found.append(record.payload)
        opener.end()
    assert found == [b"1"]


def test_frames_of_helper_agrees_with_the_reader() -> None:
    """The tests' own splitter finds the frames the reader finds."""
    sealer = RecordSealer(c2s())
    frames = [sealer.seal(MSG, bytes(n)) for n in (1, 100, 1000)]
    assert frames_of(b"".join(frames)) == frames
