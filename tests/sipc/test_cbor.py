"""Deterministic CBOR against cbor2's canonical encoder, a slow decoder that is easy to believe, and bad input."""

import enum
import io
import itertools
import math

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sipc.cbor import DEFAULT, Encodable, Key, Limits, Value, decode, encode
from sipc.errors import LocalError, MalformedError

U64 = 2**64
KEYS = st.integers(-U64, U64 - 1) | st.binary(max_size=30) | st.text(max_size=30)
VALUES = st.recursive(
    st.integers(-U64, U64 - 1)
    | st.binary(max_size=300)
    | st.text(max_size=80)
    | st.booleans()
    | st.none()
    | st.sampled_from(
        [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, U64 - 1, -24, -25, -256, -257, -U64]
    ),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(KEYS, inner, max_size=30),
    max_leaves=40,
)


def same(left: object, right: object) -> bool:
    """Equality that tells 1 from True."""
    return repr(left) == repr(right)


class Obvious:
    """A decoder written from the text of the RFC, one byte at a time, without any thought of speed."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def take(self, count: int) -> bytes:
        got = self.file.read(count)
        if len(got) != count:
            raise ValueError("ends early")
        return got

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, info = divmod(first, 32)
        if info < 24:
            return major, info
        if info > 27 or major == 7:
            raise ValueError("reserved, indefinite, float or simple")
        width = {24: 1, 25: 2, 26: 4, 27: 8}[info]
        value = sum(byte << (8 * place) for place, byte in enumerate(reversed(self.take(width))))
        if width != next(w for w in (0, 1, 2, 4, 8) if value < (24 if w == 0 else 256**w)):
            raise ValueError("not the shortest")
        return major, value

    def item(self, depth: int) -> object:
        major, value = self.head()
        if major in (0, 1):
            return value if major == 0 else -1 - value
        if major in (2, 3):
            if value > DEFAULT.string:
                raise ValueError("string too long")
            raw = self.take(value)
            return raw if major == 2 else raw.decode("utf-8")
        if major == 7:
            return {20: False, 21: True, 22: None}[value]
        if major == 6 or depth >= DEFAULT.depth or value > DEFAULT.entries:
            raise ValueError("tag, too deep or too many")
        if major == 4:
            return [self.item(depth + 1) for _ in range(value)]
        result = {}
        keys = []
        for _ in range(value):
            start = self.file.tell()
            key = self.item(DEFAULT.depth)
            if isinstance(key, bool) or key is None:
                raise ValueError("key type")
            keys.append(self.file.getvalue()[start : self.file.tell()])
            result[key] = self.item(depth + 1)
        if any(not left < right for left, right in itertools.pairwise(keys)):
            raise ValueError("order")
        return result

    def all(self) -> object:
        value = self.item(0)
        if self.file.read(1):
            raise ValueError("trailing")
        return value


@given(VALUES)
def test_encoding_equals_cbor2_canonical_and_comes_back(value: Value) -> None:
    """Every value of the subset has the encoding that cbor2 calls canonical, and decodes to itself."""
    encoded = encode(value)
    # cbor2 orders keys of different types by length (RFC 7049), we by bytes (RFC 8949).
    if not mixes_key_types(value):
        assert encoded == cbor2.dumps(value, canonical=True)
    assert same(decode(encoded), cbor2.loads(encoded))
    assert decode(encoded) == value


def mixes_key_types(value: Value) -> bool:
    if isinstance(value, dict):
        kinds = {type(key) if not isinstance(key, int) else key < 0 for key in value}
        return len(kinds) > 1 or any(map(mixes_key_types, value.values()))
    return isinstance(value, list) and any(map(mixes_key_types, value))


@given(st.binary(max_size=60))
@example(b"\xff")
@example(b"\xa1\xf5\x00")
@example(b"\xa1\x80\x00")
@example(b"\xa2\x01\x00\x01\x00")
@example(b"\x18\x17")
@example(b"\x63\xed\xa0\x80")
def test_agrees_with_the_obvious_decoder_on_any_bytes(data: bytes) -> None:
    """Both decoders accept the same byte strings with the same values, and accepted bytes encode back."""
    compare(data)


@given(VALUES, st.data())
def test_agrees_with_the_obvious_decoder_near_valid_encodings(value: Value, data: st.DataObject) -> None:
    """The decoders agree on encodings with one byte changed, removed or added."""
    encoded = bytearray(encode(value))
    position = data.draw(st.integers(0, len(encoded) - 1))
    kind = data.draw(st.sampled_from(["change", "remove", "add", "cut"]))
    if kind == "change":
        encoded[position] = data.draw(st.integers(0, 255))
    elif kind == "remove":
        del encoded[position]
    elif kind == "add":
        encoded.insert(position, data.draw(st.integers(0, 255)))
    else:
        del encoded[position:]
    compare(bytes(encoded))


def compare(data: bytes) -> None:
    try:
        expected = Obvious(data).all()
    except (ValueError, KeyError):
        with pytest.raises(MalformedError):
            decode(data)
        return
    assert same(decode(data), expected)
    assert encode(decode(data)) == data


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("", id="empty"),
        pytest.param("1800", id="0 in two bytes"),
        pytest.param("190017", id="23 in three bytes"),
        pytest.param("1900ff", id="255 in three bytes"),
        pytest.param("1a0000ffff", id="65535 in five bytes"),
        pytest.param("1b00000000ffffffff", id="2^32-1 in nine bytes"),
        pytest.param("3800", id="-1 in two bytes"),
        pytest.param("5800", id="long head of an empty byte string"),
        pytest.param("5f4100ff", id="indefinite byte string"),
        pytest.param("7f6100ff", id="indefinite text"),
        pytest.param("9f00ff", id="indefinite array"),
        pytest.param("bf0000ff", id="indefinite map"),
        pytest.param("1c", id="reserved head 28"),
        pytest.param("1f", id="integer with head 31"),
        pytest.param("c000", id="tag"),
        pytest.param("f7", id="undefined"),
        pytest.param("f800", id="simple value in two bytes"),
        pytest.param("f820", id="simple value 32"),
        pytest.param("f90000", id="half float"),
        pytest.param("fb0000000000000000", id="double float"),
        pytest.param("0000", id="two values"),
        pytest.param("a201000100", id="duplicate key"),
        pytest.param("a202000100", id="descending keys"),
        pytest.param("a262616100617a00", id="text keys in dictionary order"),
        pytest.param("a120", id="key without value"),
        pytest.param("a1f500", id="true as a key"),
        pytest.param("a18000", id="array as a key"),
        pytest.param("a1a000", id="map as a key"),
        pytest.param("61ff", id="text that is not UTF-8"),
        pytest.param("62c080", id="overlong UTF-8"),
        pytest.param("63eda080", id="encoded surrogate"),
        pytest.param("5bffffffffffffffff", id="byte string of 2^64-1"),
        pytest.param("9bffffffffffffffff", id="array of 2^64-1"),
        pytest.param("bbffffffffffffffff", id="map of 2^64-1"),
        pytest.param("5a00100001", id="byte string beyond the limit"),
        pytest.param("990401", id="1025 entries"),
        pytest.param("81" * 17 + "00", id="17 levels"),
        pytest.param("81" * 2000, id="2000 levels"),
        pytest.param("a100" * 2000, id="2000 maps"),
    ],
)
def test_everything_else_is_malformed(bad: str) -> None:
    """Each of these has a shorter spelling, a forbidden type or an absurd size, and is refused."""
    with pytest.raises(MalformedError):
        decode(bytes.fromhex(bad))


def test_limits_hold_on_both_sides_of_the_codec() -> None:
    """The deepest, widest and longest legal value passes; one more fails in `encode` and in `decode`."""
    deepest: Value = 0
    for _ in range(DEFAULT.depth):
        deepest = [deepest]
    for value, over in (
        (deepest, [deepest]),
        ([0] * DEFAULT.entries, [0] * (DEFAULT.entries + 1)),
        (dict.fromkeys(range(DEFAULT.entries), 0), dict.fromkeys(range(DEFAULT.entries + 1), 0)),
        (bytes(DEFAULT.string), bytes(DEFAULT.string + 1)),
    ):
        assert decode(encode(value)) == value
        with pytest.raises(LocalError) as local:
            encode(over)
        assert local.value.reason == "limit"
        wide = Limits(depth=17, entries=5000, string=1 << 21)
        with pytest.raises(MalformedError) as remote:
            decode(encode(over, wide))
        assert remote.value.reason == "limit"


def test_a_cyclic_value_is_refused() -> None:
    """A list that contains itself hits the depth limit instead of the interpreter's."""
    cyclic: list[Value] = []
    cyclic.append(cyclic)
    with pytest.raises(LocalError):
        encode(cyclic)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        math.nan,
        U64,
        -U64 - 1,
        "\ud800",
        {"\udfff": 1},
        {True: 1},
        {None: 1},
        {(1,): 1},
        {1.5: 1},
        1j,
        {1},
    ],
    ids=repr,
)
def test_values_outside_the_subset_are_a_local_error(value: object) -> None:
    """What has no encoding here is the caller's mistake, not something to guess about."""
    with pytest.raises(LocalError):
        encode(value)  # type: ignore[arg-type]


def test_true_and_one_are_different_values() -> None:
    """Python's True == 1 must not leak into the encoding."""
    assert encode([True, 1, False, 0]) == bytes.fromhex("84f501f400")
    assert same(decode(bytes.fromhex("84f501f400")), [True, 1, False, 0])


def test_the_programs_own_integer_and_byte_types_are_taken() -> None:
    """Enumerations, tuples and buffers encode as what they stand for."""

    class Number(enum.IntEnum):
        FIVE = 5

    value: dict[int, Encodable] = {Number.FIVE: (Number.FIVE, bytearray(b"a"), memoryview(b"b"))}
    assert encode(value) == encode({5: [5, b"a", b"b"]})


def test_map_keys_are_ordered_by_their_encodings() -> None:
    """RFC 8949 section 4.2.1 orders by bytes: 100 sorts after 10, -1 after both, then strings."""
    shuffled: dict[Key, Value] = {"b": 0, b"a": 0, -1: 0, 100: 0, 10: 0, "aa": 0, -100: 0}
    encoded = encode(shuffled)
    assert encoded == bytes.fromhex("a70a00186400200038630041610061620062616100")
    assert list(decode(encoded)) == [10, 100, -1, -100, b"a", "b", "aa"]  # type: ignore[arg-type]
