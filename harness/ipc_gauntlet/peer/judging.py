"""What a receiver has to say to a token and to a signed message (docs/sipc1.md, sections 18 and 19).

Written from the page's tables, a row for each claim and a line for each check, in the page's order: the reason of a refusal
is that of the first check that fails. Whether a message or token was used before is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ipc_gauntlet.peer.cbor import CborError, decode, encode
from ipc_gauntlet.peer.conversation import BUDGET, FROM, MID, NAMES, ONCE, PROV, SIG, TO, TRACE
from ipc_gauntlet.peer.grammar import Check, method_name, octets, text, uint, wrong_with

RefusalReason = Literal["malformed", "protocol", "authentication", "expired", "unauthorized"]
_LONGEST_TOKEN = 4096
_PROTECTED = encode({1: -8})
_AHEAD_S = 30
_LIVES_S = {0: 3600, 1: 900, 2: 300, 3: 60}
_MESSAGE_LIVES_S = 3600
_ISS, _SUB, _AUD, _EXP, _NBF, _IAT, _CTI, _CNF = range(1, 9)
_OPS, _PURPOSE, _LABEL, _USES = -65537, -65539, -65540, -65541
_SIGNATURE = (FROM, TO, ONCE, SIG)
_UNDERSTOOD = frozenset(NAMES.values()) - {PROV}
"""Keys that `crit` may list."""


class Refused(Exception):
    """It is not acceptable.

    Args:
        reason: The class of the reason, as the page names it.
        message: One line for a person.
    """

    def __init__(self, reason: RefusalReason, message: str) -> None:
        super().__init__(message)
        self.reason: RefusalReason = reason


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who judges, on which session and when.

    Attributes:
        own: The name this side proved.
        peer: The name the session's peer proved.
        binding: The session's channel binding.
        wall: Seconds since 1970.
        keys: Ed25519 keys of those who are believed, by name: issuers for tokens, signers for messages.
        via: For a signer, the names of the peers that may pass its messages on.
    """

    own: str
    peer: str
    binding: bytes
    wall: float
    keys: Mapping[str, bytes]
    via: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Claim:
    check: Check
    required: bool = False


def _operations(value: object) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 64 and all(map(method_name, value))


def _session(value: object) -> bool:
    return isinstance(value, dict) and list(value) == [1] and octets(32, 32)(value[1])


_NAME = text(1, 255)
_CLAIMS: dict[object, _Claim] = {
    _ISS: _Claim(_NAME, required=True),
    _SUB: _Claim(_NAME, required=True),
    _AUD: _Claim(_NAME, required=True),
    _EXP: _Claim(uint(), required=True),
    _NBF: _Claim(uint()),
    _IAT: _Claim(uint(), required=True),
    _CTI: _Claim(octets(16, 16), required=True),
    _CNF: _Claim(_session),
    _OPS: _Claim(_operations, required=True),
    _PURPOSE: _Claim(_NAME),
    _LABEL: _Claim(uint(0, 3)),
    _USES: _Claim(uint(1, 1 << 32)),
}


def judge_token(data: bytes, request: Mapping[int, Any], receiver: Receiver) -> dict[Any, Any]:
    """Judge a token that comes with a request.

    Args:
        data: The token as it arrived.
        request: The request's map.
        receiver: Who judges.

    Returns:
        Its claims.

    Raises:
        Refused: A check of section 19 fails.
    """
    claims, payload, signature = _opened(data)
    _verify(claims[_ISS], signature, encode(["Signature1", _PROTECTED, b"SIPC/1 cap", payload]), receiver)
    _first_that_fails(_token_checks(claims, request, receiver))
    return claims


def judge_signed(fields: Mapping[Any, Any], receiver: Receiver) -> tuple[str, str, bytes, int] | None:
    """Judge a message that may say who wrote it.

    Args:
        fields: Its map as it arrived.
        receiver: Who judges.

    Returns:
        From whom, to whom, its id and until when it is good; None for a message that does not say who wrote it.

    Raises:
        Refused: It is not in the grammar, or a check of section 18 fails.
    """
    if (wrong := wrong_with(fields)) is not None:
        raise Refused("malformed", wrong)
    if fields[NAMES["ver"]] != 1 or not _UNDERSTOOD.issuperset(fields.get(NAMES["crit"], ())):
        raise Refused("protocol", "of another version, or with something that must be understood and is not")
    if not any(key in fields for key in _SIGNATURE):
        return None
    if any(key not in fields for key in _SIGNATURE):
        raise Refused("unauthorized", "a part of the signature is missing")
    sender, receiver_name, (ident, expires) = fields[FROM], fields[TO], fields[ONCE]
    if sender not in receiver.keys or receiver.peer not in {sender, *receiver.via.get(sender, ())}:
        raise Refused("unauthorized", "not a signer, or not by this peer")
    covered = {key: value for key, value in fields.items() if key not in (MID, BUDGET, PROV, TRACE, SIG)}
    _verify(sender, fields[SIG], b"SIPC/1 msg" + encode(covered), receiver)
    if receiver_name != receiver.own:
        raise Refused("unauthorized", "for somebody else")
    if not receiver.wall < expires <= receiver.wall + _MESSAGE_LIVES_S:
        raise Refused("expired", "not valid at this time")
    return sender, receiver_name, ident, expires


def _opened(data: bytes) -> tuple[dict[Any, Any], bytes, bytes]:
    """The claims of a token, their encoding and the signature: size, encoding and types are checked."""
    if len(data) > _LONGEST_TOKEN:
        _malformed("more than 4096 bytes")
    parts = _decoded(data)
    if not isinstance(parts, list) or len(parts) != 4:
        _malformed("not four parts")
    protected, unprotected, payload, signature = parts
    if protected != _PROTECTED or not isinstance(unprotected, dict) or unprotected:
        _malformed("another algorithm or other headers")
    if not octets(64, 64)(signature) or not isinstance(payload, bytes):
        _malformed("no claims or no signature")
    claims = _decoded(payload)
    if not isinstance(claims, dict):
        _malformed("claims that are no map")
    for key, value in claims.items():
        claim = None if isinstance(key, bool) else _CLAIMS.get(key)
        if claim is None or not claim.check(value):
            _malformed(f"claim {key!r}")
    missing = [key for key, claim in _CLAIMS.items() if claim.required and key not in claims]
    if missing:
        _malformed(f"no claim {missing[0]}")
    return claims, payload, signature


def _decoded(data: bytes) -> object:
    try:
        return decode(data)
    except CborError as error:
        raise Refused("malformed", str(error)) from error


def _malformed(message: str) -> NoReturn:
    raise Refused("malformed", message)


def _verify(name: str, signature: bytes, signed: bytes, receiver: Receiver) -> None:
    public = receiver.keys.get(name)
    if public is None:
        raise Refused("authentication", f"{name} is not known")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except InvalidSignature as error:
        raise Refused("authentication", "the signature is wrong") from error


_Rule = tuple[bool, RefusalReason, str]


def _token_checks(
    claims: Mapping[Any, Any], request: Mapping[int, Any], receiver: Receiver
) -> Iterable[_Rule]:
    """What has to hold, in order; each with the reason and the words for when it does not."""
    wall, covers = receiver.wall, claims.get(_LABEL, 3)
    yield claims[_EXP] - claims[_IAT] <= _LIVES_S[covers], "expired", "it lives too long for its label"
    yield wall < claims[_EXP], "expired", "it has expired"
    yield wall >= claims.get(_NBF, 0) - _AHEAD_S, "expired", "it is not valid yet"
    yield wall >= claims[_IAT] - _AHEAD_S, "expired", "it was made in the future"
    yield claims[_SUB] == receiver.peer, "unauthorized", "of another holder"
    yield claims[_AUD] == receiver.own, "unauthorized", "for another service"
    yield (
        claims.get(_CNF, {1: receiver.binding})[1] == receiver.binding,
        "unauthorized",
        "for another session",
    )
    yield request[NAMES["method"]] in claims[_OPS], "unauthorized", "for other methods"
    purpose = request.get(NAMES["purpose"])
    yield _PURPOSE not in claims or claims[_PURPOSE] == purpose, "unauthorized", "for another purpose"
    yield request.get(NAMES["label"], 3) <= covers, "unauthorized", "for less confidential content"


def _first_that_fails(rules: Iterable[_Rule]) -> None:
    for holds, reason, message in rules:
        if not holds:
            raise Refused(reason, message)
