"""Deterministic CBOR: the subset of RFC 8949 in which every value has exactly one encoding.

Rule of this file: whatever `decode` accepts, `encode` turns back into the same bytes. The subset (section 4.2.1 of
the RFC, narrowed): integers from -2^64 to 2^64-1, byte strings, UTF-8 text strings, arrays, maps, false, true, null;
shortest heads, definite lengths, map keys that are integers, byte strings or text strings in strictly ascending
order of their encodings; no tags, no floats, nothing behind the value.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

from sipc.errors import LocalError, MalformedError

Key: TypeAlias = int | bytes | str
Value: TypeAlias = Union[int, bytes, str, bool, list["Value"], dict[Key, "Value"], None]  # noqa: UP007 - recursive
# What `encode` takes: like Value, with read-only containers, so that a dict[int, bytes] fits.
Encodable: TypeAlias = Union[  # noqa: UP007 - recursive
    int, bytes, bytearray, memoryview, str, bool, Sequence["Encodable"],
    Mapping[Key, "Encodable"], Mapping[int, "Encodable"], Mapping[str, "Encodable"], Mapping[bytes, "Encodable"], None,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before anything is allocated for it.

    Args:
        depth: Most containers nested in each other; a lone array or map has depth 1.
        entries: Most elements of one array, or pairs of one map.
        string: Longest byte string or text string, in bytes.
    """

    depth: int = 16
    entries: int = 1024
    string: int = 1 << 20


DEFAULT = Limits()

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP = (major << 5 for major in range(6))
_U16, _U32, _U64 = (struct.Struct(code) for code in (">BH", ">BI", ">BQ"))
# An integer below this is its own encoding.
SHORT = 24
SHORT_INTS = tuple(bytes([byte]) for byte in range(256))
_SIMPLE: dict[int, bool | None] = {0xF4: False, 0xF5: True, 0xF6: None}
_FALSE, _TRUE, _NULL = (SHORT_INTS[byte] for byte in _SIMPLE)


def encode(value: Encodable, limits: Limits = DEFAULT) -> bytes:
    """Return the one encoding of `value`.

    Tuples are accepted as arrays; `bytearray` and `memoryview` as byte strings.

    Raises:
        LocalError: The value is outside the subset or beyond the limits.
    """
    parts: list[bytes] = []
    _encode(value, parts, limits, limits.depth)
    return b"".join(parts)


def append(value: Encodable, parts: list[bytes]) -> None:
    """Append the pieces of the encoding of `value`, which is an element of a map, within the default limits.

    Raises:
        LocalError: See `encode`.
    """
    _encode(value, parts, DEFAULT, DEFAULT.depth - 1)


def octets_head(length: int) -> bytes:
    """Return what stands before a byte string."""
    return _head(_BYTES, length)


def map_head(count: int) -> bytes:
    """Return what stands before `count` pairs."""
    return _head(_MAP, count)


def decode(data: bytes, limits: Limits = DEFAULT) -> Value:
    """Return the value that `data` is the one encoding of.

    Raises:
        MalformedError: Anything else than exactly one value of the subset in its one encoding; reason `limit`
            when it is beyond `limits`.
    """
    try:
        value, end = _decode(data, 0, limits, limits.depth)
    except IndexError:
        raise MalformedError("CBOR ends inside a value") from None
    if end != len(data):
        raise MalformedError(f"{len(data) - end} bytes behind the CBOR value")
    return value


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return SHORT_INTS[major | argument]
    if argument < 0x100:
        return SHORT_INTS[major | 24] + SHORT_INTS[argument]
    if argument < 0x10000:
        return _U16.pack(major | 25, argument)
    if argument < 0x100000000:
        return _U32.pack(major | 26, argument)
    if argument < 0x10000000000000000:
        return _U64.pack(major | 27, argument)
    raise LocalError("an integer is outside CBOR's 64 bits")


def _encode(value: object, parts: list[bytes], limits: Limits, depth: int) -> None:
    kind = type(value)
    if kind is int:
        parts.append(encode_int(value))  # type: ignore[arg-type]  # mypy does not narrow by type()
    elif kind is bytes:
        _encode_octets(value, parts, limits)  # type: ignore[arg-type]
    elif kind is bool or value is None:
        parts.append(_NULL if value is None else _TRUE if value else _FALSE)
    elif isinstance(value, str):
        _encode_text(value, parts, limits)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _encode_octets(bytes(value), parts, limits)
    elif isinstance(value, Mapping):
        _encode_map(value, parts, limits, depth)
    elif isinstance(value, (list, tuple)):
        _check_container(len(value), limits, depth)
        parts.append(_head(_ARRAY, len(value)))
        for item in value:
            _encode(item, parts, limits, depth - 1)
    elif isinstance(value, int):  # an IntEnum, for example
        parts.append(encode_int(int(value)))
    else:
        raise LocalError(f"CBOR subset has no {kind.__name__}")


def encode_int(value: int) -> bytes:
    """Return the encoding of an integer; raises LocalError if it has more than 64 bits."""
    if 0 <= value < SHORT:
        return SHORT_INTS[value]
    return _head(_UINT, value) if value >= 0 else _head(_NINT, -1 - value)


def _encode_map(value: Mapping[object, object], parts: list[bytes], limits: Limits, depth: int) -> None:
    _check_container(len(value), limits, depth)
    parts.append(_head(_MAP, len(value)))
    begin = len(parts)
    previous = -1
    for key, item in value.items():
        # Small integers that ascend, as in every message, are in order as they stand.
        if type(key) is not int or not previous < key < 24:
            del parts[begin:]
            _encode_sorted(value, parts, limits, depth)
            return
        previous = key
        parts.append(SHORT_INTS[key])
        _encode(item, parts, limits, depth - 1)


def _encode_sorted(value: Mapping[object, object], parts: list[bytes], limits: Limits, depth: int) -> None:
    pairs = [(_encode_key(key, limits), item) for key, item in value.items()]
    pairs.sort(key=_first)
    for key, item in pairs:
        parts.append(key)
        _encode(item, parts, limits, depth - 1)


def _first(pair: tuple[bytes, object]) -> bytes:
    return pair[0]


def _encode_key(key: object, limits: Limits) -> bytes:
    if type(key) is int:
        return encode_int(key)
    if isinstance(key, bool) or not isinstance(key, (int, bytes, str)):
        raise LocalError(f"CBOR subset has no {type(key).__name__} as a map key")
    parts: list[bytes] = []
    _encode(key, parts, limits, 0)
    return b"".join(parts)


def _encode_text(value: str, parts: list[bytes], limits: Limits) -> None:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise LocalError("a text contains a lone surrogate, which UTF-8 cannot carry") from None
    _check_string(len(raw), limits)
    parts.append(_head(_TEXT, len(raw)))
    parts.append(raw)


def _encode_octets(value: bytes, parts: list[bytes], limits: Limits) -> None:
    length = len(value)
    if length > limits.string:
        _check_string(length, limits)
    parts.append(_U16.pack(_BYTES | 25, length) if 256 <= length < 65536 else _head(_BYTES, length))
    parts.append(value)


def _check_string(length: int, limits: Limits) -> None:
    if length > limits.string:
        raise LocalError(f"a string of {length} bytes is beyond the limit of {limits.string}", reason="limit")


def _check_container(count: int, limits: Limits, depth: int) -> None:
    if not depth:
        raise LocalError(f"a value is nested deeper than {limits.depth}", reason="limit")
    if count > limits.entries:
        raise LocalError(f"{count} entries are beyond the limit of {limits.entries}", reason="limit")


def _decode(data: bytes, pos: int, limits: Limits, depth: int) -> tuple[Value, int]:
    initial = data[pos]
    if initial < 24:
        return initial, pos + 1
    major = initial & 0xE0
    if major == 0xE0:
        if initial not in _SIMPLE:
            raise MalformedError(f"CBOR subset has no float or simple value 0x{initial:02x}")
        return _SIMPLE[initial], pos + 1
    low = initial & 0x1F
    if low < 24:
        argument = low
        pos += 1
    else:
        argument, pos = _argument(data, pos, low)
    if major <= _NINT:
        return (argument if major == _UINT else -1 - argument), pos
    if major <= _TEXT:
        return _decode_string(data, pos, argument, major, limits)
    if major > _MAP:
        raise MalformedError("CBOR subset has no tags")
    if not depth:
        raise MalformedError(f"CBOR is nested deeper than {limits.depth}", reason="limit")
    if argument > limits.entries:
        raise MalformedError(
            f"CBOR announces {argument} entries, the limit is {limits.entries}", reason="limit"
        )
    if major == _MAP:
        return _decode_map(data, pos, argument, limits, depth - 1)
    items: list[Value] = []
    for _ in range(argument):
        item, pos = _decode(data, pos, limits, depth - 1)
        items.append(item)
    return items, pos


def _argument(data: bytes, pos: int, low: int) -> tuple[int, int]:
    """Read a head's long argument; each longer form is legal only for what no shorter form can say."""
    if low == 24:
        argument, end = data[pos + 1], pos + 2
        if argument < 24:
            raise MalformedError("CBOR head is longer than needed")
        return argument, end
    if low > 27:
        raise MalformedError(f"CBOR head with reserved or indefinite length {low}")
    pos += 1
    end = pos + (1 << (low - 24))
    if end > len(data):
        raise MalformedError("CBOR ends inside a head")
    argument = int.from_bytes(data[pos:end])
    if argument < 1 << (4 << (low - 24)):
        raise MalformedError("CBOR head is longer than needed")
    return argument, end


def _decode_string(data: bytes, pos: int, length: int, major: int, limits: Limits) -> tuple[bytes | str, int]:
    if length > limits.string:
        raise MalformedError(f"CBOR announces {length} bytes, the limit is {limits.string}", reason="limit")
    end = pos + length
    if end > len(data):
        raise MalformedError("CBOR ends inside a string")
    raw = data[pos:end]
    if major == _BYTES:
        return raw, end
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        raise MalformedError("CBOR text is not UTF-8") from None


def _decode_map(data: bytes, pos: int, count: int, limits: Limits, depth: int) -> tuple[Value, int]:
    result: dict[Key, Value] = {}
    previous = -1
    for done in range(count):
        key = data[pos]
        if key >= 24:
            return _decode_long_keys(data, pos, count - done, limits, depth, result)
        # A small integer is its own encoding, so these compare as their bytes would.
        if key <= previous:
            raise MalformedError("CBOR map keys are not strictly ascending")
        previous = key
        value = data[pos + 1]
        if value < 24:
            result[key] = value
            pos += 2
        else:
            result[key], pos = _decode(data, pos + 1, limits, depth)
    return result, pos


def _decode_long_keys(
    data: bytes, pos: int, count: int, limits: Limits, depth: int, result: dict[Key, Value]
) -> tuple[Value, int]:
    """The pairs of a map from the first key on that takes more than one byte."""
    previous = b""
    for _ in range(count):
        start = pos
        key, pos = _decode_key(data, start, limits)
        encoded = data[start:pos]
        if encoded <= previous:
            raise MalformedError("CBOR map keys are not strictly ascending")
        previous = encoded
        result[key], pos = _decode(data, pos, limits, depth)
    return result, pos


def _decode_key(data: bytes, pos: int, limits: Limits) -> tuple[Key, int]:
    initial = data[pos]
    if initial >= _ARRAY:
        raise MalformedError("CBOR map key is neither an integer nor a string")
    low, major = initial & 0x1F, initial & 0xE0
    argument, pos = (low, pos + 1) if low < 24 else _argument(data, pos, low)
    if major <= _NINT:
        return (argument if major == _UINT else -1 - argument), pos
    return _decode_string(data, pos, argument, major, limits)
