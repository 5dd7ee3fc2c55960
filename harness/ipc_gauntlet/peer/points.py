"""X25519 public keys with which every shared secret is zero (RFC 7748, section 6.1).

Each is given with its top bit clear and set, and in its encodings above the field's prime: X25519 masks the bit and
reduces the rest, so an implementation that compares with a list of a few encodings misses some. What counts is the
result.
"""

from __future__ import annotations

_PRIME = (1 << 255) - 19
_ORDER_8 = 325606250916557431795983626356110631294008115727848805560023387167927233504
_ORDER_8_TOO = 39382357235489614581723060781553021112529911719440698176882885853963445705823


def _encodings(point: int) -> list[bytes]:
    """Every way to write a coordinate in 32 bytes."""
    values = [point] + ([point + _PRIME] if point + _PRIME < 1 << 255 else [])
    return [(value | high << 255).to_bytes(32, "little") for value in values for high in (0, 1)]


LOW_ORDER: tuple[bytes, ...] = tuple(
    encoding for point in (0, 1, _ORDER_8, _ORDER_8_TOO, _PRIME - 1) for encoding in _encodings(point)
)
"""All encodings of the points of order 1, 2, 4 and 8 on the curve and its twist."""
