"""Envelopes: what one message says about itself, as a deterministic CBOR map with integer keys.

Rule of this file: `RULES` is the grammar. A key has one row: its type and range, and the kinds of message that
must, may or must not carry it. A key without a row is fatal below 64 and kept, but not looked at, from 64 on -
unless the sender listed it in `crit`, which refuses the message.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, cast

from sipc import cbor, shapes
from sipc.cbor import Key, Value
from sipc.errors import LocalError, MalformedError, ProtocolError

VERSION = 1
FIRST_IGNORABLE_KEY = 64
MAX_BUDGET_MS = 600_000
MAX_MESSAGE = 1 << 20
MAX_UINT = 2**64 - 1


class Kind(IntEnum):
    """What a message is."""

    REQUEST = 0
    RESPONSE = 1
    EVENT = 2
    CANCEL = 3


class Field(IntEnum):
    """The keys of the map."""

    VER = 0
    KIND = 1
    MID = 2
    CORR = 3
    METHOD = 4
    SCHEMA = 5
    IDEM = 6
    BUDGET = 7
    LABEL = 8
    PURPOSE = 9
    CAP = 10
    PROV = 11
    OKEY = 12
    TRACE = 13
    BODY = 14
    STATUS = 15
    ERR = 16
    CRIT = 17
    FROM = 18
    TO = 19
    SIG = 20
    ONCE = 21


class Status(IntEnum):
    """Error codes of responses and of ERROR records; 0 is success."""

    OK = 0
    PROTOCOL = 1
    TOO_LARGE = 2
    BUSY = 3
    DENIED = 4
    SCHEMA = 5
    SCHEMA_UNSUPPORTED = 6
    DEADLINE_EXCEEDED = 7
    CANCELLED = 8
    IDEM_REQUIRED = 9
    IDEM_MISMATCH = 10
    IN_PROGRESS = 11
    OUTCOME_UNKNOWN = 12
    UNAVAILABLE = 13
    INTERNAL = 14


class Label(IntEnum):
    """How confidential a message is. A missing label is the strictest."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3


# Reading a member of an enumeration costs as much as several lookups; these are read for every message.
_KINDS = tuple(Kind)
PLAIN = frozenset({int, bytes, str})
_LABELS = tuple(Label)
_OK, _RESPONSE_KIND, _CRIT = int(Status.OK), Kind.RESPONSE, int(Field.CRIT)

_METHOD = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){1,7}", re.ASCII)


def is_method(text: str) -> bool:
    """Whether `text` is in the grammar of method names."""
    return len(text) <= 128 and _matches(text)


@lru_cache(maxsize=512)  # a program has few methods; whether a text is in the grammar never changes
def _matches(text: str) -> bool:
    return _METHOD.fullmatch(text) is not None


# --- one check for each type; a check gets what the strict decoder returned ---

_Check = Callable[[Value], bool]


def _uint(low: int, high: int) -> _Check:
    return lambda value: type(value) is int and low <= value <= high


def _octets(low: int, high: int) -> _Check:
    return lambda value: type(value) is bytes and low <= len(value) <= high


def _text(low: int, high: int) -> _Check:
    return lambda value: type(value) is str and low <= _size(value) <= high


def _size(text: str) -> int:
    """Its length in UTF-8; -1 for a text to send that has none."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return -1


def _method(value: Value) -> bool:
    return type(value) is str and is_method(value)


def _anything(value: Value) -> bool:
    return True


def _hops(value: Value) -> bool:
    return type(value) is list and len(value) <= 16 and all(_hop(hop) for hop in value)


def _hop(value: Value) -> bool:
    if type(value) is not list or len(value) != 3:
        return False
    who, operation, digest = value
    return type(who) is str and type(operation) is str and type(digest) is bytes


_ERR_CHECKS: dict[Key, _Check] = {
    0: _octets(8, 8),
    1: lambda value: type(value) is bool,
    2: _uint(0, MAX_BUDGET_MS),
}


def _err(value: Value) -> bool:
    return type(value) is dict and all(
        key in _ERR_CHECKS and _ERR_CHECKS[key](item) for key, item in value.items()
    )


def _critical(value: Value) -> bool:
    return (
        type(value) is list
        and 0 < len(value) <= 64
        and all(type(key) is int and 0 <= key <= MAX_UINT for key in value)
        and len(set(cast("list[int]", value))) == len(value)
    )


def _once(value: Value) -> bool:
    return (
        type(value) is list and len(value) == 2 and _octets(16, 16)(value[0]) and _uint(0, MAX_UINT)(value[1])
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the grammar.

    Attributes:
        check: Type and range of the value.
        required: Kinds that must have the key.
        allowed: Kinds that may have it, including the required ones.
    """

    check: _Check
    required: frozenset[Kind]
    allowed: frozenset[Kind]


_ALL = frozenset(Kind)
_NONE: frozenset[Kind] = frozenset()
_CALLS = frozenset({Kind.REQUEST, Kind.EVENT})
_REQUEST = frozenset({Kind.REQUEST})
_RESPONSE = frozenset({Kind.RESPONSE})
_ANSWERS = frozenset({Kind.RESPONSE, Kind.CANCEL})
_CONTENT = frozenset({Kind.REQUEST, Kind.EVENT, Kind.RESPONSE})

RULES: dict[int, Rule] = {
    Field.VER: Rule(_uint(0, MAX_UINT), _ALL, _ALL),
    Field.KIND: Rule(_uint(0, 3), _ALL, _ALL),
    Field.MID: Rule(_uint(0, MAX_UINT), _ALL, _ALL),
    Field.CORR: Rule(_uint(0, MAX_UINT), _ANSWERS, _ANSWERS),
    Field.METHOD: Rule(_method, _CALLS, _CALLS),
    Field.SCHEMA: Rule(_uint(0, MAX_UINT), _NONE, _CALLS),
    Field.IDEM: Rule(_octets(16, 32), _NONE, _REQUEST),
    Field.BUDGET: Rule(_uint(1, MAX_BUDGET_MS), _REQUEST, _REQUEST),
    Field.LABEL: Rule(_uint(0, 3), _NONE, _CONTENT),
    Field.PURPOSE: Rule(_text(1, 128), _NONE, _CALLS),
    Field.CAP: Rule(_octets(1, 1 << 16), _NONE, _CALLS),
    Field.PROV: Rule(_hops, _NONE, _CONTENT),
    Field.OKEY: Rule(_octets(0, 32), _NONE, _CALLS),
    Field.TRACE: Rule(_octets(25, 25), _NONE, _ALL),
    Field.BODY: Rule(_anything, _NONE, _CONTENT),
    Field.STATUS: Rule(_uint(0, 255), _RESPONSE, _RESPONSE),
    Field.ERR: Rule(_err, _NONE, _RESPONSE),
    Field.CRIT: Rule(_critical, _NONE, _ALL),
    Field.FROM: Rule(_text(1, 255), _NONE, _CONTENT),
    Field.TO: Rule(_text(1, 255), _NONE, _CONTENT),
    Field.SIG: Rule(_octets(64, 64), _NONE, _CONTENT),
    Field.ONCE: Rule(_once, _NONE, _CONTENT),
}

# Present in a map, these are honoured by this implementation; a sender may list them in `crit`.
UNDERSTOOD = frozenset(Field) - {Field.PROV}
# A message with any of these is acted upon only after its signature was verified.
_SIGNED = frozenset({Field.FROM, Field.TO, Field.SIG, Field.ONCE})

# The same grammar, laid out for speed: kind -> (checks of allowed keys, required keys).
BY_KIND: dict[int, tuple[dict[int, _Check], frozenset[int]]] = {
    kind: (
        {int(key): rule.check for key, rule in RULES.items() if kind in rule.allowed},
        frozenset(int(key) for key, rule in RULES.items() if kind in rule.required),
    )
    for kind in Kind
}


class UnsupportedEnvelope(ProtocolError):
    """A well-formed message that this implementation must refuse; the stream itself is still in order.

    Attributes:
        envelope: The message, for its kind and number only.
        status: With what a request is to be answered.
    """

    def __init__(self, message: str, envelope: "Envelope", status: Status) -> None:
        super().__init__(message)
        self.envelope = envelope
        self.status = status


class SignedEnvelope(UnsupportedEnvelope):
    """A well-formed message that claims to be signed: to be refused by whoever does not verify it."""


class Envelope:
    """One message: a checked map, with a typed view.

    Args:
        fields: The map, already checked (see `decode` and `build`).
    """

    __slots__ = ("fields",)

    def __init__(self, fields: dict[Key, Any]) -> None:
        # Each has the type that the grammar gives it, which the type checker cannot see.
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Envelope) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]  # a message may hold lists and maps

    def __repr__(self) -> str:
        # The body stays out of logs.
        shown = {key: value for key, value in self.fields.items() if key in RULES and key != Field.BODY}
        return f"Envelope({ {Field(key).name.lower(): value for key, value in shown.items()} })"

    @property
    def kind(self) -> Kind:
        """What the message is."""
        number: int = self.fields[1]
        return _KINDS[number]

    @property
    def mid(self) -> int:
        """Number of the message in its direction."""
        value: int = self.fields[2]
        return value

    @property
    def corr(self) -> int:
        """Number of the request that this response or cancel is about."""
        value: int = self.fields[3]
        return value

    @property
    def method(self) -> str:
        """Method of a request or an event."""
        value: str = self.fields[4]
        return value

    @property
    def schema(self) -> int:
        """Version of the method's schema; 1 where it is left out."""
        value: int = self.fields.get(5, 1)
        return value

    @property
    def idem(self) -> bytes | None:
        """Idempotency key of a request."""
        value: bytes | None = self.fields.get(6)
        return value

    @property
    def budget_ms(self) -> int:
        """Remaining time of a request in milliseconds."""
        value: int = self.fields[7]
        return value

    @property
    def label(self) -> Label:
        """How confidential the message is."""
        number: int = self.fields.get(8, 3)
        return _LABELS[number]

    @property
    def purpose(self) -> str | None:
        """What the content may be used for."""
        value: str | None = self.fields.get(9)
        return value

    @property
    def okey(self) -> bytes | None:
        """Ordering key; messages without one share a lane."""
        value: bytes | None = self.fields.get(12)
        return value

    @property
    def trace(self) -> bytes | None:
        """Trace id, span id and flags."""
        value: bytes | None = self.fields.get(13)
        return value

    @property
    def body(self) -> Value:
        """The content; None where it is left out."""
        return self.fields.get(14)

    @property
    def status(self) -> int:
        """Outcome of a response."""
        value: int = self.fields[15]
        return value

    @property
    def retryable(self) -> bool:
        """Whether the responder says that the same request may succeed later."""
        err = cast("dict[Key, Value]", self.fields.get(16, {}))
        return err.get(1) is True

    @property
    def retry_after_ms(self) -> int:
        """How long the responder asks to wait before the same request is sent again; 0 where it does not say."""
        err = cast("dict[Key, Value]", self.fields.get(16, {}))
        return cast("int", err.get(2, 0))

    @property
    def token(self) -> bytes | None:
        """Capability token of a request or an event."""
        value: bytes | None = self.fields.get(10)
        return value

    @property
    def is_signed(self) -> bool:
        """Whether the message carries a signature, or any part of one."""
        return not _SIGNED.isdisjoint(cast("Mapping[int, Value]", self.fields))

    @property
    def extensions(self) -> dict[int, Value]:
        """Keys from 64 on, to be preserved when the message is forwarded."""
        return {
            key: value
            for key, value in self.fields.items()
            if isinstance(key, int) and key >= FIRST_IGNORABLE_KEY
        }


def decode(data: bytes) -> Envelope:
    """Return the message that `data` is the encoding of.

    Raises:
        MalformedError: Not deterministic CBOR, or not in the grammar of `RULES`.
        UnsupportedEnvelope: In the grammar, but of another version, or with demands this implementation
            cannot meet.
        SignedEnvelope: It carries a signature, or parts of one; the caller may be able to verify it.
    """
    usual = shapes.decode(data)
    if usual is not None:
        return Envelope(usual)
    fields = cbor.decode(data)
    if type(fields) is not dict:
        raise MalformedError("a message is not a map")
    check_fields(fields)
    envelope = Envelope(fields)
    if fields[0] != VERSION:
        raise UnsupportedEnvelope("unknown message version", envelope, Status.SCHEMA_UNSUPPORTED)
    if _CRIT in fields:
        _require_understood(envelope)
    if not _SIGNED.isdisjoint(cast("Mapping[int, Value]", fields)):
        raise SignedEnvelope("a signed message cannot be verified here", envelope, Status.DENIED)
    return envelope


def check_fields(fields: Mapping[Key, Value]) -> None:
    """Hold a map against the grammar.

    Raises:
        MalformedError: A key is missing, unknown, not for this kind, or its value is out of range.
    """
    kind = fields.get(1)
    if type(kind) is not int or kind not in BY_KIND:
        raise MalformedError("a message has no known kind")
    checks, required = BY_KIND[kind]
    for key, value in fields.items():
        check = checks.get(key)  # type: ignore[arg-type]  # a key of another type is simply not found
        if check is None:
            if type(key) is int and key >= FIRST_IGNORABLE_KEY:
                continue
            raise MalformedError(f"key {key!r} is unknown or not for a message of kind {kind}")
        if not check(value):
            raise MalformedError(f"key {key!r} has a value that is not allowed")
    if not required <= fields.keys():
        raise MalformedError(f"a message of kind {kind} lacks a required key")
    # What is not there is malformed, whatever else is demanded and whichever version this is.
    if _CRIT in fields and any(key not in fields for key in cast("list[int]", fields[_CRIT])):
        raise MalformedError("crit lists a key that is not there")
    if kind == _RESPONSE_KIND:
        _check_response(fields)


def _check_response(fields: Mapping[Key, Value]) -> None:
    """A response has either a result or an error."""
    if fields[15] == _OK and 16 in fields:
        raise MalformedError("a successful response carries an error")
    if fields[15] != _OK and 14 in fields:
        raise MalformedError("a failed response carries a body")


def _require_understood(envelope: Envelope) -> None:
    for key in cast("list[int]", envelope.fields[Field.CRIT]):
        if key not in UNDERSTOOD:
            raise UnsupportedEnvelope(f"key {key} must be understood", envelope, Status.SCHEMA_UNSUPPORTED)


def build(kind: Kind, mid: int, fields: Mapping[int, Value | None]) -> Envelope:
    """Make a message to send. Fields whose value is None are left out.

    Raises:
        LocalError: The fields are not in the grammar.
    """
    made: dict[Key, Value] = {0: VERSION, 1: int(kind), 2: mid}
    for key, value in fields.items():
        if value is not None:
            # The decoder returns plain integers, and the grammar is held against what it would return.
            plain = type(value) in PLAIN or not isinstance(value, IntEnum)
            made[int(key)] = value if plain else int(cast("int", value))
    try:
        check_fields(made)
    except MalformedError as error:
        raise LocalError(f"cannot send this message: {error}", reason="malformed") from error
    return Envelope(made)


def encode(envelope: Envelope) -> bytes:
    """Return the one encoding of a message.

    Raises:
        LocalError: The content is outside the CBOR subset or its limits.
    """
    return cbor.encode(envelope.fields)


RETRYABLE: frozenset[Status] = frozenset({Status.BUSY, Status.IN_PROGRESS, Status.UNAVAILABLE})
"""Outcomes after which the same request may be sent again without changing it."""
