"""Payloads of the control records READY, CLOSE and ERROR.

Rule of this file: what arrives is checked as strictly as an envelope. All keys shown are required, keys below
64 that are not shown are fatal, others are ignored. Every number has a range, so that no value a peer chooses can
mean "for ever".
"""

import itertools
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from sipc import cbor
from sipc.cbor import Key, Value
from sipc.envelope import FIRST_IGNORABLE_KEY
from sipc.errors import MalformedError

_DAY_MS = 86_400_000
_LIMITS = cbor.Limits(depth=3, entries=128, string=1024)


class CloseReason(IntEnum):
    """Why a side closes. Unknown numbers are read as NORMAL."""

    NORMAL = 0
    LIFETIME = 1
    SHUTDOWN = 2


@dataclass(frozen=True, slots=True)
class Ready:
    """What a side announces in its first record.

    Attributes:
        max_message: Longest message it takes, in bytes (1 KiB to 16 MiB).
        max_inflight: How many requests it works on at once.
        rekey_after_records: After how many records it wants a new key.
        idle_ms: When it probes a silent peer.
        features: Ascending numbers of optional features; none are defined.
    """

    max_message: int = 1 << 20
    max_inflight: int = 64
    rekey_after_records: int = 1 << 20
    idle_ms: int = 60_000
    features: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """The last record of a direction.

    Attributes:
        reason: Number of a `CloseReason`.
        sent: How many messages its sender sent.
        processed: How many of the receiver's messages it has processed.
    """

    reason: int
    sent: int
    processed: int


@lru_cache(maxsize=64)  # a program has few settings, and every connection announces them
def encode_ready(ready: Ready) -> bytes:
    """Return the payload of a READY record."""
    return cbor.encode(
        {
            0: ready.max_message,
            1: ready.max_inflight,
            2: ready.rekey_after_records,
            3: ready.idle_ms,
            4: list(ready.features),
        }
    )


@lru_cache(maxsize=64)  # so do its peers
def decode_ready(payload: bytes) -> Ready:
    """Parse a READY record.

    Raises:
        MalformedError: Not in the grammar above.
    """
    fields = _fields(payload, 5)
    features = fields[4]
    if type(features) is not list or len(features) > 64:
        raise MalformedError("READY has no list of at most 64 features")
    numbers = [_number(feature, 0, 0xFFFF) for feature in features]
    if any(low >= high for low, high in itertools.pairwise(numbers)):
        raise MalformedError("the features of READY are not ascending")
    return Ready(
        max_message=_number(fields[0], 1 << 10, 1 << 24),
        max_inflight=_number(fields[1], 1, 0xFFFF),
        rekey_after_records=_number(fields[2], 2, 1 << 32),
        idle_ms=_number(fields[3], 1, _DAY_MS),
        features=tuple(numbers),
    )


def encode_close(close: Close) -> bytes:
    """Return the payload of a CLOSE record."""
    return cbor.encode({0: close.reason, 1: close.sent, 2: close.processed})


def decode_close(payload: bytes) -> Close:
    """Parse a CLOSE record.

    Raises:
        MalformedError: Not in the grammar above.
    """
    fields = _fields(payload, 3)
    return Close(*(_number(fields[key], 0, (1 << 64) - 1) for key in range(3)))


def encode_error(code: int, ref: bytes) -> bytes:
    """Return the payload of an ERROR record; `ref` is eight bytes that also stand in this side's log."""
    return cbor.encode({0: code, 1: ref})


def decode_error(payload: bytes) -> int:
    """Parse an ERROR record and return its code.

    Raises:
        MalformedError: Not in the grammar above.
    """
    fields = _fields(payload, 2)
    ref = fields[1]
    if type(ref) is not bytes or len(ref) != 8:
        raise MalformedError("ERROR has no reference of eight bytes")
    return _number(fields[0], 1, 255)


def _fields(payload: bytes, count: int) -> dict[Key, Value]:
    """The map of a control record: keys 0 to `count` - 1 and ignorable ones."""
    fields = cbor.decode(payload, _LIMITS)
    if type(fields) is not dict:
        raise MalformedError("a control record is not a map")
    known = 0
    for key in fields:
        if type(key) is not int or key < 0 or count <= key < FIRST_IGNORABLE_KEY:
            raise MalformedError(f"unknown key {key!r} in a control record")
        known += key < count
    if known != count:
        raise MalformedError("a control record lacks a key")
    return fields


def _number(value: Value, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise MalformedError("a number in a control record is out of range")
    return value
