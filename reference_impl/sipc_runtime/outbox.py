"""Bytes on their way out: those the transport has not taken yet, and since when they wait."""

from collections import deque


class Outbox:
    """A queue of byte strings that remembers the age of its oldest byte.

    Attributes:
        size: Bytes that wait.
    """

    __slots__ = ("_chunks", "size")

    def __init__(self) -> None:
        self._chunks: deque[tuple[memoryview, float]] = deque()
        self.size = 0

    def append(self, data: bytes | memoryview, now: float) -> None:
        """Add bytes that were handed over at `now`."""
        self._chunks.append((memoryview(data), now))
        self.size += len(data)

    def head(self) -> memoryview:
        """The oldest chunk; only while `size` is not 0."""
        return self._chunks[0][0]

    def taken(self, count: int) -> None:
        """The transport took `count` bytes of the oldest chunk. What is left of it keeps its age."""
        chunk, since = self._chunks.popleft()
        if count < len(chunk):
            self._chunks.appendleft((chunk[count:], since))
        self.size -= count

    def oldest(self) -> float | None:
        """When the oldest waiting byte was handed over; None when nothing waits."""
        return self._chunks[0][1] if self._chunks else None

    def clear(self) -> None:
        """Forget everything."""
        self._chunks.clear()
        self.size = 0
