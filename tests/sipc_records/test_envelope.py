"""The grammar of messages, key by key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipc import cbor
from sipc.cbor import Key, Value
from sipc.envelope import (
    RULES,
    Envelope,
    Field,
    Kind,
    Label,
    Status,
    UnsupportedEnvelope,
    build,
    decode,
    encode,
    is_method,
)
from sipc.errors import LocalError, MalformedError

GOOD: dict[Kind, dict[Key, Value]] = {
    Kind.REQUEST: {0: 1, 1: 0, 2: 5, 4: "app.echo", 7: 5000, 14: b"x"},
    Kind.RESPONSE: {0: 1, 1: 1, 2: 0, 3: 5, 14: b"x", 15: 0},
    Kind.EVENT: {0: 1, 1: 2, 2: 9, 4: "app.note"},
    Kind.CANCEL: {0: 1, 1: 3, 2: 6, 3: 5},
}
SAMPLES: dict[int, Value] = {
    3: 1,
    4: "a.b",
    5: 2,
    6: bytes(16),
    7: 1,
    8: 0,
    9: "purpose",
    10: b"c",
    11: [["id", "op", b"h"]],
    12: b"",
    13: bytes(25),
    14: {"k": [1, None]},
    15: 0,
    16: {0: bytes(8), 1: True, 2: 5},
    17: [8],
    18: "a",
    19: "b",
    20: bytes(64),
    21: [bytes(16), 7],
}


def message(kind: Kind, **changes: Value) -> bytes:
    """A good message of a kind with some keys changed; `k7=...` sets key 7, `k7=DROP` removes it."""
    fields = dict(GOOD[kind])
    for name, value in changes.items():
        key = int(name[1:])
        fields[key] = value
        if value == "DROP":
            del fields[key]
    return cbor.encode(fields)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_good_message_keeps_its_bytes(kind: Kind) -> None:
    """Decoding and encoding a message gives the same bytes."""
    data = message(kind)
    decoded = decode(data)
    assert decoded.kind is kind
    assert encode(decoded) == data


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("key", [key for key in RULES if key not in {0, 1, 2, 17, 18, 19, 20, 21}])
def test_which_kind_may_carry_which_key(kind: Kind, key: int) -> None:
    """A key is accepted exactly for the kinds of its row."""
    fields = {**GOOD[kind], key: SAMPLES[key]}
    if key == Field.ERR:
        fields.pop(14, None)
        fields[15] = 3 if kind is Kind.RESPONSE else fields.pop(15, None)
        fields = {k: v for k, v in fields.items() if v is not None}
    if kind in RULES[key].allowed:
        assert decode(cbor.encode(fields)).fields[key] == SAMPLES[key]
    else:
        with pytest.raises(MalformedError):
            decode(cbor.encode(fields))


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, key) for key, rule in RULES.items() for kind in sorted(rule.required)]
)
def test_a_required_key_is_required(kind: Kind, key: int) -> None:
    """Each required key is missed."""
    with pytest.raises(MalformedError):
        decode(message(kind, **{f"k{int(key)}": "DROP"}))


BAD_VALUES: list[tuple[Kind, int, Value]] = [
    (Kind.REQUEST, 1, 4),
    (Kind.REQUEST, 1, -1),
    (Kind.REQUEST, 1, None),
    (Kind.REQUEST, 1, True),
    (Kind.REQUEST, 2, -1),
    (Kind.REQUEST, 2, "5"),
    (Kind.REQUEST, 4, "echo"),
    (Kind.REQUEST, 4, b"app.echo"),
    (Kind.REQUEST, 4, "App.echo"),
    (Kind.REQUEST, 4, "a." + "b" * 127),
    (Kind.REQUEST, 5, -1),
    (Kind.REQUEST, 6, bytes(15)),
    (Kind.REQUEST, 6, bytes(33)),
    (Kind.REQUEST, 6, "k" * 16),
    (Kind.REQUEST, 7, 0),
    (Kind.REQUEST, 7, -1),
    (Kind.REQUEST, 7, 600_001),
    (Kind.REQUEST, 7, 2**63),
    (Kind.REQUEST, 7, 2**64 - 1),
    (Kind.REQUEST, 7, None),
    (Kind.REQUEST, 7, True),
    (Kind.REQUEST, 8, 4),
    (Kind.REQUEST, 9, ""),
    (Kind.REQUEST, 9, "x" * 129),
    (Kind.REQUEST, 10, b""),
    (Kind.REQUEST, 11, [["id", "op"]]),
    (Kind.REQUEST, 11, [["id", "op", "hash"]]),
    (Kind.REQUEST, 11, [["i", "o", b"h"]] * 17),
    (Kind.REQUEST, 11, ["hop"]),
    (Kind.REQUEST, 12, bytes(33)),
    (Kind.REQUEST, 13, bytes(24)),
    (Kind.RESPONSE, 3, -1),
    (Kind.RESPONSE, 15, 256),
    (Kind.RESPONSE, 15, -1),
    (Kind.RESPONSE, 15, 3),
    (Kind.RESPONSE, 16, {0: bytes(8)}),
    (Kind.REQUEST, 17, []),
    (Kind.REQUEST, 17, [4, 4]),
    (Kind.REQUEST, 17, ["4"]),
    (Kind.REQUEST, 17, [9]),
    (Kind.REQUEST, 17, [99]),
    (Kind.REQUEST, 20, bytes(63)),
    (Kind.REQUEST, 21, [bytes(15), 1]),
    (Kind.REQUEST, 22, 1),
    (Kind.REQUEST, 63, 1),
    (Kind.EVENT, 24, None),
]


@pytest.mark.parametrize(("kind", "key", "value"), BAD_VALUES)
def test_each_value_has_its_range(kind: Kind, key: int, value: Value) -> None:
    """One value out of range, of the wrong type or under an unknown key refuses the message."""
    with pytest.raises(MalformedError):
        decode(message(kind, **{f"k{key}": value}))


@pytest.mark.parametrize(
    "err", [{0: bytes(7)}, {1: 1}, {2: -1}, {2: 600_001}, {3: 1}, {"0": 1}, [1]], ids=str
)
def test_error_details_are_checked(err: Value) -> None:
    """The details of a failed response have a grammar of their own."""
    fields = {**GOOD[Kind.RESPONSE], 15: 3, 16: err}
    del fields[14]
    with pytest.raises(MalformedError):
        decode(cbor.encode(fields))


@pytest.mark.parametrize("key", [-1, "4", b"\x04"])
def test_keys_are_unsigned_integers(key: Key) -> None:
    """A key of another type is not an extension."""
    with pytest.raises(MalformedError):
        decode(cbor.encode({**GOOD[Kind.EVENT], key: 1}))


@pytest.mark.parametrize("value", [1, [], "text", None, b""])
def test_a_message_is_a_map(value: Value) -> None:
    """Other CBOR values are not messages."""
    with pytest.raises(MalformedError):
        decode(cbor.encode(value))


@pytest.mark.parametrize("key", [64, 1000, 2**64 - 1])
def test_extensions_are_kept(key: int) -> None:
    """Keys from 64 on are ignored and preserved."""
    data = cbor.encode({**GOOD[Kind.EVENT], key: ["anything"]})
    decoded = decode(data)
    assert decoded.extensions == {key: ["anything"]}
    assert encode(decoded) == data


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({0: 2}, Status.SCHEMA_UNSUPPORTED),
        ({0: 0}, Status.SCHEMA_UNSUPPORTED),
        ({17: [64], 64: 1}, Status.SCHEMA_UNSUPPORTED),
        ({17: [11], 11: [["who", "what", b"digest"]]}, Status.SCHEMA_UNSUPPORTED),
        ({18: "somebody"}, Status.DENIED),
        ({20: bytes(64)}, Status.DENIED),
        ({21: [bytes(16), 9]}, Status.DENIED),
    ],
    ids=[
        "version-2",
        "version-0",
        "critical-extension",
        "critical-hops",
        "claims-a-sender",
        "signed",
        "single-use",
    ],
)
def test_what_cannot_be_honoured_is_refused(fields: dict[Key, Value], status: Status) -> None:
    """A well-formed message that asks for more than this implementation can do is refused, not obeyed."""
    with pytest.raises(UnsupportedEnvelope) as caught:
        decode(cbor.encode({**GOOD[Kind.REQUEST], **fields}))
    assert caught.value.status is status
    assert caught.value.envelope.mid == 5


def test_known_critical_keys_are_understood() -> None:
    """Listing keys that are honoured changes nothing."""
    assert decode(message(Kind.REQUEST, k17=[4, 7, 17])).method == "app.echo"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a.b", True),
        ("a.b.c.d.e.f.g.h", True),
        ("a1_.b_2", True),
        ("a" * 64 + "." + "b" * 63, True),
        ("a.b.c.d.e.f.g.h.i", False),
        ("a", False),
        ("", False),
        (".a", False),
        ("a.", False),
        ("a..b", False),
        ("a.1b", False),
        ("a.B", False),
        ("a.b\n", False),
        ("a.b ", False),
        ("a.\u00e9", False),
        ("a.b\u0660", False),
        ("a" * 64 + "." + "b" * 64, False),
    ],
)
def test_method_grammar(text: str, good: bool) -> None:
    """Two to eight lower-case parts, 128 bytes at most."""
    assert is_method(text) is good


def test_defaults() -> None:
    """Missing label means restricted; missing schema means 1."""
    event = decode(message(Kind.EVENT))
    assert event.label is Label.RESTRICTED
    assert event.schema == 1
    assert (event.body, event.okey, event.purpose, event.trace, event.idem) == (None, None, None, None, None)


def test_typed_view() -> None:
    """Each property shows its key."""
    fields = {4: "a.b", 5: 3, 6: bytes(16), 7: 20, 8: 1, 9: "p", 12: b"o", 13: bytes(25), 14: [1]}
    request = build(Kind.REQUEST, 7, fields)
    assert (request.kind, request.mid, request.method, request.schema) == (Kind.REQUEST, 7, "a.b", 3)
    assert (request.idem, request.budget_ms, request.label) == (bytes(16), 20, Label.INTERNAL)
    assert (request.purpose, request.okey, request.trace, request.body) == ("p", b"o", bytes(25), [1])
    response = build(Kind.RESPONSE, 0, {3: 7, 15: 3, 16: {1: True}})
    assert (response.corr, response.status, response.retryable) == (7, Status.BUSY, True)
    assert not build(Kind.RESPONSE, 0, {3: 7, 15: 4}).retryable


def test_nothing_wrong_can_be_built() -> None:
    """The sender is held to the same grammar."""
    with pytest.raises(LocalError):
        build(Kind.REQUEST, 0, {4: "not a method", 7: 5})


def test_the_body_stays_out_of_the_representation() -> None:
    """What is logged about a message does not show its content."""
    assert "secret" not in repr(build(Kind.EVENT, 0, {4: "a.b", 14: "secret"}))


def test_messages_compare_by_content() -> None:
    """Two equal messages are equal."""
    assert decode(message(Kind.EVENT)) == Envelope(dict(GOOD[Kind.EVENT]))
    assert decode(message(Kind.EVENT)) != decode(message(Kind.CANCEL))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70) | st.binary(max_size=33) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 3), inner, max_size=3),
    max_leaves=4,
)


@given(
    st.sampled_from(Kind),
    st.dictionaries(st.integers(0, 66), values, max_size=3),
    st.sets(st.integers(0, 21), max_size=1),
)
def test_decoding_succeeds_canonically_or_fails_as_declared(
    kind: Kind, changes: dict[int, Value], drops: set[int]
) -> None:
    """Mutated messages are either the one encoding of what they mean, or refused by a declared error."""
    fields: dict[Key, Value] = {**GOOD[kind], **changes}
    data = cbor.encode({key: value for key, value in fields.items() if key not in drops})
    try:
        decoded = decode(data)
    except (MalformedError, UnsupportedEnvelope):
        return
    assert encode(decoded) == data


@given(st.binary(max_size=80))
def test_random_bytes_are_refused_as_declared(data: bytes) -> None:
    """No bytes raise anything else."""
    try:
        decoded = decode(data)
    except (MalformedError, UnsupportedEnvelope):
        return
    assert encode(decoded) == data
