"""Targets for what is signed: tokens and messages, as they arrive, and with the signature made for whatever they say."""

from __future__ import annotations

from collections.abc import Iterator

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Schema
from sipc import cbor, envelope, signing, tokens
from sipc.envelope import Envelope, Field, SignedEnvelope, UnsupportedEnvelope
from sipc.errors import AuthenticationError, MalformedError
from sipc.signing import Claim, Reader, Signer
from sipc_targets import seeds, wire
from sipc_targets.material import ISSUER, material, names, signing_key
from sipc_targets.violations import ForgedAccepted

_INITIATOR, _RESPONDER, _, _ = names()
_WALL = material().wall
_ISSUER_KEY, _SIGNER_KEY = signing_key("issuer"), signing_key("signer")
ISSUERS = {ISSUER: _ISSUER_KEY.public_key().public_bytes_raw()}
HOLDER = tokens.Holder(_INITIATOR, _RESPONDER, b"b" * 32, _WALL)
REQUEST = Envelope({0: 1, 1: 0, 2: 0, 4: "app.echo", 7: 1000, 8: 0, 9: "test"})
READER = Reader(
    _RESPONDER,
    _INITIATOR,
    _WALL,
    {_INITIATOR: Signer(_INITIATOR, _SIGNER_KEY.public_key().public_bytes_raw())},
)
_MOST_PAIRS = 1024


def read_token(data: bytes) -> dict[cbor.Key, cbor.Value]:
    """Decode a token of the one known issuer, and judge it.

    Raises:
        MalformedError, AuthenticationError: See `sipc.tokens`.
    """
    token = tokens.decode(data, ISSUERS)
    tokens.judge(token, REQUEST, HOLDER)
    # What a server reads of a token that is good.
    cbor.encode([token.issuer, token.ident, token.expires, token.label, token.uses, token.scope])
    return dict(token.claims)


def signed_token(claims: bytes) -> bytes:
    """A token with these claims, whatever they are, signed by the known issuer."""
    text = cbor.encode(["Signature1", tokens.PROTECTED, tokens.EXTERNAL_AAD, claims])
    return cbor.encode([tokens.PROTECTED, {}, claims, _ISSUER_KEY.sign(text)])


def read_claims(claims: bytes) -> dict[cbor.Key, cbor.Value]:
    """Have them signed, and read the token."""
    return read_token(signed_token(claims))


def signed_message(data: bytes) -> bytes:
    """The message with a signature that fits it; the same bytes if it is none, or has no room for one."""
    try:
        fields = cbor.decode(data)
    except MalformedError:
        return data
    if not isinstance(fields, dict) or len(fields) >= _MOST_PAIRS or not isinstance(fields.get(20), bytes):
        return data
    signature = _SIGNER_KEY.sign(signing.signed_octets(fields))
    return cbor.encode({**fields, int(Field.SIG): signature})


def read_signed(data: bytes) -> Claim | None:
    """Have a message signed, decode it, and verify what it says.

    Returns:
        What it says; None for a message without a signature.

    Raises:
        MalformedError, UnsupportedEnvelope, AuthenticationError: See `sipc.envelope` and `sipc.signing`.
        ForgedAccepted: It is accepted with another body as well.
    """
    try:
        envelope.decode(signed_message(data))
    except SignedEnvelope as signed:
        claim = signing.verify(signed.envelope, READER)
        _forge(signed.envelope)
        return claim
    return None


def _forge(message: Envelope) -> None:
    """What is covered by the signature cannot be changed."""
    forged = Envelope({**message.fields, 14: [message.body, 1]})
    try:
        signing.verify(forged, READER)
    except AuthenticationError:
        return
    raise ForgedAccepted("the body is not covered by the signature")


def _claims_seeds() -> Iterator[bytes]:
    made = seeds.claims()
    assert isinstance(made, dict)  # noqa: S101 - for the type checker
    now = int(_WALL)
    variants: tuple[dict[cbor.Key, cbor.Value], ...] = (
        {},
        {
            tokens.NBF: now,
            tokens.CNF: {1: b"b" * 32},
            tokens.PURPOSE: "test",
            tokens.LABEL: 0,
            tokens.USES: 3,
        },
        {tokens.EXP: now + 3600, tokens.LABEL: 1},
        {tokens.EXP: now},
        {tokens.IAT: now + 31},
        {tokens.CNF: {1: b"c" * 32}},
        {tokens.OPS: ["a.b"]},
        {tokens.SUB: "somebody"},
        {tokens.PURPOSE: "other"},
        {tokens.ISS: "nobody"},
        {9: 1},
    )
    yield from (cbor.encode({**made, **more}) for more in variants)


def _signed_seeds() -> Iterator[bytes]:
    now = int(_WALL)
    base: dict[cbor.Key, cbor.Value] = {0: 1, 1: 0, 2: 0, 4: "app.echo", 7: 1000, 14: b"hello"}
    signed: dict[cbor.Key, cbor.Value] = {
        18: _INITIATOR,
        19: _RESPONDER,
        20: bytes(64),
        21: [b"i" * 16, now + 60],
    }
    yield cbor.encode({**base, **signed})
    yield cbor.encode({**base, **signed, 13: b"t" * 25, 17: [18, 20], 70: [{}]})
    yield cbor.encode({**base, **signed, 18: "somebody"})
    yield cbor.encode({**base, **signed, 19: "somebody"})
    yield cbor.encode({**base, **signed, 21: [b"i" * 16, now]})
    yield cbor.encode({**base, 20: bytes(64)})
    yield cbor.encode(base)
    yield cbor.encode({0: 1, 1: 2, 2: 0, 4: "app.message", **signed})
    yield from seeds.messages()


def targets() -> Iterator[Target]:
    """All of them."""
    yield Target(
        name="sipc.token",
        title="A capability token as it arrives.",
        layer="token",
        parse=read_token,
        rejects=(MalformedError, AuthenticationError),
        measured=("sipc.tokens", "sipc.cbor"),
        seeds=lambda: [signed_token(one) for one in _claims_seeds()],
        tokens=(tokens.PROTECTED, b"\x84\x43\xa1\x01\x27\xa0", ISSUER.encode()),
        structure=Schema(wire.TOKEN, lambda: map(signed_token, _claims_seeds())),
        reach=("sipc.tokens:decode", "sipc.tokens:judge"),
    )
    yield Target(
        name="sipc.token.claims",
        title="The claims of a token, signed by an issuer whatever they say.",
        layer="token",
        parse=read_claims,
        rejects=(MalformedError, AuthenticationError),
        measured=("sipc.tokens", "sipc.cbor"),
        seeds=_claims_seeds,
        tokens=(b"\x3a\0\1\0\0", b"\x3a\0\1\0\2", b"\x3a\0\1\0\3", b"\x3a\0\1\0\4", ISSUER.encode()),
        structure=Schema(wire.TOKEN_CLAIMS, _claims_seeds),
        reach=(
            "sipc.tokens:decode",
            "sipc.tokens:judge",
            "sipc.tokens:_judge_time",
            "sipc.tokens:_confirmation",
        ),
        longest=2048,
    )
    yield Target(
        name="sipc.signing",
        title="A message whose signature fits, whatever it says: verified as it arrived, in one order of checks.",
        layer="token",
        parse=read_signed,
        rejects=(MalformedError, UnsupportedEnvelope, AuthenticationError),
        measured=("sipc.signing", "sipc.envelope", "sipc.cbor"),
        seeds=_signed_seeds,
        tokens=(b"\x12\x78", b"\x13\x78", b"\x14\x58\x40", b"\x15\x82\x50"),
        structure=Schema(wire.SIGNED_REQUEST, _signed_seeds),
        reach=("sipc.signing:verify", "sipc.signing:signed_octets"),
        longest=2048,
    )
