"""Splitting and strict reassembly of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipc.errors import LimitError, MalformedError, ProtocolError, SipcError
from sipc.fragments import Reassembler, split
from sipc.records import FLAG_FIRST, FLAG_LAST, MAX_PAYLOAD

FIRST, MIDDLE, LAST, WHOLE = FLAG_FIRST, 0, FLAG_LAST, FLAG_FIRST | FLAG_LAST


@given(st.binary(min_size=1, max_size=200), st.integers(1, 64))
def test_split_and_join(message: bytes, size: int) -> None:
    """What is split is joined again, with one first, one last and no empty fragment."""
    fragments = list(split(message, size))
    reassembler = Reassembler(200)
    results = [reassembler.add(flags, payload) for flags, payload in fragments]
    assert results == [None] * (len(fragments) - 1) + [message]
    assert all(0 < len(payload) <= size for _, payload in fragments)
    assert not reassembler.active


@pytest.mark.parametrize(("length", "count"), [(1, 1), (MAX_PAYLOAD, 1), (MAX_PAYLOAD + 1, 2), (1 << 20, 17)])
def test_number_of_records(length: int, count: int) -> None:
    """A message takes as few records as possible."""
    assert len(list(split(bytes(length)))) == count


@pytest.mark.parametrize(
    ("sequence", "error"),
    [
        ([(MIDDLE, b"x")], ProtocolError),
        ([(LAST, b"x")], ProtocolError),
        ([(FIRST, b"x"), (FIRST, b"y")], ProtocolError),
        ([(FIRST, b"x"), (WHOLE, b"y")], ProtocolError),
        ([(WHOLE, b"x"), (LAST, b"y")], ProtocolError),
        ([(WHOLE, b"")], MalformedError),
        ([(FIRST, b"")], MalformedError),
        ([(FIRST, b"x"), (MIDDLE, b"")], MalformedError),
        ([(FIRST, b"x"), (LAST, b"")], MalformedError),
        ([(FIRST, b"x" * 8), (LAST, b"y" * 3)], LimitError),
        ([(WHOLE, b"x" * 11)], LimitError),
    ],
    ids=[
        "middle-alone",
        "last-alone",
        "two-firsts",
        "whole-within",
        "last-twice",
        "empty-whole",
        "empty-first",
        "empty-middle",
        "empty-last",
        "too-long-together",
        "too-long-alone",
    ],
)
def test_each_defect_is_an_error(sequence: list[tuple[int, bytes]], error: type[SipcError]) -> None:
    """One wrong fragment is enough, and it never yields a message."""
    reassembler = Reassembler(10)
    for flags, payload in sequence[:-1]:
        reassembler.add(flags, payload)
    with pytest.raises(error):
        reassembler.add(*sequence[-1])


def test_a_message_of_exactly_the_limit_is_accepted() -> None:
    """The limit is the longest that passes."""
    assert Reassembler(10).add(WHOLE, b"x" * 10) == b"x" * 10


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=4)), max_size=8))
def test_no_sequence_yields_a_message_that_was_not_sent(sequence: list[tuple[int, bytes]]) -> None:
    """Whatever comes out is the concatenation of one first-to-last run of non-empty fragments."""
    reassembler = Reassembler(12)
    run: list[bytes] = []
    for flags, payload in sequence:
        run = [payload] if flags & FIRST else [*run, payload]
        try:
            message = reassembler.add(flags, payload)
        except SipcError:
            return
        if message is not None:
            assert message == b"".join(run)
            assert flags & LAST
