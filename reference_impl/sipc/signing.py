"""Signed messages: who wrote a request or an event, whoever carries it (section 18 of docs/sipc1.md).

Rules of this file. What is verified is the map as it arrived, never a copy that was put together again. Fields that
change from hop to hop are not signed. A signature never gives permissions; those are the session peer's. The checks
come in one order, and whoever calls `verify` must still ask that the id was never seen (`sipc_runtime.single_use`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeVar, cast

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from sipc import cbor
from sipc.cbor import Key, Value
from sipc.envelope import VERSION, Envelope, Field, Kind
from sipc.errors import AuthenticationError, LocalError
from sipc.rpc import Call, Message

CONTEXT = b"SIPC/1 msg"
ID_BYTES = 16
LONGEST_S = 3600.0
"""How far ahead a message may expire: so long its id must be remembered."""

HOP_BY_HOP = frozenset({Field.MID, Field.BUDGET, Field.PROV, Field.TRACE, Field.SIG})
"""What is not signed."""
_PARTS = (Field.FROM, Field.TO, Field.SIG, Field.ONCE)

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody whose signature is believed.

    Attributes:
        name: Its name.
        public: Its Ed25519 key, 32 bytes.
        via: Names of the peers that may pass its messages on; the signer itself always may.
    """

    name: str
    public: bytes
    via: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.public)
        except ValueError as error:
            raise LocalError(
                f"the key of signer {self.name} cannot be used: {error}", reason="malformed"
            ) from error


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature says.

    Attributes:
        sender: Who wrote the message.
        receiver: For whom.
        ident: 16 bytes, different for each message of a sender.
        expires: Seconds since 1970.
    """

    sender: str
    receiver: str
    ident: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class Reader:
    """Who judges a message.

    Attributes:
        own: The name this side proved.
        peer: The name the session's peer proved.
        wall: Seconds since 1970.
        signers: Whom to believe, by name.
    """

    own: str
    peer: str
    wall: float
    signers: Mapping[str, Signer] = field(repr=False)


def load_private_key(der: bytes) -> bytes | None:
    """Return the 32 bytes that `sign` takes of a key in PKCS#8; None if it is not a key for Ed25519.

    Args:
        der: PKCS#8 DER, not encrypted.

    Raises:
        LocalError: It is no key.
    """
    try:
        key = load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise LocalError(f"the signing key cannot be used: {error}", reason="malformed") from error
    return key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else None


def signed_octets(fields: Mapping[Key, Value]) -> bytes:
    """Return what the signature of a message covers."""
    covered: dict[Key, Value] = {key: value for key, value in fields.items() if key not in HOP_BY_HOP}
    return CONTEXT + cbor.encode(covered)


def sign(message: M, claim: Claim, private_key: bytes) -> M:
    """Return the message with a signature.

    Args:
        message: An event or a request.
        claim: What the signature shall say.
        private_key: Of the sender; Ed25519, 32 bytes.

    Raises:
        LocalError: The key cannot be used.
    """
    try:
        key = Ed25519PrivateKey.from_private_bytes(private_key)
    except ValueError as error:
        raise LocalError(f"the signing key cannot be used: {error}", reason="malformed") from error
    kind = Kind.REQUEST if isinstance(message, Call) else Kind.EVENT
    extra: dict[int, Value] = {
        **(message.extra or {}),
        int(Field.FROM): claim.sender,
        int(Field.TO): claim.receiver,
        int(Field.ONCE): [claim.ident, claim.expires],
    }
    fields: dict[Key, Value] = {0: VERSION, 1: int(kind)}
    for number, value in (message.fields() | extra).items():
        if value is not None:
            fields[int(number)] = int(value) if isinstance(value, IntEnum) else value
    extra[int(Field.SIG)] = key.sign(signed_octets(fields))
    return replace(message, extra=extra)


def verify(envelope: Envelope, reader: Reader) -> Claim:
    """Judge everything about a signed message but whether it was there before.

    Returns:
        What the signature says.

    Raises:
        AuthenticationError: It is not acceptable; `reason` says why, for this side's own report.
    """
    fields = envelope.fields
    if any(part not in fields for part in _PARTS):
        raise AuthenticationError("a signed message lacks a part of its signature", reason="unauthorized")
    sender, receiver = cast("str", fields[Field.FROM]), cast("str", fields[Field.TO])
    ident, expires = cast("tuple[bytes, int]", tuple(cast("list[Value]", fields[Field.ONCE])))
    signer = reader.signers.get(sender)
    if signer is None or (reader.peer != sender and reader.peer not in signer.via):
        raise AuthenticationError("nobody here believes this signer, by this way", reason="unauthorized")
    try:
        Ed25519PublicKey.from_public_bytes(signer.public).verify(
            cast("bytes", fields[Field.SIG]), signed_octets(fields)
        )
    except InvalidSignature:
        raise AuthenticationError("the signature is not valid") from None
    if receiver != reader.own:
        raise AuthenticationError("the message is for somebody else", reason="unauthorized")
    if not reader.wall < expires <= reader.wall + LONGEST_S:
        raise AuthenticationError("the message is not valid now", reason="expired")
    return Claim(sender, receiver, ident, expires)
