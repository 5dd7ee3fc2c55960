"""Wire schemas: they read any bytes without losing one, and put right what follows from other fields."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structures import MESSAGE, PADDED, SCHEMAS, chance, check_laws, check_parts, crc

from ipc_gauntlet.fuzz.mutate.fields import MOST_NODES, Raw
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Const, Int, Length, Padding, Record, Repeat, Schema, Until

whole = st.sampled_from(SCHEMAS)
seeds = st.integers(0, 2**32)
near = st.tuples(whole, seeds, seeds).map(
    lambda row: row[0].mutate(row[0].generate(chance(row[1])), chance(row[2]))
)
messages = Schema(MESSAGE)


def parse(data: bytes) -> bytes:
    """A strict reader of MESSAGE, without the schema: returns the body."""
    size = int.from_bytes(data[4:6])
    if data[:3] != b"MSG" or data[3] > 2 or len(data) != size + 10 or crc(data[:-4]) != data[-4:]:
        raise ValueError
    body = data[6:-4]
    if data[3] == 1 and len(body) != 1 + 2 * body[0]:
        raise ValueError
    return body


@given(whole, st.binary(max_size=200) | near, seeds)
def test_any_bytes(schema: Schema, data: bytes, seed: int) -> None:
    """They are read, changed, reduced and explained, whatever they are."""
    assert schema.read(data).joined() == data
    check_laws(schema, data, seed)


@given(seeds)
def test_what_is_made_is_valid(seed: int) -> None:
    """Lengths, counts and checksums fit; a kind that means nothing is rare."""
    data = messages.generate(chance(seed))
    assert int.from_bytes(data[4:6]) == len(data) - 10
    assert zlib.crc32(data[:-4]) == int.from_bytes(data[-4:])


def test_changes_keep_the_rest_in_order() -> None:
    """Most changed inputs still have the right length and checksum, and some have not; both are wanted."""
    rng, right, changed = chance(5), 0, 0
    for _ in range(1000):
        before = messages.generate(rng)
        data = messages.mutate(before, rng)
        changed += data != before
        try:
            parse(data)
        except (ValueError, IndexError):
            continue
        right += 1
    assert changed > 950
    assert 500 < right < 950


def test_every_field_is_changed() -> None:
    """Nothing stays as it is for ever: each byte of a message is something else some time."""
    rng = chance(1)
    data = next(one for one in (messages.generate(rng) for _ in range(1000)) if one[3] == 2 and len(one) > 12)
    same = [True] * len(data)
    for _ in range(800):
        for at, (one, other) in enumerate(zip(data, messages.mutate(data, rng), strict=False)):
            same[at] = same[at] and one == other
    assert not any(same)


def test_reducing_ends_at_the_least_message_that_is_still_interesting() -> None:
    """What a minimiser does with the candidates: here everything with number 7 in a list is interesting."""
    body = bytes((5,)) + b"".join(n.to_bytes(2) for n in (1, 2, 7, 9, 4))
    text = b"MSG\x01" + len(body).to_bytes(2) + body
    data = text + crc(text)

    def interesting(one: bytes) -> bool:
        try:
            return one[3:4] == b"\x01" and b"\0\x07" in parse(one)
        except (ValueError, IndexError):
            return False

    assert interesting(data)
    while (less := next((one for one in messages.smaller(data) if interesting(one)), None)) is not None:
        data = less
    assert parse(data) == b"\x01\0\x07"


def test_fields_are_named() -> None:
    """With their values, and what belongs to no field as `rest`."""
    text = b"MSG\x01\0\x05\x02\0\x07\0\x08"
    parts = messages.explain(text + crc(text) + b"??")
    told = {part.path: part.value for part in parts}
    assert told["message.kind"] == "1 (list)"
    assert told["message.size"] == "5"
    assert told["message.body.list.items.number[1]"] == "8"
    assert told["rest"] == b"??".hex()
    broken = {part.path: part.value for part in messages.explain(text[:4] + b"\0\xc8" + text[6:] + crc(b""))}
    assert broken["message.size"] == "200 (wrong)"
    assert told["message.crc"] == crc(text).hex()
    wrong = {part.path: part.value for part in messages.explain(b"XSG")}
    assert "not 4d5347" in wrong["message.magic"]


def test_a_wrong_length_stays_wrong_and_is_cut_at_the_end() -> None:
    """What was broken when it was read is part of what makes the input interesting."""
    schema = Schema(Record("", (Length("size", of=("body",)), Bytes("body"), Const("end", b"."))))
    node = schema.read(b"\x09abc")
    assert [child.data for child in node.children[0].children or ()] == [b"\x09", b"abc", b""]  # type: ignore[index]
    assert node.joined() == b"\x09abc"
    kept = {schema.mutate(b"\x09abc", chance(seed))[:1] for seed in range(60)}
    assert b"\x09" in kept


def test_what_is_behind_a_space_belongs_to_it() -> None:
    """A length that is more than its field takes: the bytes left over count into it."""
    schema = Schema(Record("", (Length("size", of=("number",)), Int("number", 2), Bytes("more"))))
    parts = schema.explain(b"\x04\0\x01ab!")
    assert [(part.path, part.length) for part in parts] == [
        ("size", 1),
        ("number[0]", 2),
        ("number[1]", 2),
        ("more", 1),
    ]


def test_fixed_fields_at_the_end_get_their_bytes() -> None:
    """A body without a length ends where the trailer begins."""
    schema = Schema(Record("", (Bytes("body"), Int("trailer", 4))))
    assert [part.length for part in schema.explain(b"body1234")] == [4, 4]


def test_lines_end_where_their_mark_is() -> None:
    """The last one may have none; the mark is a field of its own."""
    lines = Schema(Repeat("lines", Record("line", (Until("text"), Const("end", b"\n")))))
    parts = [(part.path, part.length) for part in lines.explain(b"ab\n\nc") if part.depth == 2]
    assert parts == [
        ("lines.line[0].text", 2),
        ("lines.line[0].end", 1),
        ("lines.line[1].end", 1),
        ("lines.line[2].text", 1),
    ]
    check_laws(lines, b"ab\n\nc", 1)


def test_padding_follows() -> None:
    """It is put right with the rest, whatever the body is."""
    for seed in range(200):
        data = Schema(PADDED).generate(chance(seed))
        assert len(data) % 16 == 0


def test_long_inputs_are_read_in_bounds() -> None:
    """The number of nodes is limited; the bytes are all there."""
    schema = Schema(Repeat("items", Record("item", (Int("a"), Int("b")))))
    data = bytes(50_000)
    node = schema.read(data)
    assert sum(1 for _ in node.walk()) < 2 * MOST_NODES
    assert node.joined() == data
    check_parts(schema.explain(data), data)


def test_pieces_come_from_another_input() -> None:
    """`splice` takes fields of a donor."""
    schema = Schema(Repeat("items", Record("item", (Length("n", of=("text",)), Bytes("text", high=8)))))
    seen = {schema.splice(b"\x03aaa", b"\x0adonor-text", chance(seed)) for seed in range(300)}
    assert b"\x0adonor-text" in seen


@pytest.mark.parametrize("field", [Raw("raw"), Padding("padding"), Int("number", 3, signed=True)])
def test_each_field_alone(field: Raw | Padding | Int) -> None:
    """Also outside of any record."""
    for seed in range(50):
        check_laws(Schema(field), chance(seed).randbytes(seed % 7), seed)
