"""The grammar of messages (docs/sipc1.md, section 13): what a receiver has to find wrong with a map.

Written from the page's table, one row for each key. The peer uses it to note what an implementation under test sends
against the rules; whether a message is *understood* (versions, signatures) is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ipc_gauntlet.peer.conversation import NAMES

Check = Callable[[Any], bool]

FIRST_FREE_KEY = 64
NAMES_OF_KINDS = ("request", "response", "event", "cancel")
_METHOD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,7}")
_MID_MAX = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One key.

    Args:
        check: Whether a value is one.
        where: For request, response, event and cancel: `*` required, `+` allowed, `-` not there.
    """

    check: Check
    where: str


def uint(low: int = 0, high: int = _MID_MAX) -> Check:
    """An unsigned integer within bounds."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def octets(low: int, high: int) -> Check:
    """A byte string of some length."""
    return lambda value: isinstance(value, bytes) and low <= len(value) <= high


def text(low: int, high: int) -> Check:
    """A text string of so many bytes."""
    return lambda value: isinstance(value, str) and low <= len(value.encode()) <= high


def method_name(value: object) -> bool:
    """Whether it is the name of a method."""
    return isinstance(value, str) and len(value.encode()) <= 128 and _METHOD.fullmatch(value) is not None


def _prov(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 16 and all(map(_hop, value))


def _hop(value: object) -> bool:
    kinds = (str, str, bytes)
    return isinstance(value, list) and len(value) == 3 and all(map(isinstance, value, kinds))


def _err(value: object) -> bool:
    known: dict[object, Check] = {0: octets(8, 8), 1: lambda one: isinstance(one, bool), 2: uint(0, 600_000)}
    return isinstance(value, dict) and all(key in known and known[key](one) for key, one in value.items())


def _crit(value: object) -> bool:
    if not isinstance(value, list) or not 1 <= len(value) <= 64:
        return False
    return all(map(uint(), value)) and len(set(value)) == len(value)


def _once(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and octets(16, 16)(value[0]) and uint()(value[1])


ROWS: dict[int, Row] = {
    NAMES[name]: Row(check, where)
    for name, check, where in (
        ("ver", uint(), "****"),
        ("kind", uint(0, 3), "****"),
        ("mid", uint(), "****"),
        ("corr", uint(), "-*-*"),
        ("method", method_name, "*-*-"),
        ("schema", uint(), "+-+-"),
        ("idem", octets(16, 32), "+---"),
        ("budget", uint(1, 600_000), "*---"),
        ("label", uint(0, 3), "+++-"),
        ("purpose", text(1, 128), "+-+-"),
        ("cap", octets(1, 65536), "+-+-"),
        ("prov", _prov, "+++-"),
        ("okey", octets(0, 32), "+-+-"),
        ("trace", octets(25, 25), "++++"),
        ("body", lambda _: True, "+++-"),
        ("status", uint(0, 255), "-*--"),
        ("err", _err, "-+--"),
        ("crit", _crit, "++++"),
        ("from", text(1, 255), "+++-"),
        ("to", text(1, 255), "+++-"),
        ("sig", octets(64, 64), "+++-"),
        ("once", _once, "+++-"),
    )
}
"""The table of section 13."""


def wrong_with(fields: Mapping[Any, Any]) -> str | None:
    """The first thing that is wrong with a message's map, in words; None for a good one."""
    kind = fields.get(NAMES["kind"])
    if not isinstance(kind, int) or not uint(0, 3)(kind):
        return "no kind of message"
    for key, value in fields.items():
        if not uint()(key):
            return f"a key that is no number: {key!r}"
        if key >= FIRST_FREE_KEY:
            continue
        row = ROWS.get(key)
        if row is None or row.where[kind] == "-":
            return f"key {key} does not belong into a {NAMES_OF_KINDS[kind]}"
        if not row.check(value):
            return f"the value of key {key} is out of its range"
    missing = [key for key, row in ROWS.items() if row.where[kind] == "*" and key not in fields]
    if missing:
        return f"a {NAMES_OF_KINDS[kind]} without key {missing[0]}"
    return _wrong_together(fields)


def _wrong_together(fields: Mapping[Any, Any]) -> str | None:
    """What single keys do not show."""
    status, error, body = (fields.get(NAMES[name], ...) for name in ("status", "err", "body"))
    if status == 0 and error is not ...:
        return "a response with status 0 and err"
    if status not in (0, ...) and body is not ...:
        return "a response with an error status and a body"
    absent = [key for key in fields.get(NAMES["crit"], ()) if key not in fields]
    return f"crit lists key {absent[0]}, which is not there" if absent else None
