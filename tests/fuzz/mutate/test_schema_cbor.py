"""CBOR in a schema: canonical after a change, or broken on purpose, and cbor2 says which."""

import io

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structures import CLAIMS, chance, check_laws

from ipc_gauntlet.fuzz.mutate.cbor import ANY, CborMap, CborSimple, CborTuple, Entry, key_bytes
from ipc_gauntlet.fuzz.mutate.cbor_items import head, number
from ipc_gauntlet.fuzz.mutate.schema import Schema

claims, anything = Schema(CLAIMS), Schema(ANY)
seeds = st.integers(0, 2**32)


def is_canonical(data: bytes) -> bool:
    """Whether cbor2 reads exactly one value in it and writes the same bytes."""
    stream = io.BytesIO(data)
    try:
        value = cbor2.load(stream)
        return cbor2.dumps(value, canonical=True) == data and not stream.read()
    except Exception:  # noqa: BLE001 - whatever it says, it is not canonical
        return False


@given(st.integers(-(2**64), 2**64 - 1))
def test_numbers_are_those_of_cbor(value: int) -> None:
    """Every number in its shortest form."""
    assert number(value) == cbor2.dumps(value)
    assert len(head(0, 5, wider=2)) == 3


@given(seeds)
def test_what_is_made_is_canonical(seed: int) -> None:
    """Keys ascend by their bytes, whatever order they were declared in."""
    for schema in (claims, anything):
        assert is_canonical(schema.generate(chance(seed)))
    value = cbor2.loads(claims.generate(chance(seed)))
    assert set(value) >= {1, 4, -65537}


@given(st.binary(max_size=80), seeds)
def test_any_bytes(data: bytes, seed: int) -> None:
    """Also half a head, reserved lengths, breaks without a beginning."""
    for schema in (claims, anything):
        assert schema.read(data).joined() == data
        check_laws(schema, data, seed)


@given(seeds, seeds)
def test_changed_values_are_read_without_loss(seed: int, other: int) -> None:
    """What the mutators break is read as it stands."""
    rng = chance(other)
    data = claims.generate(chance(seed))
    for _ in range(6):
        data = claims.mutate(data, rng)[:2000]
        assert claims.read(data).joined() == data
    check_laws(claims, data, seed)


def test_most_changes_keep_it_canonical_and_all_ways_to_break_it_occur() -> None:
    """Both kinds are needed: one gets past the decoder, the other tests it."""
    rng, canonical, broken = chance(3), 0, []
    for _ in range(4000):
        data = claims.mutate(claims.generate(rng), rng)
        if is_canonical(data):
            canonical += 1
        else:
            broken.append(data)
    assert 1800 < canonical < 3400
    joined = b"".join(broken)
    assert b"\xbf" in joined or b"\x9f" in joined, "indefinite lengths"
    assert any(b"\xfb" in one or b"\xf9" in one or b"\xfa" in one for one in broken), "floats"
    assert any(b"\xd8" in one or b"\xc1" in one or b"\xd2" in one for one in broken), "tags"
    assert any(b"\xed\xa0\x80" in one for one in broken), "a surrogate"
    assert any(b"\x81\x81\x81\x81" in one for one in broken), "deep nesting"
    assert any(_twice(one) for one in broken), "a key that is there twice"
    assert any(_descending(one) for one in broken), "keys out of order"
    assert any(one[:-1] and is_canonical(one[:-1]) for one in broken), "bytes behind the end"


def _keys(data: bytes) -> list[bytes]:
    root = claims.read(data).children[0]  # type: ignore[index]
    pairs = (root.children or [])[1:] if data[:1] and data[0] >> 5 == 5 else []
    return [pair.children[0].joined() for pair in pairs if pair.children]


def _twice(data: bytes) -> bool:
    keys = _keys(data)
    return len(set(keys)) < len(keys)


def _descending(data: bytes) -> bool:
    keys = _keys(data)
    return keys != sorted(keys)


def test_reducing_takes_away_what_is_not_needed() -> None:
    """A map in which only the presence of key 4 matters."""
    data = claims.generate(chance(9))

    def interesting(one: bytes) -> bool:
        return is_canonical(one) and isinstance(value := cbor2.loads(one), dict) and 4 in value

    assert interesting(data)
    while (less := next((one for one in claims.smaller(data) if interesting(one)), None)) is not None:
        data = less
    assert data == bytes.fromhex("a10400")


def test_broken_spellings_can_be_kept_while_reducing() -> None:
    """A longer head is what makes the input interesting: it has to survive."""
    data = bytes.fromhex("a3 01 6161 04 1805 1840 f4".replace(" ", ""))
    less = list(anything.smaller(data))
    assert any(b"\x18\x05" in one for one in less)


def test_keys_name_the_values() -> None:
    """In findings."""
    schema = Schema(
        CborMap("map", (Entry("a", CborTuple("pair", (CborSimple("flag"), ANY))), Entry(b"b", ANY)))
    )
    told = {
        part.path: part.value
        for part in schema.explain(bytes.fromhex("a2 4162 05 6161 82 f5 f93c00".replace(" ", "")))
    }
    assert told["map.value"] == "5"
    assert told["map.pair.flag"] == "true"
    assert told["map"] == "map of 2"
    values = [part.value for part in anything.explain(bytes.fromhex("825803616263") + b"\x63abc")]
    assert values == [
        "array of 2",
        "array 2",
        "3 bytes 616263",
        "bytes 3 (not canonical)",
        "616263",
        "'abc'",
        "text 3",
        "'abc'",
    ]


@pytest.mark.parametrize("key", [0, 23, 24, -1, -65537, "a", b"b"])
def test_keys_are_encoded_as_cbor(key: int | str | bytes) -> None:
    """Numbers, texts, byte strings."""
    assert key_bytes(key) == cbor2.dumps(key)
