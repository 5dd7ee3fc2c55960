"""What the payloads of handshake messages say about identities.

    certificates := {1: [leaf, intermediate...]}            one to three DER certificates
    names        := {2: own name, 3: name of the other}     both as the pre-shared key was provisioned

Rule of this file: exactly these bodies exist. An unknown key is an error, since what it might demand is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from sipc.cbor import Limits, decode, encode
from sipc.certificates import MAX_DER
from sipc.errors import MalformedError
from sipc.framing import unpad
from sipc.x509 import MAX_CHAIN

_LIMITS = Limits(depth=2, entries=MAX_CHAIN, string=MAX_DER)


def encode_certificates(chain: Sequence[bytes]) -> bytes:
    """Return the body that carries a chain; raises LocalError."""
    return encode({1: list(chain)}, _LIMITS)


def read_certificates(payload: bytes) -> list[bytes]:
    """Return the chain that a payload carries.

    Raises:
        MalformedError: It carries anything else.
    """
    match _decode(payload):
        case {1: [_, *_] as chain, **others} if not others:
            certificates = [one for one in chain if isinstance(one, bytes)]
            if len(certificates) == len(chain):
                return certificates
    raise MalformedError("a handshake payload carries no certificates", stage="handshake")


def encode_names(own: str, other: str) -> bytes:
    """Return the body that names the ordered pair of a pre-shared key; raises LocalError."""
    return encode({2: own, 3: other}, _LIMITS)


def read_names(payload: bytes) -> tuple[str, str]:
    """Return the sender's own name and the one it expects, as a payload carries them.

    Raises:
        MalformedError: It carries anything else.
    """
    match _decode(payload):
        case {2: str(own), 3: str(other), **others} if not others:
            return own, other
    raise MalformedError("a handshake payload carries no pair of names", stage="handshake")


def _decode(payload: bytes) -> object:
    try:
        return decode(unpad(payload), _LIMITS)
    except MalformedError as problem:
        raise MalformedError(str(problem), reason=problem.reason, stage="handshake") from None
