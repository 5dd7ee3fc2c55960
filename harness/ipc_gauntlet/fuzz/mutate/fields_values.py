"""Values worth trying: numbers at bounds, bytes that are changed a little, text that is none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from random import Random

BAD_UTF8 = (
    b"\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\0",
    "ü".encode(),
    "e\u0301".encode(),
    "\u202e".encode(),
    "\ufeff".encode(),
)
"""What texts are spoilt with: no UTF-8 at all, and UTF-8 that programs stumble over."""

_INTERESTING = bytes(
    (0, 1, 0x17, 0x18, 0x1F, 0x20, 0x40, 0x60, 0x7F, 0x80, 0xA0, 0xC0, 0xE0, 0xF6, 0xFE, 0xFF)
)


@lru_cache(maxsize=1024)
def boundaries(low: int, high: int, width: int) -> tuple[int, ...]:
    """Numbers at and beside the bounds of a field and of its width in bytes."""
    found = {low - 1, low, low + 1, high - 1, high, high + 1, 0, 1, 23, 24, 255, 256}
    for bits in (7, 8, 15, 16, 31, 32, 63, 64):
        if bits <= 8 * width:
            found |= {(1 << bits) - 1, 1 << bits, (1 << bits) - 2}
    return tuple(sorted(value for value in found if value <= 1 << 8 * width))


def filled(size: int, rng: Random) -> bytes:
    """Bytes of a length: of one value, or any."""
    if size <= 0:
        return b""
    return bytes((rng.randrange(256),)) * size if rng.random() < 0.5 else rng.randbytes(size)


def disturbed(data: bytes, rng: Random, *, same_length: bool = False) -> bytes:
    """Bytes with something changed.

    Args:
        data: These.
        rng: Decides.
        same_length: Nothing is put in or taken out.
    """
    if not data:
        return b"" if same_length else rng.randbytes(rng.choice((1, 1, 2, 8)))
    at = rng.randrange(len(data))
    which = rng.randrange(3 if same_length else 7)
    if which == 0:
        return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
    if which == 1:
        return data[:at] + bytes((rng.choice(_INTERESTING),)) + data[at + 1 :]
    if which == 2:
        return data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
    stop = min(len(data), at + rng.choice((1, 1, 2, 4, 16)))
    if which == 3:
        return data[:at] + data[stop:]
    if which == 4:
        return data[:at] + data[at:stop] + data[at:]
    if which == 5:
        return data[:at] + rng.randbytes(rng.choice((1, 1, 2, 4))) + data[at:]
    return data[:at]


def ways_to_shorten(data: bytes, low: int) -> Iterator[bytes]:
    """Shorter bytes, but no shorter than `low`, then zeros in place of what is there."""
    size = len(data)
    for less in dict.fromkeys((low, size // 2, size - 1)):
        if low <= less < size:
            yield data[:less]
            yield data[size - less :]
    if any(data):
        yield bytes(size)
