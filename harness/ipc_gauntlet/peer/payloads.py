"""Payloads with length and padding, and their bodies in a handshake (docs/sipc1.md, section 5)."""

from __future__ import annotations

from ipc_gauntlet.peer.cbor import CborError, Limits, decode, encode
from ipc_gauntlet.peer.config import Identity
from ipc_gauntlet.peer.noise import PatternName
from ipc_gauntlet.peer.quirks import CertificateQuirks, RecordQuirks

CERTIFICATES, OWN_NAME, OTHER_NAME = 1, 2, 3
MAX_CHAIN, MAX_CERTIFICATE = 3, 8192
HANDSHAKE_LIMITS = Limits(2, 3, 8192)


class PayloadError(ValueError):
    """A payload that is not of section 5."""


def pack(body: bytes, quirks: RecordQuirks = RecordQuirks()) -> bytes:  # noqa: B008 - frozen
    """Wrap a body."""
    counted = (len(body) + quirks.length_off).to_bytes(2) + body
    return counted + bytes([quirks.fill]) * (-len(counted) % quirks.block)


def unpack(payload: bytes) -> bytes:
    """Return the body; how much padding there is and what it says means nothing.

    Raises:
        PayloadError: The body is longer than the payload.
    """
    length = int.from_bytes(payload[:2])
    if len(payload) < 2 or length > len(payload) - 2:
        raise PayloadError("the body is longer than its frame")
    return payload[2 : 2 + length]


def own_body(pattern: PatternName, identity: Identity, quirks: CertificateQuirks) -> bytes:
    """The body with which a side says who it is."""
    if quirks.body is not None:
        return quirks.body
    if pattern == "NNpsk0":
        own = identity.name if quirks.own_name is None else quirks.own_name
        other = identity.other if quirks.other_name is None else quirks.other_name
        return encode({OWN_NAME: own, OTHER_NAME: other})
    return encode({CERTIFICATES: list(identity.chain if quirks.chain is None else quirks.chain)})


def chain_of(body: bytes) -> tuple[bytes, ...]:
    """Read certificates.

    Raises:
        PayloadError: The body is none of section 5.
    """
    value = _map_of(body, {CERTIFICATES})
    chain = value[CERTIFICATES]
    if not isinstance(chain, list) or not 1 <= len(chain) <= MAX_CHAIN:
        raise PayloadError("not 1 to 3 certificates")
    if not all(isinstance(one, bytes) and len(one) <= MAX_CERTIFICATE for one in chain):
        raise PayloadError("a certificate that is no byte string, or too long")
    return tuple(chain)


def names_of(body: bytes) -> tuple[str, str]:
    """Read the names, the sender's own first.

    Raises:
        PayloadError: The body is none of section 5.
    """
    value = _map_of(body, {OWN_NAME, OTHER_NAME})
    own, other = value[OWN_NAME], value[OTHER_NAME]
    if not isinstance(own, str) or not isinstance(other, str):
        raise PayloadError("a name that is no text")
    return own, other


def _map_of(body: bytes, keys: set[int]) -> dict[int, object]:
    try:
        value = decode(body, HANDSHAKE_LIMITS)
    except CborError as problem:
        raise PayloadError(str(problem)) from problem
    if not isinstance(value, dict) or set(value) != keys:
        raise PayloadError("other keys than those of section 5")
    return value
