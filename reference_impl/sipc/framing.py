"""NoiseSocket frames of the handshake, and the padding of everything encrypted (NoiseSocket section 2).

    HandshakeFrame := u16 negotiation_length | negotiation | u16 message_length | message
    payload        := u16 body_length | body | padding

Rule of this file: bytes may arrive in any pieces; what cannot become a legal frame is refused as soon as that shows,
and nothing is kept beyond the frame that is being assembled.
"""

from __future__ import annotations

from sipc.errors import LocalError, MalformedError
from sipc.negotiation import MAGIC, MAX_NEGOTIATION
from sipc.noise import MAX_MESSAGE

PADDING = 64
# The longest padded payload of a handshake message that also carries two keys and their tags.
MAX_BODY = (MAX_MESSAGE - 128) // PADDING * PADDING - 2


def encode_frame(negotiation: bytes, message: bytes) -> bytes:
    """Return one handshake frame."""
    return b"".join((len(negotiation).to_bytes(2), negotiation, len(message).to_bytes(2), message))


class FrameReader:
    """Cuts a stream into handshake frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Take bytes of the stream; return negotiation data and Noise message of the next frame, once complete.

        Bytes behind the frame stay here: see `pending` and `take`.

        Raises:
            MalformedError: The stream is not one of handshake frames.
        """
        buffer = self._buffer = self._buffer + data if self._buffer else bytes(data)
        if len(buffer) < 2:
            return None
        middle = 2 + int.from_bytes(buffer[:2])
        if middle - 2 > MAX_NEGOTIATION:
            raise MalformedError("negotiation data too long", stage="negotiation")
        if not MAGIC.startswith(buffer[2 : min(middle, 6)]):
            raise MalformedError("not an SIPC handshake", stage="negotiation")
        if len(buffer) < middle + 2:
            return None
        end = middle + 2 + int.from_bytes(buffer[middle : middle + 2])
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return buffer[2:middle], buffer[middle + 2 : end]

    @property
    def pending(self) -> bool:
        """Whether bytes have arrived that belong to no returned frame."""
        return bool(self._buffer)

    def take(self) -> bytes:
        """Hand over the bytes behind the last frame, once."""
        rest, self._buffer = self._buffer, b""
        return rest


def pad(body: bytes) -> bytes:
    """Return a body as a payload, filled up with zeros to a multiple of 64 bytes.

    Raises:
        LocalError: It does not fit a handshake message.
    """
    if len(body) > MAX_BODY:
        raise LocalError(f"a handshake body has up to {MAX_BODY} bytes, not {len(body)}", reason="limit")
    payload = len(body).to_bytes(2) + body
    return payload.ljust(-(-len(payload) // PADDING) * PADDING, b"\0")


def unpad(payload: bytes) -> bytes:
    """Return the body of a payload; the padding is not looked at.

    Raises:
        MalformedError: The length does not fit.
    """
    end = 2 + int.from_bytes(payload[:2])
    if len(payload) < 2 or end > len(payload):
        raise MalformedError("a payload is shorter than it says", stage="handshake")
    return payload[2:end]
