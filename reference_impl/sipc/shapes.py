"""The commonest messages, encoded and decoded by their shape: no optional field, and a byte string for a body.

    request     {0: 1, 1: 0, 2: mid, 4: method, 7: budget, 14: body}
    response    {0: 1, 1: 1, 2: mid, 3: corr, 14: body, 15: 0}
    event       {0: 1, 1: 2, 2: mid, 4: method, 14: body}

Rule of this file: it is a shortcut and nothing else. What a shape matches is exactly what `cbor` and `envelope` make
of it, byte for byte and field for field (a property test holds them against each other); whatever is not of one of
these shapes is left to them, and they say what is wrong with it.
"""

import re
import struct
from functools import lru_cache

from sipc import cbor
from sipc.cbor import Key, Value

STRING_LIMIT = cbor.DEFAULT.string
_MAX_BUDGET_MS = 600_000
_MAX_METHOD = 128

# Shortest heads only: a longer form must not hold what a shorter one could (RFC 8949, section 4.2.1).
_INT = rb"([\x00-\x17]|\x18[\x18-\xff]|\x19[^\x00].|\x1a(?!\x00\x00).{4}|\x1b(?!\x00{4}).{8})"
_OCTETS = rb"([\x40-\x57]|\x58[\x18-\xff]|\x59[^\x00].|\x5a(?!\x00\x00).{4})"
_METHOD = rb"([\x60-\x77]|\x78[\x18-\x80])([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){1,7})"


def _shape(*parts: bytes) -> re.Pattern[bytes]:
    return re.compile(b"".join(parts), re.DOTALL)


_REQUEST = _shape(
    rb"\xa6\x00\x01\x01\x00\x02", _INT, rb"\x04", _METHOD, rb"\x07", _INT, rb"\x0e", _OCTETS
).match
_RESPONSE = _shape(rb"\xa6\x00\x01\x01\x01\x02", _INT, rb"\x03", _INT, rb"\x0e", _OCTETS).match
_EVENT = _shape(rb"\xa5\x00\x01\x01\x02\x02", _INT, rb"\x04", _METHOD, rb"\x0e", _OCTETS).match

_TEXT_HEADS = tuple(bytes((0x60 + n,)) if n < 24 else bytes((0x78, n)) for n in range(_MAX_METHOD + 1))
_SUCCESS = b"\x0f\x00"
_HEAD_16 = struct.Struct(">BBH").pack


def decode(data: bytes) -> dict[Key, Value] | None:
    """Return the checked fields of a message; None if it has none of the shapes, for whatever reason."""
    kind = data[4:5]
    if kind == b"\x01":
        match = _RESPONSE(data)
        if match is None:
            return None
        mid, corr, head = match.groups()
        end, size = match.end(), len(data) - 2
        if end + _number(head, 0x40) != size or size - end > STRING_LIMIT or data[size:] != _SUCCESS:
            return None
        return {0: 1, 1: 1, 2: _number(mid), 3: _number(corr), 14: data[end:size], 15: 0}
    match = _REQUEST(data) if kind == b"\x00" else _EVENT(data)
    if match is None:
        return None
    end, size = match.end(), len(data)
    mid, text_head, text, *budgets, head = match.groups()
    if end + _number(head, 0x40) != size or size - end > STRING_LIMIT:
        return None
    if len(text) > _MAX_METHOD or text_head != _TEXT_HEADS[len(text)]:
        return None
    if not budgets:
        return {0: 1, 1: 2, 2: _number(mid), 4: text.decode(), 14: data[end:]}
    budget = _number(budgets[0])
    if not 1 <= budget <= _MAX_BUDGET_MS:
        return None
    return {0: 1, 1: 0, 2: _number(mid), 4: text.decode(), 7: budget, 14: data[end:]}


def _number(head: bytes, major: int = 0) -> int:
    """The argument of a head."""
    return head[0] - major if len(head) == 1 else int.from_bytes(head[1:])


def request(mid: int, method: str, budget_ms: int, body: bytes) -> tuple[bytes, ...]:
    """Return the pieces of a request; `method` is one, `budget_ms` is in range, `body` within the limit."""
    return (
        b"\xa6\x00\x01\x01\x00\x02", cbor.encode_int(mid), _middle(method, budget_ms), _body_head(len(body)), body
    )  # fmt: skip


def response(mid: int, corr: int, body: bytes) -> tuple[bytes, ...]:
    """Return the pieces of a successful response; `body` is within the limit."""
    return (
        b"\xa6\x00\x01\x01\x01\x02", cbor.encode_int(mid), b"\x03", cbor.encode_int(corr), _body_head(len(body)),
        body, _SUCCESS,
    )  # fmt: skip


def event(mid: int, method: str, body: bytes) -> tuple[bytes, ...]:
    """Return the pieces of an event; `method` is one, `body` is within the limit."""
    return b"\xa5\x00\x01\x01\x02\x02", cbor.encode_int(mid), _middle(method), _body_head(len(body)), body


@lru_cache(maxsize=512)  # bytes that depend on nothing else; a program has few methods and few budgets
def _middle(method: str, budget_ms: int | None = None) -> bytes:
    text = method.encode()
    budget = b"" if budget_ms is None else b"\x07" + cbor.encode_int(budget_ms)
    return b"".join((b"\x04", _TEXT_HEADS[len(text)], text, budget))


def _body_head(length: int) -> bytes:
    return _HEAD_16(0x0E, 0x59, length) if 256 <= length < 65536 else b"\x0e" + cbor.octets_head(length)
