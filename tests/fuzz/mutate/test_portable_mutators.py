"""Byte mutators, the dictionary, parts and answers to comparisons: bounded, repeatable, and each does what it is for."""

import ast
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.mutate.bytes import INTERESTING, ByteMutator
from ipc_gauntlet.fuzz.mutate.dictionary import numbers, tokens_of
from ipc_gauntlet.fuzz.mutate.parts import PartMutator, flipped, lengthened, places_of
from ipc_gauntlet.fuzz.mutate.splice import splice
from ipc_gauntlet.fuzz.mutate.state import encodings, places, substituted
from ipc_gauntlet.fuzz.target import Part


def seeded(seed: int) -> Random:
    """Choices that come again."""
    return Random(seed)  # noqa: S311 - not for keys


PARTS = [
    Part(0, 6, "list", "", 0),
    Part(0, 3, "list.item[0]", "", 1),
    Part(0, 1, "list.item[0].tag", "", 2),
    Part(1, 2, "list.item[0].value", "", 2),
    Part(3, 3, "list.item[1]", "", 1),
    Part(3, 1, "list.item[1].tag", "", 2),
    Part(4, 2, "list.item[1].value", "", 2),
]
PLACES = places_of(b"AbbCdd", PARTS)


@given(data=st.binary(max_size=60), other=st.binary(max_size=60), seed=st.integers(0, 1000))
def test_bytes_are_bounded_and_repeatable(data: bytes, other: bytes, seed: int) -> None:
    """For any input, even an empty one, no longer than allowed, and the same for the same seed."""
    made = [
        [mutator.mutate(data, other) for _ in range(20)]
        for mutator in (ByteMutator(seeded(seed), 64, [b"token"]) for _ in range(2))
    ]
    assert made[0] == made[1]
    assert all(len(one) <= 64 for one in made[0])


def test_every_change_to_bytes_happens() -> None:
    """Within some thousand tries: shorter, longer, one bit, a token, a number in either order, a piece of the other."""
    mutator = ByteMutator(seeded(1), 64, [b"TOKEN"])
    data, other = bytes(range(16)), b"\xaa\xbb\xcc\xdd\xee\xff"
    made = [mutator.mutate(data, other) for _ in range(5000)]
    assert any(len(one) < 16 for one in made)
    assert any(len(one) > 16 for one in made)
    assert any(
        len(one) == 16 and sum((a ^ b).bit_count() for a, b in zip(one, data, strict=True)) == 1
        for one in made
    )
    assert any(b"TOKEN" in one for one in made)
    assert any(b"\xbb\xcc\xdd" in one for one in made)
    assert any(b"\xff\xff\xff\x7f" in one for one in made)
    assert any(b"\x7f\xff\xff\xff" in one for one in made)
    assert any(one == data[:3] * 2 + data[3:] or data[4:8] * 2 in one for one in made)


def test_interesting_numbers() -> None:
    """Both orders, no duplicates."""
    assert len(set(INTERESTING)) == len(INTERESTING)
    assert {
        b"\xff",
        b"\x80\x00",
        b"\x00\x80",
        b"\x01\x00\x00\x00\x00" + bytes(3),
        bytes(3) + b"\x01" + bytes(4),
    } <= set(INTERESTING)


@given(first=st.binary(max_size=40), second=st.binary(max_size=40), seed=st.integers(0, 200))
def test_a_splice_is_a_beginning_and_an_end(first: bytes, second: bytes, seed: int) -> None:
    """Of the two, cut to length."""
    made = splice(first, second, seeded(seed), 1000)
    assert any(first.startswith(made[:at]) and second.endswith(made[at:]) for at in range(len(made) + 1))
    assert len(splice(first, second, seeded(seed), 10)) <= 10


def test_a_dictionary_out_of_source() -> None:
    """What stands in the source as a constant, and no text for people."""
    source = '''
"""A docstring."""
MAGIC = b"SIPC"
NAMES = ("offer", "two words", "x" * 3, "")
LIMIT = 0x1234
def f(x):
    """Another."""
    if x == 7 or x < -2 or x is True:
        raise ValueError(f"no {x} of word")
'''
    found = tokens_of(ast.parse(source))
    assert {b"SIPC", b"offer", b"x", b"\x12\x34", b"\x34\x12", b"\x07", b"\x03"} <= set(found)
    assert not any(
        b" " in token or b"docstring" in token or b"Another" in token or not token for token in found
    )
    assert len(found) == len(set(found))


@given(number=st.integers(-(1 << 70), 1 << 70))
def test_numbers_in_the_dictionary(number: int) -> None:
    """Each can be read back; those that fit nowhere are left out."""
    found = numbers(number)
    assert bool(found) == (-(1 << 63) <= number < 1 << 64)
    for token in found:
        readings = {
            int.from_bytes(token, order, signed=signed)
            for order in ("big", "little")
            for signed in (True, False)
        }
        assert number in readings


def test_answers_are_written_where_the_value_stands() -> None:
    """Numbers in each width and order, bytes, words; in either direction."""
    data = b"\x00\x00\x00\x05" + b"GET " + b"\x34\x12" + b"tail"
    made = set(substituted(data, [(5, 6), (b"GET", b"POST"), ("put", "tail"), (0x1234, 0xBEEF)], 100))
    assert b"\x00\x00\x00\x06" + data[4:] in made
    assert data.replace(b"GET", b"POST") in made
    assert data.replace(b"tail", b"put") in made
    assert data.replace(b"\x34\x12", b"\xef\xbe") in made
    assert data not in made
    assert all(len(one) <= len(data) for one in substituted(data, [(b"GET", b"POST")], len(data)))


def test_answers_take_turns() -> None:
    """Who takes a few gets something for each comparison, not everything for the first."""
    data = bytes(32) + b"\x07" * 8 + b"word"
    made = list(substituted(data, [(0, 1), (7, 9), (b"word", b"else")], 100))[:16]
    assert any(one[:32] != bytes(32) for one in made)
    assert any(b"\x09" in one for one in made)
    assert any(one.endswith(b"else") for one in made)


@given(data=st.binary(max_size=30), piece=st.binary(max_size=3))
def test_places(data: bytes, piece: bytes) -> None:
    """All are places, the last first; what is empty stands at the end."""
    found = places(data, piece)
    assert all(data[at : at + len(piece)] == piece for at in found)
    assert found == sorted(set(found), reverse=True)
    assert bool(found) == (piece in data)


@given(have=st.integers(-(1 << 64), 1 << 64), want=st.integers(-(1 << 64), 1 << 64))
def test_encodings_of_numbers(have: int, want: int) -> None:
    """Both sides have the same width."""
    for old, new in encodings(have, want):
        assert len(old) == len(new) or old == str(have).encode()


def test_parts_are_grouped_by_what_they_are() -> None:
    """An index is no other kind."""
    assert set(PLACES.paths) == {"list", "list.item", "list.item.tag", "list.item.value"}
    assert [place.path for place in PLACES.groups] == ["list", "list.item", "list.item"]
    assert len(PLACES.leaves) == 4
    assert set(lengthened(PLACES)) == {b"AbbCddAbbCdd", b"AbbCddCdd"}


def test_small_fields_of_the_last_message_bit_by_bit() -> None:
    """Each bit of the last byte of each, and nothing else."""
    made = list(flipped(PLACES))
    assert len(made) == 16
    assert {b"Abb" + bytes((ord("C") ^ 1 << bit,)) + b"dd" for bit in range(8)} <= set(made)
    assert all(one[:3] == b"Abb" and one[4:5] == b"d" for one in made)
    assert not list(flipped(places_of(b"abc", [Part(0, 3, "all", "", 0)])))


def test_every_change_of_parts_happens() -> None:
    """Copied, left out, put behind the last, exchanged, counted up, taken from elsewhere."""
    other = places_of(b"XyyZzz", PARTS)
    mutator = PartMutator(seeded(3), 64, [b"TT"])
    made = {mutator.mutate(PLACES, other) for _ in range(4000)}
    expected = {
        b"AbbAbbCdd",
        b"AbbCddAbb",
        b"AbbCddXyy",
        b"Cdd",
        b"Abb",
        b"AddCdd",
        b"AzzCdd",
        b"BbbCdd",
        b"AbbCTT",
        b"",
    }
    assert expected <= made


@given(data=st.binary(max_size=20), seed=st.integers(0, 100))
def test_parts_are_bounded(data: bytes, seed: int) -> None:
    """Whatever a structure says about parts, and whatever is known."""
    known = places_of(data, [Part(0, len(data), "all", "", 0), Part(5, 90, "beyond", "", 1)])
    mutator = PartMutator(seeded(seed), 32, [])
    assert all(len(mutator.mutate(known, PLACES)) <= 32 for _ in range(30))
    assert mutator.mutate(places_of(data, []), PLACES) == data
