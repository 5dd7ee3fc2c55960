"""Inputs at a boundary: what a parser compares is written into the input so that both sides are equal, or one apart.

A check that is shifted by one shows on inputs that hit its boundary exactly, which chance alone seldom makes. So the
values that one run compares are looked for in the input, as numbers of the usual sizes, as lengths, as they are, and are
replaced by the value on the other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ipc_gauntlet.fuzz.pin.cbor_sizes import resized

_SIZES = (1, 2, 4, 8)
_COUNTS = (1, 2, 4)
_UNITS = (1, 2)
_MOST_PLACES = 6
_LONGEST_CHOICE = 64
_TELLING = (0x00, 0x01, 0x17, 0x20, 0x40, 0x60, 0x7F, 0x80, 0xA0, 0xF4, 0xF5, 0xF6, 0xFB, 0xFF)


def boundary_inputs(data: bytes, pairs: Iterable[tuple[object, object]], longest: int) -> Iterator[bytes]:
    """Inputs made from one and the values that were compared while it was parsed.

    Args:
        data: The input.
        pairs: Left and right side of each comparison.
        longest: No input is longer, in bytes.
    """
    made = dict.fromkeys((data,))
    for left, right in dict.fromkeys(_hashable(pairs)):
        for candidate in _of_pair(data, left, right, longest):
            if candidate not in made and len(candidate) <= longest:
                made[candidate] = None
                yield candidate


def other_bytes(data: bytes) -> Iterator[bytes]:
    """An input with each byte in turn another one at which formats change their mind: limits, types, signs."""
    for at, old in enumerate(data):
        for value in _TELLING:
            if value != old:
                yield data[:at] + bytes((value,)) + data[at + 1 :]


def _hashable(pairs: Iterable[tuple[object, object]]) -> Iterator[tuple[object, object]]:
    for left, right in pairs:
        yield _frozen(left), _frozen(right)


def _frozen(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) <= _LONGEST_CHOICE:
        items = [_frozen(item) for item in value if isinstance(item, (int, bytes, str))]
        return tuple(sorted((item for item in items if item is not None), key=repr))
    return None


def _of_pair(data: bytes, left: object, right: object, longest: int) -> Iterator[bytes]:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int) and isinstance(other, int):
            for goal in (other, other + 1, other - 1):
                yield from _as_number(data, one, goal)
                yield from _as_count(data, one, goal, longest)
                yield from resized(data, one, goal)
                yield from _as_length(data, one, goal, longest)
        elif isinstance(one, bytes) and isinstance(other, bytes) and one != other:
            yield from _as_bytes(data, one, other)
        elif isinstance(other, tuple):
            for item in other:
                if isinstance(one, int) and isinstance(item, int):
                    for goal in (item, item + 1, item - 1):
                        yield from _as_number(data, one, goal)
                elif isinstance(one, bytes) and isinstance(item, bytes):
                    yield from _as_bytes(data, one, item)


def _as_number(data: bytes, old: int, new: int) -> Iterator[bytes]:
    if old == new or old < 0 or new < 0:
        return
    for size in _SIZES:
        if max(old, new) >> (8 * size):
            continue
        for order in ("big", "little") if size > 1 else ("big",):
            was, becomes = old.to_bytes(size, order), new.to_bytes(size, order)
            yield from _as_bytes(data, was, becomes)


def _as_count(data: bytes, old: int, new: int, longest: int) -> Iterator[bytes]:
    """If a number counts bytes or pairs of bytes behind it, so many come or go with it."""
    if old < 0 or new < 0 or old == new or max(old, new) > longest:
        return
    for size in _COUNTS:
        if max(old, new) >> (8 * size):
            continue
        was, becomes = old.to_bytes(size), new.to_bytes(size)
        at = data.find(was)
        for _ in range(_MOST_PLACES):
            if at < 0:
                break
            first = at + size
            for unit in _UNITS:
                behind = data[first : first + unit * old]
                if len(behind) < unit * min(old, new):
                    continue
                filled = behind[: unit * new] + (behind[-unit:] or b"a" * unit) * max(new - old, 0)
                yield data[:at] + becomes + filled + data[first + unit * old :]
            at = data.find(was, at + 1)


def _as_length(data: bytes, old: int, new: int, longest: int) -> Iterator[bytes]:
    """If a value is about as large as the input is long, the input becomes longer or shorter."""
    if not len(data) - 16 <= old <= len(data) + 1 or old == new:
        return
    length = len(data) + new - old
    if not 0 <= length <= longest:
        return
    if length < len(data):
        yield data[:length]
        yield data[len(data) - length :]
    else:
        yield data + bytes(length - len(data))
        yield data + (data[-1:] or b"\0") * (length - len(data))


def _as_bytes(data: bytes, old: bytes, new: bytes) -> Iterator[bytes]:
    if not old:
        return
    at = data.find(old)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        yield data[:at] + new + data[at + len(old) :]
        at = data.find(old, at + 1)
