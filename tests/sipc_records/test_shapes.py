"""Messages by their shape: the shortcut never says anything else than the general code."""

from hypothesis import given
from hypothesis import strategies as st

from sipc import cbor, shapes
from sipc.envelope import Kind, build, check_fields, encode
from sipc.errors import MalformedError
from sipc.outgoing import message

NUMBERS = st.one_of(
    st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
METHODS = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}(\.[a-z][a-z0-9_]{0,8}){1,7}", fullmatch=True).filter(
        lambda text: len(text) <= 128
    ),
    st.sampled_from(["a.b", "a." + "b" * 21, "a." + "b" * 22, "a." + "b" * 126]),
)
BODIES = st.one_of(
    st.binary(max_size=80), st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 1 << 20]).map(bytes)
)
BUDGETS = st.integers(1, 600_000)

REQUESTS = st.builds(
    lambda mid, method, budget, body: (Kind.REQUEST, mid, {4: method, 7: budget, 14: body}),
    NUMBERS,
    METHODS,
    BUDGETS,
    BODIES,
)
EVENTS = st.builds(
    lambda mid, method, body: (Kind.EVENT, mid, {4: method, 14: body}), NUMBERS, METHODS, BODIES
)
RESPONSES = st.builds(
    lambda mid, corr, body: (Kind.RESPONSE, mid, {3: corr, 14: body, 15: 0}), NUMBERS, NUMBERS, BODIES
)
MESSAGES = st.one_of(REQUESTS, EVENTS, RESPONSES)
Parts = tuple[Kind, int, dict[int, cbor.Value]]


def general(data: bytes) -> object:
    """What the general code makes of a message: its fields, or None if it refuses them."""
    try:
        fields = cbor.decode(data)
        if not isinstance(fields, dict):
            return None
        check_fields(fields)
    except MalformedError:
        return None
    return fields


@given(MESSAGES)
def test_a_shape_is_what_the_general_code_makes(parts: Parts) -> None:
    """Every message of a shape is matched, and gives the same fields in the same order."""
    data = encode(build(*parts))
    found = shapes.decode(data)
    assert found == cbor.decode(data)
    assert found is not None
    assert list(found) == sorted(found)  # type: ignore[type-var]


@given(MESSAGES)
def test_encoding_by_shape_gives_the_same_bytes(parts: Parts) -> None:
    """Pieces put together are the one encoding; so is that of the single pass."""
    kind, mid, fields = parts
    if kind is Kind.REQUEST:
        pieces = shapes.request(mid, fields[4], fields[7], fields[14])  # type: ignore[arg-type]
    elif kind is Kind.EVENT:
        pieces = shapes.event(mid, fields[4], fields[14])  # type: ignore[arg-type]
    else:
        pieces = shapes.response(mid, fields[3], fields[14])  # type: ignore[arg-type]
    expected = encode(build(kind, mid, fields))
    assert b"".join(pieces) == expected
    assert message(kind, mid, fields) == expected


@given(MESSAGES, st.data())
def test_a_spoiled_message_is_never_taken_for_a_good_one(parts: Parts, data: st.DataObject) -> None:
    """One byte changed, removed or added: the shortcut accepts at most what the general code accepts."""
    good = encode(build(*parts))
    where = data.draw(st.integers(0, min(len(good), 200) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    for spoiled in (
        good[:where] + byte + good[where + 1 :],
        good[:where] + good[where + 1 :],
        good[:where] + byte + good[where:],
        good + byte,
        good[:-1],
    ):
        found = shapes.decode(spoiled)
        assert found is None or found == general(spoiled)


@given(
    st.binary(max_size=64), st.sampled_from([b"\xa6\x00\x01\x01\x00\x02", b"\xa6\x00\x01\x01\x01\x02", b""])
)
def test_arbitrary_bytes(rest: bytes, start: bytes) -> None:
    """Whatever comes, the shortcut does not raise and agrees or leaves it alone."""
    found = shapes.decode(start + rest)
    assert found is None or found == general(start + rest)


def test_limits_are_those_of_the_general_code() -> None:
    """Too long a body, a budget out of range, a method that is none: left to the code that refuses them."""
    for spoiled in (
        b"".join(shapes.event(0, "a.b", bytes((1 << 20) + 1))),
        b"".join(shapes.request(0, "a.b", 600_001, b"")),
        b"".join(shapes.request(0, "a.b", 0, b"")),
        b"".join(shapes.request(0, "a", 1, b"")),
        b"".join(shapes.event(0, "A.b", b"")),
    ):
        assert shapes.decode(spoiled) is None
        assert general(spoiled) is None
