"""Signed messages: what is signed, who is believed, and that every change shows."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sipc import envelope as wire
from sipc.cbor import Value
from sipc.envelope import Envelope, Kind, Label, SignedEnvelope
from sipc.errors import AuthenticationError, LocalError
from sipc.rpc import Call, Message
from sipc.signing import (
    HOP_BY_HOP,
    LONGEST_S,
    Claim,
    Reader,
    Signer,
    load_private_key,
    sign,
    signed_octets,
    verify,
)

SECRET = b"\x07" * 32
PUBLIC = Ed25519PrivateKey.from_private_bytes(SECRET).public_key().public_bytes_raw()
WALL = 1_800_000_000.0
CLAIM = Claim("alice", "bob", b"i" * 16, int(WALL) + 60)
READER = Reader("bob", "broker", WALL, {"alice": Signer("alice", PUBLIC, frozenset({"broker"}))})


def arrived(message: Message, mid: int = 0, **changes: Value) -> Envelope:
    """The message as the receiver has it."""
    kind = Kind.REQUEST if isinstance(message, Call) else Kind.EVENT
    fields = message.fields() | dict(message.extra or {})
    data = wire.encode(wire.build(kind, mid, fields | {int(key): value for key, value in changes.items()}))
    with pytest.raises(SignedEnvelope) as caught:
        wire.decode(data)
    return caught.value.envelope


def changed(envelope: Envelope, key: int, value: Value) -> Envelope:
    """The same message with one field changed; None removes it."""
    fields = dict(envelope.fields)
    fields.pop(key, None)
    return Envelope(fields if value is None else {**fields, key: value})


MESSAGES = [
    Message("app.message", b"body"),
    Message("app.message", {"k": [True, False, 1]}, schema=2, label=Label.PUBLIC, purpose="p", okey=b"lane"),
    Message("app.message", False),
    Message("app.message", True),
    Call("app.append", b"body", idem=b"k" * 16, budget_ms=100, extra={10: b"token", 64: "kept"}),
]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("mid", [0, 7])
def test_a_signature_holds(message: Message, mid: int) -> None:
    """Whatever number the message has on this session."""
    assert verify(arrived(sign(message, CLAIM, SECRET), mid), READER) == CLAIM


def test_the_signer_itself_needs_nobody() -> None:
    """It may always bring its own messages."""
    verify(arrived(sign(MESSAGES[0], CLAIM, SECRET)), replace(READER, peer="alice"))


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        (replace(READER, own="carol"), "unauthorized"),
        (replace(READER, peer="mallory"), "unauthorized"),
        (replace(READER, signers={}), "unauthorized"),
        (replace(READER, signers={"alice": Signer("alice", bytes(31) + b"\1", frozenset({"broker"}))}), "authentication"),
        (replace(READER, wall=WALL + 60), "expired"),
        (replace(READER, wall=WALL + 60 - LONGEST_S - 1), "expired"),
    ],
)  # fmt: skip
def test_who_does_not_believe_it(reader: Reader, reason: str) -> None:
    """The wrong receiver, bearer, signer, key, time."""
    with pytest.raises(AuthenticationError) as caught:
        verify(arrived(sign(MESSAGES[0], CLAIM, SECRET)), reader)
    assert caught.value.reason == reason


@pytest.mark.parametrize("wall", [WALL + 59.999, WALL + 60 - LONGEST_S])
def test_the_ends_of_its_time(wall: float) -> None:
    """Valid until just before it expires, and an hour before."""
    verify(arrived(sign(MESSAGES[0], CLAIM, SECRET)), replace(READER, wall=wall))


@pytest.mark.parametrize("key", [18, 19, 20, 21])
def test_a_part_that_is_missing(key: int) -> None:
    """Three of four are a refusal."""
    with pytest.raises(AuthenticationError):
        verify(changed(arrived(sign(MESSAGES[0], CLAIM, SECRET)), key, None), READER)


@pytest.mark.parametrize(
    ("key", "value"),
    [(4, "app.other"), (5, 9), (6, b"x" * 16), (8, 2), (9, "q"), (10, b"t"), (12, b"z"), (14, b"else"), (18, "bob"),
     (19, "carol"), (20, bytes(64)), (21, [b"j" * 16, int(WALL) + 60]), (21, [b"i" * 16, int(WALL) + 61]), (64, 1),
     (65, None), (17, [64])],
)  # fmt: skip
def test_every_change_shows(key: int, value: Value) -> None:
    """Whatever field is changed, added or taken away."""
    message = Call("app.append", b"body", idem=b"k" * 16, extra={10: b"token", 64: "kept", 65: 1})
    with pytest.raises(AuthenticationError):
        verify(changed(arrived(sign(message, CLAIM, SECRET)), key, value), READER)


@pytest.mark.parametrize(("key", "value"), [(2, 99), (7, 1), (11, [["hop", "op", b"d"]]), (13, bytes(25))])
def test_what_a_hop_may_change(key: int, value: Value) -> None:
    """Number, budget, hops and trace belong to the path."""
    verify(changed(arrived(sign(MESSAGES[4], CLAIM, SECRET)), key, value), READER)
    assert key in HOP_BY_HOP


@given(st.integers(0, 63), st.integers(0, 7))
def test_a_flipped_bit_of_the_signature(position: int, bit: int) -> None:
    """No bit of it is free."""
    envelope = arrived(sign(MESSAGES[0], CLAIM, SECRET))
    signature = bytearray(envelope.fields[20])  # type: ignore[arg-type]
    signature[position] ^= 1 << bit
    with pytest.raises(AuthenticationError):
        verify(changed(envelope, 20, bytes(signature)), READER)


def test_keys_that_cannot_be_used() -> None:
    """They are refused when they are configured."""
    with pytest.raises(LocalError):
        sign(MESSAGES[0], CLAIM, b"short")
    with pytest.raises(LocalError):
        Signer("alice", b"short")


def test_what_is_signed() -> None:
    """The context, then the map without what changes on the way and without the signature."""
    octets = signed_octets({0: 1, 1: 2, 2: 3, 4: "a.b", 20: b"s", 21: [b"i", 1]})
    assert octets == b"SIPC/1 msg" + bytes.fromhex("a4000101020463612e621582416901")


def pkcs8(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    """A key as the driver protocol has it."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_signing_keys_are_loaded() -> None:
    """A key of another kind is none to sign with, and what is no key is an error of whoever gave it."""
    assert load_private_key(pkcs8(Ed25519PrivateKey.from_private_bytes(SECRET))) == SECRET
    assert load_private_key(pkcs8(X25519PrivateKey.from_private_bytes(SECRET))) is None
    with pytest.raises(LocalError) as caught:
        load_private_key(b"no key")
    assert caught.value.reason == "malformed"
