"""Framer for TLS records (RFC 8446, section 5.1; RFC 5246, section 6.2)."""

from ipc_gauntlet.adversary.framing.base import Lost, Shape
from ipc_gauntlet.adversary.vocabulary import Direction

HEADER = 5
# 2^14 bytes of content and, in TLS 1.2, up to 2048 more through protection.
LENGTH_MAX = (1 << 14) + 2048

LABELS = {20: "ccs", 21: "alert", 22: "handshake", 23: "appdata", 24: "heartbeat"}


class TlsFramer:
    """TLS records, labelled by their content type.

    In TLS 1.3 everything under protection has the type `appdata` on the wire, also handshake messages and alerts.
    """

    def shape(self, direction: Direction, buffer: bytes, at: int) -> Shape | Lost | None:
        """See `Framer.shape`."""
        label = LABELS.get(buffer[at])
        if label is None:
            return Lost(f"no TLS content type {buffer[at]}")
        if len(buffer) - at < HEADER:
            return None
        if buffer[at + 1] != 3 or buffer[at + 2] > 4:
            return Lost(f"no TLS version {buffer[at + 1]}.{buffer[at + 2]}")
        length = int.from_bytes(buffer[at + 3 : at + 5])
        if length > LENGTH_MAX:
            return Lost(f"TLS record of {length} bytes")
        return Shape(HEADER + length, HEADER, label, ((3, 2),))

    def took(self, direction: Direction, shape: Shape, frame: bytes) -> None:
        """See `Framer.took`; the records' headers tell all."""
