"""Ways to spoil the authenticator at the end of something encrypted."""

from collections.abc import Callable, Iterator
from functools import partial

_TAG = 16

Edit = Callable[[bytes], bytes]


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
