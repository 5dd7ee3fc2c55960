"""Message boundaries for stacks that only move a stream of bytes: a length, then the message."""

from __future__ import annotations

from ipc_gauntlet.sdk.errors import Failed


class Framing:
    """Both directions of one connection's framing, without any I/O.

    Args:
        width: Bytes of the big-endian length.
        limit: Longest message in bytes; no more than that is ever buffered.
    """

    def __init__(self, width: int, limit: int) -> None:
        self._width = width
        self._limit = limit
        self._buffer = bytearray()

    @property
    def inside(self) -> bool:
        """Whether what was fed ends inside a message: an end of the stream now has cut it."""
        return bool(self._buffer)

    def frame(self, message: bytes) -> bytes:
        """Put the length before a message.

        Raises:
            Failed: It is longer than the limit.
        """
        if len(message) > self._limit:
            raise Failed("limit", f"a message of {len(message)} bytes; the most is {self._limit}")
        return len(message).to_bytes(self._width, "big") + message

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes of the stream and return the messages they complete.

        Raises:
            Failed: The next message claims to be longer than the limit.
        """
        self._buffer += data
        messages = []
        while len(self._buffer) >= self._width:
            length = int.from_bytes(self._buffer[: self._width], "big")
            if length > self._limit:
                raise Failed("limit", f"a message of {length} bytes was announced; the most is {self._limit}")
            end = self._width + length
            if len(self._buffer) < end:
                break
            messages.append(bytes(self._buffer[self._width : end]))
            del self._buffer[:end]
        return messages
