"""Deterministic CBOR (docs/sipc1.md, section 17), and every way to break its rules on purpose.

Values: int, bytes, str, bool, None, list or tuple, dict. `Raw` stands for bytes that are put in as they are; the
functions below it make the encodings that a receiver has to refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
FALSE, TRUE, NULL = 20, 21, 22


class CborError(ValueError):
    """Bytes that are no deterministic CBOR."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a decoder takes: containers nested in each other, elements or pairs of one, bytes of a string."""

    depth: int = 16
    elements: int = 1024
    string: int = 1 << 20


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that stand where a value is expected, whatever they mean."""

    data: bytes


def encode(value: object) -> bytes:
    """Encode a value in the one way that is allowed.

    Raises:
        TypeError: The value is of no kind that SIPC/1 has.
    """
    if isinstance(value, Raw):
        return value.data
    if value is None or isinstance(value, bool):
        return bytes([SIMPLE << 5 | {False: FALSE, True: TRUE, None: NULL}[value]])
    if isinstance(value, int):
        return head(UINT, value) if value >= 0 else head(NINT, -1 - value)
    if isinstance(value, bytes | bytearray):
        return head(BYTES, len(value)) + bytes(value)
    if isinstance(value, str):
        text = value.encode()
        return head(TEXT, len(text)) + text
    if isinstance(value, list | tuple):
        return head(ARRAY, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        items = sorted((encode(key), encode(one)) for key, one in value.items())
        return head(MAP, len(items)) + b"".join(key + one for key, one in items)
    raise TypeError(f"no CBOR of SIPC/1 for {type(value).__name__}")


def head(major: int, argument: int, size: int | None = None) -> bytes:
    """Encode a head.

    Args:
        major: Major type, 0 to 7.
        argument: What it says.
        size: Bytes of the argument, 0, 1, 2, 4 or 8; the fewest that do when None.
    """
    if size is None:
        size = next(n for n in (0, 1, 2, 4, 8) if argument < (24 if n == 0 else 1 << 8 * n))
    if size == 0:
        return bytes([major << 5 | argument])
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + argument.to_bytes(size)


def wide(value: int | bytes | str, size: int = 8) -> Raw:
    """Encode an integer or string with a longer head than it needs."""
    if isinstance(value, int):
        return Raw(head(UINT if value >= 0 else NINT, value if value >= 0 else -1 - value, size))
    data = value.encode() if isinstance(value, str) else value
    return Raw(head(TEXT if isinstance(value, str) else BYTES, len(data), size) + data)


def pairs(items: Iterable[tuple[Any, Any]]) -> Raw:
    """Encode a map exactly in this order, duplicates included."""
    listed = list(items)
    return Raw(head(MAP, len(listed)) + b"".join(encode(key) + encode(one) for key, one in listed))


def indefinite(value: bytes | str | list[Any] | dict[Any, Any]) -> Raw:
    """Encode a value with indefinite length."""
    if isinstance(value, bytes | str):
        return Raw(bytes([(TEXT if isinstance(value, str) else BYTES) << 5 | 31]) + encode(value) + b"\xff")
    major = MAP if isinstance(value, dict) else ARRAY
    inner = encode(value)
    length = len(head(major, len(value)))
    return Raw(bytes([major << 5 | 31]) + inner[length:] + b"\xff")


def tagged(tag: int, value: object) -> Raw:
    """Encode a value behind a tag; SIPC/1 has none."""
    return Raw(head(TAG, tag) + encode(value))


def floating(value: float) -> Raw:
    """Encode a floating-point number; SIPC/1 has none."""
    return Raw(b"\xfb" + struct.pack(">d", value))


def simple(value: int) -> Raw:
    """Encode a simple value; 23 is undefined, SIPC/1 has only 20 to 22."""
    return Raw(head(SIMPLE, value) if value < 24 else bytes([SIMPLE << 5 | 24, value]))


def text_of(data: bytes) -> Raw:
    """Encode bytes as a text string, whether they are UTF-8 or not."""
    return Raw(head(TEXT, len(data)) + data)


def nested(levels: int) -> list[object]:
    """Arrays within each other, `levels` of them."""
    value: list[object] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def decode(data: bytes, limits: Limits = USUAL) -> object:
    """Decode one value and refuse everything that has another spelling.

    Raises:
        CborError: It is not deterministic, exceeds a limit, or something follows it.
    """
    reader = _Reader(data, limits)
    value = reader.value(0)
    if reader.at != len(data):
        raise CborError(f"{len(data) - reader.at} bytes behind the value")
    return value


class _Reader:
    """A position in bytes that are being decoded."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.limits = limits
        self.at = 0

    def value(self, depth: int) -> object:
        major, argument = self._head()
        if major == UINT:
            return argument
        if major == NINT:
            return -1 - argument
        if major in (BYTES, TEXT):
            return self._string(major, argument)
        if major == ARRAY:
            self._container(argument, depth)
            return [self.value(depth + 1) for _ in range(argument)]
        if major == MAP:
            self._container(argument, depth)
            return self._map(argument, depth)
        if major == SIMPLE and argument in (FALSE, TRUE, NULL):
            return {FALSE: False, TRUE: True, NULL: None}[argument]
        raise CborError("a tag, a floating-point number or a simple value that SIPC/1 does not have")

    def _map(self, count: int, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        before = b""
        for number in range(count):
            start = self.at
            key = self.value(depth + 1)
            spelling = self.data[start : self.at]
            if isinstance(key, bool | list | dict) or key is None:
                raise CborError("a map key that is neither integer nor string")
            if number and spelling <= before:
                raise CborError("map keys are not strictly ascending")
            before = spelling
            found[key] = self.value(depth + 1)
        return found

    def _string(self, major: int, length: int) -> bytes | str:
        if length > self.limits.string:
            raise CborError("a string is too long")
        data = self._take(length)
        if major == BYTES:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as problem:
            raise CborError("text is not UTF-8") from problem

    def _container(self, count: int, depth: int) -> None:
        if count > self.limits.elements:
            raise CborError("too many elements")
        if depth >= self.limits.depth:
            raise CborError("nested too deep")

    def _head(self) -> tuple[int, int]:
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low
        if low > 27:
            raise CborError("an indefinite length, or a reserved head")
        if major == SIMPLE:
            raise CborError("a floating-point number or a long simple value")
        size = 1 << (low - 24)
        argument = int.from_bytes(self._take(size))
        if argument < (24 if size == 1 else 1 << 4 * size):
            raise CborError("a head is longer than it needs to be")
        return major, argument

    def _take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise CborError("the value ends too early")
        self.at += count
        return self.data[self.at - count : self.at]
