"""Ways to spoil the authenticator at the end of something encrypted."""

import random
from collections.abc import Callable, Iterator
from functools import partial

_TAG = 16
_EDGES = ("cut to 0 bytes", "cut to 1 bytes", "cut to 15 bytes", "wrong in byte 0", "wrong in byte 15")

Edit = Callable[[bytes], bytes]


def some_spoiled(rng: random.Random) -> Iterator[tuple[str, Edit]]:
    """The most telling ways, and some of the others as the seed has it."""
    every = list(spoiled())
    telling = [
        one for one in every if not one[0].endswith("bytes") and not one[0].startswith("wrong in byte ")
    ]
    edges = [one for one in every if one[0] in _EDGES]
    rest = [one for one in every if one not in telling and one not in edges]
    yield from (*telling, *edges, *rng.sample(rest, 4))


def spoiled() -> Iterator[tuple[str, Edit]]:
    """Every way: shorter, longer, wrong; with words for it."""
    for left in range(_TAG):
        yield f"cut to {left} bytes", partial(_cut, left=left)
    yield "with a zero behind it", lambda data: data + b"\0"
    yield "sent twice", lambda data: data + data[-_TAG:]
    yield "all zeros", lambda data: data[:-_TAG] + bytes(_TAG)
    for at in range(_TAG):
        yield f"wrong in byte {at}", partial(_flipped, places=(at,))
    yield "wrong in bytes 0 and 8", partial(_flipped, places=(0, 8))


def _cut(data: bytes, left: int) -> bytes:
    return data[: len(data) - _TAG + left]


def _flipped(data: bytes, places: tuple[int, ...]) -> bytes:
    changed = bytearray(data)
    for at in places:
        changed[at - _TAG] ^= 0x40
    return bytes(changed)


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def in_handshake(frame: bytes, edit: Edit) -> bytes:
    """Edit the Noise message of a handshake frame."""
    at = 2 + int.from_bytes(frame[:2])
    return frame[:at] + _counted(edit(frame[at + 2 :]))


def in_record(frame: bytes, edit: Edit) -> bytes:
    """Edit what a record's frame holds."""
    return _counted(edit(frame[2:]))
