"""Fields of a wire schema: what each is made of, how it is read out of any bytes, and how it is changed.

A schema is a tree of fields, an input is a tree of nodes: each leaf holds its bytes as they stand on the wire, so that
whatever was read is written again byte by byte. Reading never fails: what is cut short gives short or empty leaves,
what is left over becomes a node of the field `Raw`. Fields that follow from others (lengths, counts, checksums, the
order of map keys) are put right before an input is written, unless their node is `kept`: it was wrong when it was read,
or was broken on purpose.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from ipc_gauntlet.fuzz.mutate.fields_values import BAD_UTF8, boundaries, disturbed, filled, ways_to_shorten
from ipc_gauntlet.fuzz.mutate.nodes import MOST_LEVELS, MOST_NODES, Node, Scope, replace, settle

__all__ = [
    "MOST_LEVELS",
    "MOST_NODES",
    "REST",
    "Bytes",
    "Const",
    "Field",
    "Int",
    "Node",
    "Order",
    "Raw",
    "Scope",
    "Text",
    "Until",
    "replace",
    "settle",
]

Order = Literal["big", "little"]
REST = "rest"
"""Name of what belongs to no field."""


@dataclass(frozen=True)
class Field(ABC):
    """A field.

    Args:
        name: How it is called in findings.
    """

    name: str

    @abstractmethod
    def generate(self, rng: Random, scope: Scope) -> Node:
        """Make one that is valid, or nearly so."""

    @abstractmethod
    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """Read one from any bytes; return it and where it ends, `end` at most."""

    def settle(self, node: Node) -> None:
        """Put right what follows from other nodes, within this one; what is below is right already."""
        return  # most fields follow from nothing

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Change the node, itself and not its children: they are changed on their own."""
        return  # what consists of others only

    def simpler(self, node: Node) -> Iterator[Node]:
        """Nodes with less in them that may stand in this one's place; what is below is tried on its own."""
        return iter(())

    def show(self, node: Node) -> str:
        """What it says, for people."""
        data = node.joined()
        return data[:24].hex() + ("..." if len(data) > 24 else "")

    def leaf(self, data: bytes) -> Node:
        """A node of this field."""
        return Node(self, data)


@dataclass(frozen=True)
class Raw(Field):
    """Bytes that mean nothing here; to the end of what is there."""

    def generate(self, rng: Random, scope: Scope) -> Node:
        """No bytes at all."""
        return self.leaf(b"")

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """All there is."""
        return self.leaf(text[pos:end]), end

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Change some bytes."""
        node.data = disturbed(node.data, rng)

    def simpler(self, node: Node) -> Iterator[Node]:
        """Fewer bytes."""
        return (self.leaf(data) for data in ways_to_shorten(node.data, 0))


@dataclass(frozen=True)
class Const(Field):
    """Bytes that are always the same.

    Args:
        value: These.
    """

    value: bytes

    def generate(self, rng: Random, scope: Scope) -> Node:
        """The value."""
        return self.leaf(self.value)

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """As many bytes as the value has, whatever they are."""
        stop = min(end, pos + len(self.value))
        return self.leaf(text[pos:stop]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Right if it was wrong; else spoilt now and then."""
        if node.data != self.value:
            node.data = self.value
        elif rng.random() < 0.3:
            node.data = disturbed(node.data, rng)

    def simpler(self, node: Node) -> Iterator[Node]:
        """The value."""
        if node.data != self.value:
            yield self.leaf(self.value)

    def show(self, node: Node) -> str:
        """Whether it is what it has to be."""
        return Field.show(self, node) + ("" if node.data == self.value else f", not {self.value.hex()}")


@dataclass(frozen=True)
class Int(Field):
    """A whole number of a fixed width.

    Args:
        width: In bytes.
        low: Least value that is valid.
        high: Highest value that is valid; by default the highest there is.
        order: Of its bytes.
        signed: Two's complement.
        samples: Values that mean something.
        words: Names of values, for people.
    """

    width: int = 1
    low: int = 0
    high: int | None = None
    order: Order = "big"
    signed: bool = False
    samples: tuple[int, ...] = ()
    words: dict[int, str] = field(default_factory=dict, compare=False, hash=False)

    @property
    def most(self) -> int:
        """The highest valid value."""
        return (1 << 8 * self.width - self.signed) - 1 if self.high is None else self.high

    def put(self, value: int) -> bytes:
        """The bytes of a value, cut to the width."""
        return (value % (1 << 8 * self.width)).to_bytes(self.width, self.order)

    def value(self, node: Node) -> int:
        """What it says; as if zeros followed where it is cut short."""
        data = node.data if self.order == "little" else node.data.ljust(self.width, b"\0")
        return int.from_bytes(data, self.order, signed=self.signed)

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A valid value."""
        known = (*self.samples, *self.words)
        if known and rng.random() < 0.8:
            return self.leaf(self.put(rng.choice(known)))
        return self.leaf(self.put(_between(self.low, self.most, rng)))

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """As many bytes as the width, or what is left."""
        stop = min(end, pos + self.width)
        return self.leaf(text[pos:stop]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Another value: at a bound, near the present one, known, or any."""
        node.data = self.put(self.other(self.value(node), rng))

    def other(self, value: int, rng: Random) -> int:
        """A value to try in place of another one."""
        which = rng.randrange(6)
        if which == 0:
            return value + rng.choice((-1, 1, -2, 2, 16, -16))
        if which == 1:
            return value ^ 1 << rng.randrange(8 * self.width)
        if which == 2 and (self.samples or self.words):
            return rng.choice((*self.samples, *self.words))
        if which == 3:
            return rng.getrandbits(8 * self.width)
        return rng.choice(boundaries(self.low, self.most, self.width))

    def simpler(self, node: Node) -> Iterator[Node]:
        """The least value, zero, half of it."""
        value = self.value(node)
        for less in (0, self.low, value >> 1, value - 1):
            if 0 <= less < value or (less in (0, self.low) and less < value):
                yield self.leaf(self.put(less))

    def show(self, node: Node) -> str:
        """The number, and its name if it has one."""
        value = self.value(node)
        word = self.words.get(value)
        return (f"{value} ({word})" if word else str(value)) + (
            " cut short" if len(node.data) < self.width else ""
        )


@dataclass(frozen=True)
class Bytes(Field):
    """Bytes: as many as a length before them says, of a fixed number, or all that is left.

    Args:
        low: Fewest that are valid.
        high: Most that are valid.
        size: Their fixed number, None if it is not fixed.
        samples: Values that mean something.
    """

    low: int = 0
    high: int = 64
    size: int | None = None
    samples: tuple[bytes, ...] = ()

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A sample, or any bytes of a valid length."""
        if self.samples and rng.random() < 0.7:
            return self.leaf(rng.choice(self.samples))
        size = self.size if self.size is not None else _short_between(self.low, self.high, rng)
        return self.leaf(filled(size, rng))

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """As many as there have to be, or all there are."""
        stop = end if self.size is None else min(end, pos + self.size)
        return self.leaf(text[pos:stop]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Other bytes, or another number of them."""
        which = rng.random()
        if self.samples and which < 0.25:
            node.data = rng.choice(self.samples)
        elif which < 0.45:
            bound = self.size if self.size is not None else rng.choice((self.low, self.high))
            size = max(0, bound + rng.choice((-1, 0, 0, 1)))
            node.data = node.data[:size] + filled(size - len(node.data[:size]), rng)
        else:
            node.data = disturbed(node.data, rng, same_length=self.size is not None and rng.random() < 0.8)

    def simpler(self, node: Node) -> Iterator[Node]:
        """Fewer bytes, then zeros."""
        low = self.size if self.size is not None else 0
        return (self.leaf(data) for data in ways_to_shorten(node.data, min(low, len(node.data))))


@dataclass(frozen=True)
class Until(Bytes):
    """Bytes up to a mark, which belongs to what follows.

    Args:
        mark: This; not empty.
    """

    mark: bytes = b"\n"

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """All there is before the mark, or before the end."""
        at = text.find(self.mark, pos, end)
        stop = end if at < 0 else at
        return self.leaf(text[pos:stop]), stop


@dataclass(frozen=True)
class Text(Bytes):
    """UTF-8. `samples` are encoded; `low`, `high` count bytes.

    Args:
        alphabet: What it is made of.
    """

    alphabet: str = "abcxyz.019_-/"

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A sample, or letters of the alphabet."""
        if self.samples and rng.random() < 0.8:
            return self.leaf(rng.choice(self.samples))
        size = self.size if self.size is not None else _short_between(self.low, self.high, rng)
        return self.leaf("".join(rng.choice(self.alphabet) for _ in range(size)).encode()[:size])

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Also what is no UTF-8, and what looks alike."""
        if rng.random() < 0.3:
            at = rng.randrange(len(node.data) + 1)
            node.data = node.data[:at] + rng.choice(BAD_UTF8) + node.data[at:]
            return
        Bytes.change(self, node, rng, scope)

    def show(self, node: Node) -> str:
        """The text."""
        return repr(node.data[:64].decode(errors="backslashreplace")) + ("..." if len(node.data) > 64 else "")


def _between(low: int, high: int, rng: Random) -> int:
    """A number within bounds, more often a small one."""
    if rng.random() < 0.6:
        return min(high, low + rng.getrandbits(rng.choice((1, 3, 5, 8))))
    return rng.randint(low, high)


def _short_between(low: int, high: int, rng: Random) -> int:
    return min(high, low + rng.getrandbits(rng.choice((1, 2, 4, 5))))
