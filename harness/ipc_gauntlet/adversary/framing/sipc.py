"""Framer for SIPC/1, the protocol of docs/sipc1.md.

    handshake frame := u16 neg_len | neg | u16 msg_len | noise message
    transport frame := u16 len | noise message                              (len >= 16, the tag of an empty message)

What the next frame of a direction is follows from what was sent before, and can be checked against its first bytes,
because a transport frame never has the length 0 that an empty `neg` starts with:

    c2s   offer -> [restart, after a RETRY] -> [one handshake message if the suite has three] -> records
    s2c   accept | retry -> accept | reject -> records

The bytes decide where the adversary's own edits (a forged RETRY, another suite in the offer) make the two ends go on
differently than the captured frames say.
"""

from ipc_gauntlet.adversary.framing.base import Lost, Shape
from ipc_gauntlet.adversary.vocabulary import Direction

MAGIC = b"SIPC"
NEGOTIATION = {0x00: "offer", 0x01: "retry", 0x02: "restart", 0x03: "reject"}
FIRST_LABELS: dict[Direction, tuple[str, ...]] = {"c2s": ("offer",), "s2c": ("accept", "retry", "reject")}

# Families of suites by their upper 12 bits: how many messages their Noise pattern has. What is missing here, GREASE
# values included, is told from the bytes.
MESSAGES = {0x000: 3, 0x001: 2, 0x002: 3, 0x7F0: 2}

# Where the suite in use stands: behind u16 neg_len, the magic, the kind, and three versions and a count or one version.
SUITE_AT = {"offer": 2 + 4 + 1 + 4, "restart": 2 + 4 + 1 + 1}

_RESTART_START = b"\x00\x08SIPC\x02"


class SipcFramer:
    """SIPC/1 frames, labelled `offer`, `retry`, `restart`, `accept`, `reject`, `handshake` and `record`."""

    def __init__(self) -> None:
        self._started: dict[Direction, bool] = {"c2s": False, "s2c": False}
        self._answered = False  # the responder accepted or rejected
        self._messages = 0  # handshake messages of the suite in use; 0 while it is not known
        self._initiator_sent = 0  # how many of them the initiator sent since the last offer or restart

    def shape(self, direction: Direction, buffer: bytes, at: int) -> Shape | Lost | None:
        """See `Framer.shape`."""
        have = len(buffer) - at
        if have < 2:
            return None
        if not self._started[direction]:
            return _negotiating(buffer, at, FIRST_LABELS[direction])
        if direction == "s2c" and not self._answered:
            return _negotiating(buffer, at, ("accept", "reject"))
        if direction == "c2s" and buffer[at : at + 7] == _RESTART_START[:have]:
            return _negotiating(buffer, at, ("restart",))
        if self._third_message_due(direction) or buffer[at] == buffer[at + 1] == 0:
            return _two_parts(buffer, at, "handshake")
        return Shape(2 + int.from_bytes(buffer[at : at + 2]), 2, "record", _RECORD_LENGTH)

    def took(self, direction: Direction, shape: Shape, frame: bytes) -> None:
        """See `Framer.took`; follows the negotiation."""
        label = shape.label
        if label == "record":
            return
        self._started[direction] = True
        if label in ("accept", "reject"):
            self._answered = True
        elif label in SUITE_AT:
            suite = int.from_bytes(frame[SUITE_AT[label] : SUITE_AT[label] + 2])
            self._messages = MESSAGES.get(suite >> 4, 0)
            self._initiator_sent = 1
        elif direction == "c2s":
            self._initiator_sent += 1

    def _third_message_due(self, direction: Direction) -> bool:
        return direction == "c2s" and self._messages == 3 and self._initiator_sent == 1


_RECORD_LENGTH = ((0, 2),)


def _negotiating(buffer: bytes, at: int, labels: tuple[str, ...]) -> Shape | Lost | None:
    """Return the form of a frame that must be one of the given kinds; lost as soon as the bytes exclude them."""
    if buffer[at] == buffer[at + 1] == 0:
        return (
            _two_parts(buffer, at, "accept")
            if "accept" in labels
            else Lost(f"no SIPC/1 {' or '.join(labels)}")
        )
    start = buffer[at + 2 : at + 2 + len(MAGIC)]
    label = NEGOTIATION.get(buffer[at + 6]) if len(buffer) - at > 6 else None
    if start != MAGIC[: len(start)] or (len(buffer) - at > 6 and label not in labels):
        return Lost(f"no SIPC/1 {' or '.join(labels)}")
    return _two_parts(buffer, at, label) if label is not None else None


def _two_parts(buffer: bytes, at: int, label: str) -> Shape | None:
    """Return the form of a handshake frame; with an empty `neg` both lengths are the header, otherwise the first."""
    neg = int.from_bytes(buffer[at : at + 2])
    body = 2 + neg + 2
    if len(buffer) - at < body:
        return None
    length = body + int.from_bytes(buffer[at + 2 + neg : at + body])
    return Shape(length, 2 if neg else 4, label, ((0, 2), (2 + neg, 2)))
