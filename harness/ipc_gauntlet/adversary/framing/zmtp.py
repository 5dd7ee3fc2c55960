"""Framer for ZMTP 3 (ZeroMQ RFC 23 and RFC 37).

The greeting of 64 bytes is cut into three frames, because implementations send it in three steps and wait for the
other side in between: an adversary that waited for all 64 bytes would wait for ever.
"""

from ipc_gauntlet.adversary.framing.base import Lost, Shape
from ipc_gauntlet.adversary.vocabulary import Direction

SIGNATURE = Shape(10, 0, "signature")
VERSION = Shape(1, 0, "version")
GREETING = Shape(53, 0, "greeting")  # minor version, mechanism (20 bytes), as-server, filler (31 bytes)

_LONG = 0x02
_COMMAND = 0x04
_RESERVED = 0xF8


class ZmtpFramer:
    """ZMTP 3 greetings, then frames labelled `command` or `message`."""

    def __init__(self) -> None:
        self._taken: dict[Direction, int] = {"c2s": 0, "s2c": 0}

    def shape(self, direction: Direction, buffer: bytes, at: int) -> Shape | Lost | None:
        """See `Framer.shape`."""
        taken = self._taken[direction]
        if taken == 0:
            return _signature(buffer, at)
        if taken == 1:
            return VERSION if buffer[at] >= 3 else Lost(f"ZMTP version {buffer[at]}, older than 3")
        return GREETING if taken == 2 else _frame(buffer, at)

    def took(self, direction: Direction, shape: Shape, frame: bytes) -> None:
        """See `Framer.took`; counts the parts of the greeting."""
        self._taken[direction] += 1


def _signature(buffer: bytes, at: int) -> Shape | Lost | None:
    if buffer[at] != 0xFF:
        return Lost("no ZMTP signature")
    if len(buffer) - at >= SIGNATURE.length and not buffer[at + 9] & 1:
        return Lost("no ZMTP signature")
    return SIGNATURE


def _frame(buffer: bytes, at: int) -> Shape | Lost | None:
    flags = buffer[at]
    if flags & _RESERVED:
        return Lost(f"reserved ZMTP flags in {flags:#04x}")
    size = 8 if flags & _LONG else 1
    if len(buffer) - at < 1 + size:
        return None
    label = "command" if flags & _COMMAND else "message"
    return Shape(1 + size + int.from_bytes(buffer[at + 1 : at + 1 + size]), 1 + size, label, ((1, size),))
