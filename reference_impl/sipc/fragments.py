"""Messages in MSG records: splitting on one side, strict reassembly on the other.

Rule of this file: the fragments of a message are contiguous (no other record between them), in order, not
empty, and together no longer than the receiver announced. The flags say first and last; nothing is numbered,
because the record layer already fixes the order.
"""

from collections.abc import Iterator

from sipc.errors import LimitError, MalformedError, ProtocolError
from sipc.records import FLAG_FIRST, FLAG_LAST, MAX_PAYLOAD


def split(message: bytes, size: int = MAX_PAYLOAD) -> Iterator[tuple[int, bytes | memoryview]]:
    """Yield (flags, payload) of each record of a non-empty `message`."""
    if len(message) <= size:
        yield FLAG_FIRST | FLAG_LAST, message
        return
    whole = memoryview(message)
    flags = FLAG_FIRST
    last = len(message) - size
    start = 0
    while start < last:
        yield flags, whole[start : start + size]
        flags = 0
        start += size
    yield flags | FLAG_LAST, whole[start:]


class Reassembler:
    """Joins the fragments of one direction.

    Args:
        limit: Longest message in bytes.
    """

    __slots__ = ("_length", "_limit", "_parts")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes | memoryview] = []
        self._length = 0

    @property
    def active(self) -> bool:
        """Whether a message has begun and not ended: only its next fragment is legal now."""
        return bool(self._parts)

    def add(self, flags: int, payload: bytes | memoryview) -> bytes | None:
        """Take one fragment.

        Returns:
            The message, once it is complete.

        Raises:
            ProtocolError: A first fragment within a message, or another one outside of any.
            MalformedError: The fragment is empty.
            LimitError: The message is longer than the limit.
        """
        if bool(flags & FLAG_FIRST) == bool(self._parts):
            raise ProtocolError(
                "a message begins within another" if self._parts else "a fragment belongs to no message"
            )
        if not payload:
            raise MalformedError("an empty fragment")
        self._length += len(payload)
        if self._length > self._limit:
            raise LimitError(f"a message is longer than {self._limit} bytes")
        if flags & FLAG_LAST:
            message = b"".join((*self._parts, payload)) if self._parts else bytes(payload)
            self.clear()
            return message
        self._parts.append(payload)
        return None

    def clear(self) -> None:
        """Forget the message under way."""
        self._parts = []
        self._length = 0
