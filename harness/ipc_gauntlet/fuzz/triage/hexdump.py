"""Bytes beside what they mean: a line for each field, long ones cut in the middle, fields within fields set in."""

from __future__ import annotations

from collections.abc import Sequence

from ipc_gauntlet.fuzz.target import Part

_WIDTH = 16
_MOST = 6
"""Lines of one field that are shown before it is cut."""


def plain(data: bytes, offset: int = 0, *, most: int = 0) -> list[str]:
    """Offset, bytes in hexadecimal, and the characters that can be printed.

    Args:
        data: The bytes.
        offset: That of the first.
        most: Show no more lines, the middle is left out; 0 for all.
    """
    lines = [
        f"{offset + begin:04x}  {data[begin : begin + _WIDTH].hex(' '):<{_WIDTH * 3 - 1}}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data[begin : begin + _WIDTH])
        for begin in range(0, len(data), _WIDTH)
    ]
    if most and len(lines) > most:
        left = most - 1
        cut = len(lines) - left
        lines = [*lines[: left - 1], f"      ... {cut} lines more ...", lines[-1]]
    return lines or [f"{offset:04x}  (nothing)"]


def decoded(data: bytes, parts: Sequence[Part]) -> list[str]:
    """The bytes of each field beside its path and value.

    Of a field that holds others the bytes before the first of them are shown with its name; bytes that no field names are shown as they are.

    Args:
        data: The bytes.
        parts: Fields in the order of their offsets, as `Structure.explain` gives them.
    """
    rows: list[tuple[int, bytes, str]] = []
    place = 0
    for number, part in enumerate(parts):
        begin = min(max(part.offset, 0), len(data))
        end = min(max(part.offset + part.length, begin), len(data))
        name = f"{'  ' * part.depth}{part.path}{' = ' if part.value else ''}{part.value}"
        if begin > place:
            rows.append((place, data[place:begin], ""))
            place = begin
        inner = parts[number + 1] if number + 1 < len(parts) else None
        if inner is not None and inner.depth > part.depth:
            # What lies before the first field within is the head of this one.
            end = min(end, max(inner.offset, begin))
        if end <= place:
            rows.append((begin, b"", name))
            continue
        rows.append((place, data[place:end], name))
        place = end
    if place < len(data):
        rows.append((place, data[place:], ""))
    return [line for row in rows for line in _row(*row)]


def _row(offset: int, data: bytes, name: str) -> list[str]:
    blank = " " * (_WIDTH * 3 - 1)
    if not data:
        return [f"{offset:04x}  {blank}  {name}".rstrip()]
    chunks = [data[begin : begin + _WIDTH] for begin in range(0, len(data), _WIDTH)]
    lines = [
        f"{offset + number * _WIDTH:04x}  {chunk.hex(' '):<{len(blank)}}  {name if not number else ''}".rstrip()
        for number, chunk in enumerate(chunks)
    ]
    if len(lines) > _MOST:
        cut = len(lines) - _MOST + 1
        lines = [*lines[: _MOST - 2], f"      ... {cut} lines more ...", lines[-1]]
    return lines
