"""Tokens: one encoding, known claims, one algorithm; and what each claim allows."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sipc import cbor, tokens
from sipc.cbor import Key, Value
from sipc.envelope import Envelope, Kind, build
from sipc.errors import AuthenticationError, LocalError, MalformedError, RemoteError
from sipc.tokens import AUD, CNF, CTI, EXP, IAT, ISS, LABEL, NBF, OPS, PROTECTED, PURPOSE, SUB, USES, Holder

SECRET = b"\x05" * 32
KEY = Ed25519PrivateKey.from_private_bytes(SECRET)
ISSUERS = {"issuer": KEY.public_key().public_bytes_raw()}
NOW = 1_800_000_000
GOOD: dict[Key, Value] = {
    ISS: "issuer",
    SUB: "holder",
    AUD: "service",
    EXP: NOW + 60,
    IAT: NOW,
    CTI: b"c" * 16,
    OPS: ["app.append"],
}
HOLDER = Holder("holder", "service", b"b" * 32, float(NOW))


def request(**changes: Value) -> Envelope:
    """A request to append."""
    names = {"method": 4, "label": 8, "purpose": 9}
    fields: dict[int, Value | None] = {4: "app.append", 7: 1000}
    return build(Kind.REQUEST, 0, fields | {names[name]: value for name, value in changes.items()})


def allows(claims: dict[Key, Value], asked: Envelope | None = None, holder: Holder = HOLDER) -> bool:
    """Whether a token with these claims allows a request."""
    token = tokens.decode(tokens.issue(claims, SECRET), ISSUERS)
    try:
        tokens.judge(token, asked or request(), holder)
    except AuthenticationError:
        return False
    return True


def test_a_good_token() -> None:
    """It allows what it is for."""
    assert allows(GOOD)


@pytest.mark.parametrize(
    ("claims", "asked"),
    [
        ({SUB: "other"}, {}),
        ({AUD: "other"}, {}),
        ({OPS: ["app.read"]}, {}),
        ({OPS: ["app.append.more"]}, {}),
        ({PURPOSE: "this"}, {}),
        ({PURPOSE: "this"}, {"purpose": "that"}),
        ({LABEL: 2}, {}),  # a request without a label has the strictest
        ({LABEL: 1}, {"label": 2}),
        ({CNF: {1: b"x" * 32}}, {}),
        ({EXP: NOW + 61}, {}),
        ({EXP: NOW + 301, LABEL: 2}, {"label": 0}),
        ({EXP: NOW + 901, LABEL: 1}, {"label": 0}),
        ({EXP: NOW + 3601, LABEL: 0}, {"label": 0}),
        ({EXP: NOW, IAT: NOW - 60}, {}),
        ({IAT: NOW + 31, EXP: NOW + 60}, {}),
        ({NBF: NOW + 31}, {}),
    ],
)
def test_what_it_does_not_allow(claims: dict[Key, Value], asked: dict[str, Value]) -> None:
    """Each claim narrows."""
    assert not allows(GOOD | claims, request(**asked))


@pytest.mark.parametrize(
    ("claims", "asked"),
    [
        ({PURPOSE: "this"}, {"purpose": "this"}),
        ({LABEL: 2}, {"label": 2}),
        ({CNF: {1: b"b" * 32}}, {}),
        ({EXP: NOW + 3600, LABEL: 0}, {"label": 0}),
        ({IAT: NOW + 30, EXP: NOW + 60}, {}),
        ({NBF: NOW + 30}, {}),
        ({OPS: ["app.read", "app.append"]}, {}),
    ],
)
def test_what_it_allows(claims: dict[Key, Value], asked: dict[str, Value]) -> None:
    """Up to the limit of each claim."""
    assert allows(GOOD | claims, request(**asked))


@pytest.mark.parametrize(
    "claims",
    [{key: None} for key in (ISS, SUB, AUD, EXP, IAT, CTI, OPS)]
    + [
        {ISS: ""}, {SUB: 5}, {EXP: -1}, {EXP: "soon"}, {IAT: True}, {CTI: b"short"}, {OPS: []}, {OPS: ["NOT"]},
        {OPS: "app.append"}, {OPS: ["app.append"] * 65}, {LABEL: 4}, {USES: 0}, {USES: 2**32 + 1}, {CNF: {}},
        {CNF: {1: b"short"}}, {CNF: {2: bytes(32)}}, {PURPOSE: ""}, {9: 1}, {-65542: bytes(16)}, {"iss": "issuer"},
    ],
)  # fmt: skip
def test_claims_that_are_wrong(claims: dict[Key, Value]) -> None:
    """A claim that is missing, unknown or out of range refuses the token."""
    made = {key: value for key, value in (GOOD | claims).items() if value is not None}
    with pytest.raises(MalformedError):
        tokens.decode(tokens.issue(made, SECRET), ISSUERS)


def outer(**changes: Value) -> bytes:
    """A token put together by hand, with the signature that belongs to it unless that is changed."""
    claims = cbor.encode(GOOD)
    protected = changes.get("protected", PROTECTED)
    signed = cbor.encode(["Signature1", protected, b"SIPC/1 cap", claims])
    parts: dict[str, Value] = {
        "protected": protected,
        "unprotected": {},
        "claims": claims,
        "sig": KEY.sign(signed),
    }
    return cbor.encode(list((parts | changes).values()))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        outer(protected=b""),
        outer(protected=cbor.encode({1: -7})),  # another algorithm
        outer(protected=cbor.encode({1: -8, 4: b"key"})),
        outer(unprotected={4: b"key"}),
        outer(unprotected=[]),
        outer(sig=bytes(63)),
        outer(sig=bytes(65)),
        outer(sig=b""),
        outer(extra=1),
        outer(claims=b"\xa0"),
        outer(claims=b"\xff"),
        outer() + b"\0",
        b"\xd2" + outer(),  # tagged
        bytes(4097),
    ],
)
def test_structures_that_are_wrong(data: bytes) -> None:
    """One structure, one encoding, one algorithm, one length of signature."""
    with pytest.raises(RemoteError):
        tokens.decode(data, ISSUERS)


def test_the_structure() -> None:
    """Put together by hand, it is what the code makes."""
    assert outer() == tokens.issue(GOOD, SECRET)


def test_issuers() -> None:
    """A stranger's token, and one under a known name with another key."""
    for issuers in ({}, {"issuer": bytes(31) + b"\1"}):
        with pytest.raises(AuthenticationError):
            tokens.decode(tokens.issue(GOOD, SECRET), issuers)
    with pytest.raises(LocalError):
        tokens.check_key(b"short")


@given(st.data())
def test_any_flipped_bit_refuses(data: st.DataObject) -> None:
    """No bit of a token is free."""
    token = bytearray(tokens.issue(GOOD, SECRET))
    position = data.draw(st.integers(0, len(token) - 1))
    token[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RemoteError):
        tokens.decode(bytes(token), ISSUERS)


def test_the_scope() -> None:
    """What a token is for does not change when it is renewed."""
    first = tokens.decode(tokens.issue(GOOD | {USES: 3}, SECRET), ISSUERS)
    later = tokens.decode(
        tokens.issue(GOOD | {EXP: NOW + 90, IAT: NOW + 30, CTI: b"d" * 16}, SECRET), ISSUERS
    )
    other = tokens.decode(tokens.issue(GOOD | {LABEL: 1}, SECRET), ISSUERS)
    assert first.scope == later.scope != other.scope
    assert (first.uses, later.uses, first.label, other.label) == (3, None, 3, 1)
