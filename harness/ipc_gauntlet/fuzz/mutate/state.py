"""From what was compared back to the input: where one value stands in it, write the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

Value = int | bytes | str

_PLACES = 8
_NARROW = (4, 2, 1)
_WIDE = (8,)
_DIGITS = 10
_ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")


def substituted(data: bytes, pairs: Iterable[tuple[Value, Value]], longest: int) -> Iterator[bytes]:
    """Inputs in which a value that was compared is replaced by what it was compared with; no duplicates.

    Args:
        data: The input of which the pairs come.
        pairs: Values that were compared and differed; either may be what stands in the input.
        longest: No result is longer, in bytes.
    """
    done: set[bytes] = {data}
    found = [
        (old, new, places(data, old))
        for one, other in pairs
        for have, want in ((one, other), (other, one))
        for old, new in encodings(have, want)
    ]
    # The likeliest place of each first: whoever takes only some gets something of all.
    for rank in range(_PLACES):
        for old, new, where in found:
            if rank < len(where):
                made = data[: where[rank]] + new + data[where[rank] + len(old) :]
                if len(made) <= longest and made not in done:
                    done.add(made)
                    yield made


def places(data: bytes, piece: bytes) -> list[int]:
    """Where a piece stands, the last place first: what was compared last was mostly read last. Not more than a few."""
    if not piece:
        # What was read behind the end is empty.
        return [len(data)]
    found: list[int] = []
    at = data.rfind(piece)
    while at >= 0 and len(found) < _PLACES:
        found.append(at)
        at = data.rfind(piece, 0, at + len(piece) - 1)
    return found


def encodings(have: Value, want: Value) -> Iterator[tuple[bytes, bytes]]:
    """How two values of one type may stand in an input: pairs of what to look for and what to write."""
    if isinstance(have, int) and isinstance(want, int):
        yield from _numbers(have, want)
    elif isinstance(have, bytes) and isinstance(want, bytes):
        yield have, want
    elif isinstance(have, str) and isinstance(want, str):
        yield have.encode("utf-8", "surrogatepass"), want.encode("utf-8", "surrogatepass")


def _numbers(have: int, want: int) -> Iterator[tuple[bytes, bytes]]:
    # In eight bytes, small numbers are found by the four that count.
    for width in _NARROW if _fits(have, 4) and _fits(want, 4) else _WIDE:
        if _fits(have, width) and _fits(want, width):
            top = 1 << (8 * width)
            for order in _ORDERS if width > 1 else _ORDERS[:1]:
                yield (have % top).to_bytes(width, order), (want % top).to_bytes(width, order)
    if have >= _DIGITS or want >= _DIGITS:
        yield str(have).encode(), str(want).encode()


def _fits(number: int, width: int) -> bool:
    return -(1 << (8 * width - 1)) <= number < 1 << (8 * width)
