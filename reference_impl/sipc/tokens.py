"""Capability tokens: COSE_Sign1 with CWT claims, signed with Ed25519 (section 19 of docs/sipc1.md).

Rules of this file. A token is decoded as strictly as everything else: one encoding, known claims, one algorithm. The
checks come in one order, and each failure raises; whoever calls `judge` must still count the uses
(`sipc_runtime.single_use`). A token narrows what its holder may do, it never replaces a permission.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sipc import cbor
from sipc.cbor import Key, Value
from sipc.envelope import Envelope, is_method
from sipc.errors import AuthenticationError, LocalError, MalformedError

MAX_TOKEN = 4096
EXTERNAL_AAD = b"SIPC/1 cap"
PROTECTED = cbor.encode({1: -8})
SKEW_S = 30.0
"""How far the issuer's clock may be ahead."""
LONGEST_S = (3600, 900, 300, 60)
"""Longest life of a token by the highest label it covers."""

ISS, SUB, AUD, EXP, NBF, IAT, CTI, CNF = range(1, 9)
OPS, PURPOSE, LABEL, USES = -65537, -65539, -65540, -65541

_LIMITS = cbor.Limits(depth=3, entries=64, string=MAX_TOKEN)
_MAX_UINT = 2**64 - 1
_MAX_USES = 2**32
_MAX_OPS = 64


def _uint(low: int, high: int) -> Callable[[Value], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _name(value: Value) -> bool:
    return type(value) is str and 0 < len(value.encode()) <= 255


def _methods(value: Value) -> bool:
    return (
        type(value) is list
        and 0 < len(value) <= _MAX_OPS
        and all(type(one) is str and is_method(one) for one in value)
    )


def _confirmation(value: Value) -> bool:
    return type(value) is dict and list(value) == [1] and _octets(32)(value[1])


def _octets(length: int) -> Callable[[Value], bool]:
    return lambda value: type(value) is bytes and len(value) == length


_CLAIMS: dict[int, tuple[bool, Callable[[Value], bool]]] = {
    ISS: (True, _name),
    SUB: (True, _name),
    AUD: (True, _name),
    EXP: (True, _uint(0, _MAX_UINT)),
    NBF: (False, _uint(0, _MAX_UINT)),
    IAT: (True, _uint(0, _MAX_UINT)),
    CTI: (True, _octets(16)),
    CNF: (False, _confirmation),
    OPS: (True, _methods),
    PURPOSE: (False, _name),
    LABEL: (False, _uint(0, 3)),
    USES: (False, _uint(1, _MAX_USES)),
}
_REQUIRED = frozenset(claim for claim, (required, _) in _CLAIMS.items() if required)


class Token:
    """The claims of a token whose signature is good.

    Args:
        claims: By number, already checked.
    """

    __slots__ = ("claims",)

    def __init__(self, claims: Mapping[Key, Value]) -> None:
        self.claims = claims

    @property
    def issuer(self) -> str:
        """Who made it."""
        return cast("str", self.claims[ISS])

    @property
    def ident(self) -> bytes:
        """Its number."""
        return cast("bytes", self.claims[CTI])

    @property
    def expires(self) -> int:
        """Seconds since 1970."""
        return cast("int", self.claims[EXP])

    @property
    def label(self) -> int:
        """The highest label it covers."""
        return cast("int", self.claims.get(LABEL, 3))

    @property
    def uses(self) -> int | None:
        """For how many requests it is; None for any number."""
        return cast("int | None", self.claims.get(USES))

    @property
    def scope(self) -> dict[Key, Value]:
        """What it is for, and not when: equal for a token and the one that renews it."""
        return {key: self.claims[key] for key in (ISS, SUB, AUD, OPS, PURPOSE, LABEL) if key in self.claims}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who presents a token, where and when.

    Attributes:
        name: The name that the session's peer proved.
        service: The name that this side proved.
        binding: The session's channel binding.
        wall: Seconds since 1970.
    """

    name: str
    service: str
    binding: bytes
    wall: float


def _to_be_signed(claims: bytes) -> bytes:
    return cbor.encode(["Signature1", PROTECTED, EXTERNAL_AAD, claims])


def issue(claims: Mapping[Key, Value], private_key: bytes) -> bytes:
    """Return a signed token. The claims are taken as they are: an issuer decides, and a test may err on purpose.

    Args:
        claims: By number.
        private_key: Of the issuer; Ed25519, 32 bytes.
    """
    payload = cbor.encode(dict(claims))
    signature = Ed25519PrivateKey.from_private_bytes(private_key).sign(_to_be_signed(payload))
    return cbor.encode([PROTECTED, {}, payload, signature])


def decode(data: bytes, issuers: Mapping[str, bytes]) -> Token:
    """Return the token that `data` is, if a known issuer signed it.

    Args:
        data: The encoded token.
        issuers: Ed25519 keys by name.

    Raises:
        MalformedError: It is not a token.
        AuthenticationError: No known issuer signed it.
    """
    if len(data) > MAX_TOKEN:
        raise MalformedError("a token is too long", reason="limit")
    match cbor.decode(data, _LIMITS):
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]:
            if protected != PROTECTED or unprotected or len(signature) != 64:
                raise MalformedError("a token is not signed in the one way there is")
        case _:
            raise MalformedError("a token is not a signed structure")
    claims = cbor.decode(payload, _LIMITS)
    if type(claims) is not dict or not claims.keys() >= _REQUIRED:
        raise MalformedError("a token lacks a claim")
    for key, value in claims.items():
        rule = _CLAIMS.get(key)  # type: ignore[arg-type]  # a key of another type is simply not found
        if rule is None or not rule[1](value):
            raise MalformedError(f"claim {key!r} of a token is unknown or out of range")
    public = issuers.get(cast("str", claims[ISS]))
    if public is None:
        raise AuthenticationError("the issuer of a token is not known here")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _to_be_signed(payload))
    except InvalidSignature:
        raise AuthenticationError("the signature of a token is not valid") from None
    return Token(claims)


def judge(token: Token, request: Envelope, holder: Holder) -> None:
    """Judge whether a token allows a request, in everything but the number of its uses.

    Raises:
        AuthenticationError: It does not; `reason` says why, for this side's own report.
    """
    claims = token.claims
    _judge_time(token, holder.wall)
    if claims[SUB] != holder.name or claims[AUD] != holder.service:
        raise AuthenticationError("a token of somebody else, or for another service", reason="unauthorized")
    bound = cast("dict[Key, Value] | None", claims.get(CNF))
    if bound is not None and bound[1] != holder.binding:
        raise AuthenticationError("a token for another session", reason="unauthorized")
    if request.method not in cast("list[Value]", claims[OPS]):
        raise AuthenticationError("a token for another operation", reason="unauthorized")
    if PURPOSE in claims and claims[PURPOSE] != request.purpose:
        raise AuthenticationError("a token for another purpose", reason="unauthorized")
    if request.label > token.label:
        raise AuthenticationError("a token for less confidential content", reason="unauthorized")


def _judge_time(token: Token, wall: float) -> None:
    claims = token.claims
    issued, expires = cast("int", claims[IAT]), token.expires
    not_before = cast("int", claims.get(NBF, 0))
    if expires - issued > LONGEST_S[token.label]:
        raise AuthenticationError("a token lives longer than its label allows", reason="expired")
    if wall >= expires or wall < not_before - SKEW_S or wall < issued - SKEW_S:
        raise AuthenticationError("a token is not valid now", reason="expired")


def check_key(public: bytes) -> None:
    """Refuse a key that no signature could be verified with.

    Raises:
        LocalError: It is none.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public)
    except ValueError as error:
        raise LocalError(f"the key of an issuer cannot be used: {error}", reason="malformed") from error
