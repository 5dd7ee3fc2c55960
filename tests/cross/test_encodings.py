"""The same bytes to both implementations: what one accepts the other accepts, and they read the same in it."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sipc.cbor
import sipc.control
import sipc.errors
import sipc.negotiation
import sipc.suites
from ipc_gauntlet.peer import cbor, negotiation
from ipc_gauntlet.peer.payloads import PayloadError, chain_of, names_of, pack
from ipc_gauntlet.peer.records import RecordError, RecordType, check_values, control_map
from sipc.errors import SipcError
from sipc.handshake_payload import read_certificates, read_names

scalars = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
    | st.booleans()
    | st.none()
)
keys = st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=4) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


def by_peer(data: bytes) -> Any:  # noqa: ANN401 - any value
    try:
        return ("value", cbor.decode(data))
    except cbor.CborError:
        return ("refused", None)


def by_reference(data: bytes) -> Any:  # noqa: ANN401 - any value
    try:
        return ("value", sipc.cbor.decode(data))
    except SipcError:
        return ("refused", None)


def same(one: object, other: object) -> bool:
    """Equality that tells True from 1, at every depth."""
    return repr(one) == repr(other)


@given(values)
def test_both_encode_the_same(value: Any) -> None:  # noqa: ANN401 - any value
    """One value has one encoding, and both decode it to itself."""
    data = cbor.encode(value)
    assert data == sipc.cbor.encode(value)
    assert same(by_peer(data), by_reference(data))


BROKEN = [
    cbor.wide(1, 1),
    cbor.wide(1),
    cbor.wide(-1, 2),
    cbor.wide(b"x", 4),
    cbor.wide("x", 1),
    cbor.pairs([(2, 0), (1, 0)]),
    cbor.pairs([(1, 0), (1, 0)]),
    cbor.pairs([(True, 0)]),
    cbor.pairs([([], 0)]),
    cbor.indefinite(b"x"),
    cbor.indefinite("x"),
    cbor.indefinite([1]),
    cbor.indefinite({1: 1}),
    cbor.tagged(1, 1),
    cbor.floating(1.0),
    cbor.simple(23),
    cbor.simple(255),
    cbor.text_of(b"\xff"),
    cbor.text_of(b"\xed\xa0\x80"),
    cbor.Raw(b""),
    cbor.Raw(b"\x01\x01"),
    cbor.Raw(b"\x41"),
    cbor.Raw(cbor.head(4, 1025) + bytes(1025)),
    cbor.Raw(cbor.head(2, (1 << 20) + 1) + bytes((1 << 20) + 1)),
]


@pytest.mark.parametrize("value", BROKEN, ids=lambda one: one.data[:12].hex() or "nothing")
def test_both_refuse_every_other_spelling(value: cbor.Raw) -> None:
    """What the peer can spoil, both refuse."""
    assert by_peer(value.data) == by_reference(value.data) == ("refused", None)


@pytest.mark.parametrize("levels", [15, 16, 17])
def test_both_draw_the_line_at_the_same_depth(levels: int) -> None:
    """16 containers within each other."""
    data = cbor.encode(cbor.nested(levels))
    assert by_peer(data)[0] == by_reference(data)[0] == ("value" if levels <= 16 else "refused")


@given(st.binary(max_size=24) | values.map(cbor.encode).flatmap(lambda data: mutated(data)))
@example(b"\xa2\x01\x00\x20\x00")
@example(b"\xa2\x20\x00\x01\x00")
def test_both_read_the_same_in_any_bytes(data: bytes) -> None:
    """Random bytes and spoiled encodings."""
    assert same(by_peer(data), by_reference(data))


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """An encoding with one byte changed."""
    return st.builds(
        lambda at, byte: data[:at] + bytes([byte]) + data[at + 1 :],
        st.integers(0, max(0, len(data) - 1)),
        st.integers(0, 255),
    )


offers = st.builds(
    negotiation.Offer,
    st.integers(0, 5),
    st.integers(0, 130),
    st.integers(0, 130),
    st.lists(st.integers(0, 0xFFFF) | st.sampled_from([1, 2, 0x11, 0x0A0A]), max_size=17).map(tuple),
    st.binary(max_size=66),
    st.sampled_from([b"svc", b"", b"\xff", b"x" * 255, "dienst-ü".encode()]),
)


def read(decode: Any, data: bytes, *problems: type[Exception]) -> bool:  # noqa: ANN401 - two kinds of functions
    try:
        decode(data)
    except problems:
        return False
    return True


def parsed(data: bytes) -> sipc.negotiation.Offer:
    """What the reference does with the first negotiation field."""
    if sipc.negotiation.kind_of(data) is not sipc.negotiation.Kind.OFFER:
        raise sipc.errors.MalformedError("not an OFFER")
    return sipc.negotiation.Offer.parse(data)


@given(offers.map(lambda offer: offer.encode()) | offers.flatmap(lambda offer: mutated(offer.encode())))
@example(negotiation.Offer(1, 1, 1, (1,), b"", b"").encode())
@example(negotiation.Offer(1, 1, 1, (1,), b"", b"s").encode())
@example(negotiation.Offer(1, 1, 1, (1,), b"x" * 65, b"s").encode())
def test_both_accept_the_same_offers(data: bytes) -> None:
    """Versions, numbers and lengths out of range, and every changed byte."""
    ours = read(negotiation.Offer.decode, data, negotiation.NegotiationError)
    assert ours == read(parsed, data, SipcError)


@given(
    offers,
    st.integers(1, 127),
    st.integers(1, 127),
    st.lists(st.sampled_from([1, 2]), min_size=1, unique=True),
)
def test_both_select_the_same(offer: negotiation.Offer, low: int, high: int, suites: list[int]) -> None:
    """Selection is a function of offer and policy, and both have the same one."""
    known = low == 1 or low <= 127 <= high  # a policy without a known version is refused where it is made
    if low > high or not known or not read(parsed, offer.encode(), SipcError):
        return
    ours = negotiation.select(offer, negotiation.Policy(low, high, tuple(suites)))
    policy = sipc.negotiation.Policy((low, high), tuple(sipc.suites.SUITES[number] for number in suites))
    theirs = sipc.negotiation.select(sipc.negotiation.Offer.parse(offer.encode()), policy)
    expected = (
        (theirs.version, theirs.suite) if isinstance(theirs, sipc.negotiation.Selection) else int(theirs)
    )
    assert ours == expected


NUMBERS = (
    st.sampled_from([-1, 0, 1, 2, 255, 256, 1023, 1024, 65535, 65536, 1 << 24, 86_400_000, 1 << 32, 1 << 63])
    | scalars
)
FEATURES = (
    st.lists(st.sampled_from([0, 1, 2, 65535, 65536, True]), max_size=4) | st.just(list(range(65))) | scalars
)
LIMITS = [[], [[]], [[[]]], b"s" * 1024, b"s" * 1025, [0] * 128, [0] * 129]
EXTRA = st.dictionaries(
    st.sampled_from([3, 5, 63, 64, 70, -1, "a"]), scalars | st.sampled_from(LIMITS), max_size=1
)


def control(*members: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Encodings of maps that are often nearly right."""
    whole = st.tuples(st.tuples(*members).map(lambda row: dict(enumerate(row))), EXTRA)
    return whole.map(lambda both: cbor.encode({**both[0], **both[1]})) | st.binary(max_size=6)


def taken(kind: RecordType, keys: set[int], data: bytes) -> bool:
    """Whether the peer finds nothing wrong with a control record."""
    try:
        check_values(kind, control_map(data, keys))
    except RecordError:
        return False
    return True


@given(control(NUMBERS, NUMBERS, NUMBERS, NUMBERS, FEATURES))
@example(cbor.encode({0: 1024, 1: 1, 2: 2, 3: 1, 4: [0, 65535]}))
def test_both_take_the_same_ready(data: bytes) -> None:
    """Keys, ranges, features."""
    assert taken(RecordType.READY, set(range(5)), data) == read(sipc.control.decode_ready, data, SipcError)


@given(control(NUMBERS, NUMBERS, NUMBERS))
@example(cbor.encode({0: 0, 1: 0, 2: 0, 64: [1]}))
@example(cbor.encode({0: 0, 1: 0, 2: 0, 64: [[]]}))
@example(cbor.encode({0: 0, 1: 0, 2: 0, 64: [[[]]]}))
@example(cbor.encode({0: 0, 1: 0, 2: 0, 64: b"s" * 1025}))
@example(cbor.encode({0: 0, 1: 0, 2: 0, 64: [0] * 129}))
@example(cbor.encode({0: 0, 1: 0, 2: 0, **dict.fromkeys(range(64, 190), 0)}))
def test_both_take_the_same_close(data: bytes) -> None:
    """Keys and ranges."""
    assert taken(RecordType.CLOSE, {0, 1, 2}, data) == read(sipc.control.decode_close, data, SipcError)


@given(control(NUMBERS, st.sampled_from([b"r" * 8, b"r" * 7, b"r" * 9]) | scalars))
@example(cbor.encode({0: 1, 1: b"r" * 8}))
def test_both_take_the_same_error(data: bytes) -> None:
    """Code and reference."""
    assert taken(RecordType.ERROR, {0, 1}, data) == read(sipc.control.decode_error, data, SipcError)


LEAF = [b"", b"c", b"c" * 8192, b"c" * 8193, "text", 1]
BODIES = (
    st.lists(st.sampled_from(LEAF), max_size=4).map(lambda chain: {1: chain})
    | st.tuples(*2 * [st.sampled_from(["spiffe://a/b", "", "n" * 8192, "n" * 8193, b"a", 1])]).map(
        lambda names: {2: names[0], 3: names[1]}
    )
    | st.dictionaries(st.integers(0, 4), st.sampled_from(["a", b"a", [b"a"], [[b"a"]]]), max_size=3)
)


@given(BODIES.map(cbor.encode) | BODIES.flatmap(lambda body: mutated(cbor.encode(body))))
def test_both_read_the_same_payloads(body: bytes) -> None:
    """Certificates and names of a handshake."""
    for ours, theirs in ((chain_of, read_certificates), (names_of, read_names)):
        try:
            expected = tuple(theirs(pack(body)))
        except SipcError:
            with pytest.raises(PayloadError):
                ours(body)
        else:
            assert tuple(ours(body)) == expected
