"""Encoding a message to send: check against the grammar and encoding in one pass."""

from collections.abc import Mapping
from enum import IntEnum

from sipc import cbor
from sipc.cbor import Key, Value
from sipc.envelope import BY_KIND, PLAIN, VERSION, Field, Kind, Status, build, encode
from sipc.errors import LocalError

_OK, _RESPONSE_KIND = int(Status.OK), Kind.RESPONSE
# Every message begins with version, kind and number.
_PREFIX = frozenset({int(Field.VER), int(Field.KIND), int(Field.MID)})
_REQUIRED_REST = tuple(BY_KIND[kind][1] - _PREFIX for kind in Kind)
_PREFIXES = tuple(bytes((Field.VER, VERSION, Field.KIND, kind, Field.MID)) for kind in Kind)


def message(kind: Kind, mid: int, fields: Mapping[int, Value]) -> bytes:
    """Return the encoding of a message to send: `build` and `encode` in one pass, for fields that are in order.

    Args:
        kind: What the message is.
        mid: Its number.
        fields: All other fields by ascending keys; those whose value is None are left out.

    Raises:
        LocalError: The fields are not in the grammar, or outside the CBOR subset or its limits.
    """
    checks, rest = BY_KIND[kind][0], _REQUIRED_REST[kind]
    parts = [b"", _PREFIXES[kind], cbor.encode_int(mid)]
    previous = count = len(_PREFIX) - 1
    for key, value in fields.items():
        if value is None:
            continue
        check = checks.get(key)
        if check is None or not previous < key < cbor.SHORT:
            return encode(build(kind, mid, fields))
        plain = value if type(value) in PLAIN or not isinstance(value, IntEnum) else int(value)
        if not check(plain):
            raise LocalError(
                f"cannot send this message: key {key} has a value that is not allowed", reason="malformed"
            )
        previous = key
        count += 1
        parts.append(cbor.SHORT_INTS[key])
        cbor.append(plain, parts)
    if not rest <= fields.keys() or (kind is _RESPONSE_KIND and not _is_success(fields)):
        # Says what is wrong, if anything is.
        return encode(build(kind, mid, fields))
    parts[0] = cbor.map_head(count + 1)
    return b"".join(parts)


def _is_success(fields: Mapping[int, Value]) -> bool:
    return fields.get(15) == _OK and fields.get(16) is None


def error_detail(ref: bytes, *, retryable: bool, retry_after_ms: int | None = None) -> dict[Key, Value]:
    """The `err` field of a failed response.

    Args:
        ref: Eight random bytes that also stand in this side's log.
        retryable: Whether the same request may succeed later.
        retry_after_ms: How long the caller should wait.
    """
    detail: dict[Key, Value] = {0: ref, 1: retryable}
    if retry_after_ms is not None:
        detail[2] = retry_after_ms
    return detail
