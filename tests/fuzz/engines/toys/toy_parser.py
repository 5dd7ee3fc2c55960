"""A parser with defects, for tests of engines: a box is `BOX`, a kind, a length, a body, and the kinds do things."""

from __future__ import annotations


class Refused(Exception):
    """Not a box."""

    reason = "malformed"


class Defect(Exception):
    """A defect that a deep input meets."""


def parse(data: bytes) -> tuple[int, bytes]:
    """Read a box."""
    if data[:3] != b"BOX":
        raise Refused
    if len(data) < 5:
        raise Refused
    kind, length = data[3], data[4]
    body = data[5:]
    if len(body) != length:
        raise Refused
    if kind == 1:
        return kind, numbers(body)
    if kind == 2:
        return kind, words(body)
    return kind, body


def numbers(body: bytes) -> bytes:
    """The first defect: an IndexError for an empty body."""
    if body[0] > 200:
        raise Refused
    return body


def words(body: bytes) -> bytes:
    """The second defect: behind three bytes, in a module that is imported late."""
    if len(body) > 1 and body[0] > 0x80:
        from toy_parser_late import check

        check(body)
    return body


def encode(value: tuple[int, bytes]) -> bytes:
    """Back to bytes; the third defect: kind 9 is not canonical."""
    kind, body = value
    if kind == 9:
        kind = 8
    return b"BOX" + bytes([kind, len(body)]) + body
