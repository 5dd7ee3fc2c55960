"""Changes to bytes of which nothing is known: flips, numbers, chunks, tokens, and several of them at once.

Every choice comes from one `random.Random`. `Random.random` is what Python draws quickest, and it gives the same numbers
everywhere: an index is `int(draw() * n)`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

_SIZES = (1, 1, 2, 2, 4, 8)
_FAR = 35
_LONG_CHUNK = 32
_RARELY_LONGER = 0.05


def _interesting() -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for size in (1, 2, 3, 4, 8):
        top = 1 << (8 * size)
        numbers = {
            0,
            1,
            2,
            3,
            4,
            7,
            8,
            15,
            16,
            23,
            24,
            31,
            32,
            63,
            64,
            100,
            127,
            128,
            129,
            255,
            256,
            512,
            1000,
            1024,
        }
        numbers |= {4095, 4096, 32767, 32768, 65535, 65536, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 32}
        numbers |= {top - 1, top - 2, top // 2, top // 2 - 1, top // 2 + 1, (1 << 63) - 1}
        for number in sorted(n for n in numbers if n < top):
            found[number.to_bytes(size, "big")] = None
            found[number.to_bytes(size, "little")] = None
    return tuple(found)


INTERESTING = _interesting()
"""Numbers at which things change, in both byte orders and every usual size."""

_Change = Callable[[bytearray], None]


class Mutator:
    """Makes inputs out of others.

    Args:
        rng: Where choices come from.
        longest: No input is longer, in bytes.
        tokens: Byte strings that mean something to the code under test; may grow while the mutator is used.
    """

    def __init__(self, rng: Random, longest: int, tokens: list[bytes]) -> None:
        self._draw = rng.random
        self._bits = rng.getrandbits
        self._longest = longest
        self.tokens = tokens


class ByteMutator(Mutator):
    """Changes bytes of which nothing is known; see `Mutator`."""

    def __init__(self, rng: Random, longest: int, tokens: list[bytes]) -> None:
        super().__init__(rng, longest, tokens)
        self._other = b""
        self._changes: tuple[_Change, ...] = (
            self._flip,
            self._flip,
            self._byte,
            self._byte,
            self._arithmetic,
            self._arithmetic,
            self._number,
            self._number,
            self._insert,
            self._insert,
            self._delete,
            self._delete,
            self._duplicate,
            self._move,
            self._fill,
            self._resize,
            self._cut,
            self._token,
            self._token,
            self._chunk_of_other,
        )

    def mutate(self, data: bytes, other: bytes) -> bytes:
        """Change an input in one place or in several.

        Args:
            data: What to change.
            other: Another input, to take pieces of.
        """
        self._other = other
        changed = bytearray(data)
        draw, changes = self._draw, self._changes
        count = len(changes)
        # Mostly one to three changes; what needs more grows over several inputs.
        for _ in range(1 << int(draw() * draw() * 5)):
            changes[int(draw() * count)](changed)
        return bytes(changed[: self._longest])

    # Changes in place

    def _at(self, data: bytearray) -> int:
        return int(self._draw() * len(data))

    def _length(self, limit: int) -> int:
        """A length from 1 to `limit`; short ones are more likely."""
        if limit > _LONG_CHUNK and self._draw() > _RARELY_LONGER:
            limit = _LONG_CHUNK
        return 1 + int(self._draw() * self._draw() * limit)

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._at(data)] ^= 1 << self._bits(3)

    def _byte(self, data: bytearray) -> None:
        if data:
            data[self._at(data)] = self._bits(8)

    def _arithmetic(self, data: bytearray) -> None:
        size = _SIZES[int(self._draw() * len(_SIZES))]
        if len(data) < size:
            return
        at = int(self._draw() * (len(data) - size + 1))
        step = 1 + int(self._draw() * _FAR)
        choice = self._bits(2)
        self._add(data, at, size, step if choice & 1 else -step, little=choice & 2 != 0)

    @staticmethod
    def _add(data: bytearray, at: int, size: int, step: int, *, little: bool) -> None:
        order: Literal["little", "big"] = "little" if little else "big"
        number = int.from_bytes(data[at : at + size], order) + step
        data[at : at + size] = (number % (1 << (8 * size))).to_bytes(size, order)

    def _number(self, data: bytearray) -> None:
        number = INTERESTING[int(self._draw() * len(INTERESTING))]
        if len(data) >= len(number):
            at = int(self._draw() * (len(data) - len(number) + 1))
            data[at : at + len(number)] = number

    def _insert(self, data: bytearray) -> None:
        length = self._length(_LONG_CHUNK)
        at = int(self._draw() * (len(data) + 1))
        data[at:at] = self._bits(8 * length).to_bytes(length, "big")

    def _delete(self, data: bytearray) -> None:
        if len(data) > 1:
            length = self._length(len(data) - 1)
            at = int(self._draw() * (len(data) - length + 1))
            del data[at : at + length]

    def _cut(self, data: bytearray) -> None:
        if len(data) > 1:
            del data[1 + int(self._draw() * (len(data) - 1)) :]

    def _duplicate(self, data: bytearray) -> None:
        if data and len(data) < self._longest:
            at = self._at(data)
            length = self._length(min(len(data) - at, self._longest - len(data)))
            data[at:at] = data[at : at + length] * (1 + self._bits(1))

    def _move(self, data: bytearray) -> None:
        """Write a chunk over, or into, another place."""
        if len(data) > 1:
            source = self._at(data)
            chunk = data[source : source + self._length(len(data) - source)]
            at = self._at(data)
            data[at : at + (len(chunk) if self._bits(1) else 0)] = chunk

    def _fill(self, data: bytearray) -> None:
        if data:
            at = self._at(data)
            length = self._length(len(data) - at)
            value = self._bits(8) if self._bits(1) else data[at]
            data[at : at + length] = bytes((value,)) * length

    def _resize(self, data: bytearray) -> None:
        """Insert or delete bytes, and add as much to a number before: with luck, the length around them."""
        if len(data) < 2 or len(data) >= self._longest:
            return
        at = 1 + int(self._draw() * (len(data) - 1))
        length = self._length(min(8, len(data) - at or 1))
        field = int(self._draw() * at)
        wide = self._bits(2)
        size = 2 if wide & 2 and field + 2 <= at else 1
        if self._bits(1) and at + length <= len(data):
            del data[at : at + length]
            self._add(data, field, size, -length, little=wide & 1 != 0)
        else:
            self._add(data, field, size, length, little=wide & 1 != 0)
            data[at:at] = self._bits(8 * length).to_bytes(length, "big")

    def _token(self, data: bytearray) -> None:
        tokens = self.tokens
        if not tokens:
            self._number(data)
            return
        token = tokens[int(self._draw() * len(tokens))]
        at = int(self._draw() * (len(data) + 1))
        data[at : at + (len(token) if self._bits(1) else 0)] = token

    def _chunk_of_other(self, data: bytearray) -> None:
        other = self._other
        if other:
            source = int(self._draw() * len(other))
            chunk = other[source : source + self._length(len(other) - source)]
            at = int(self._draw() * (len(data) + 1))
            data[at : at + (len(chunk) if self._bits(1) else 0)] = chunk
