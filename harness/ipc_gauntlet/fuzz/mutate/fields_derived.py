"""Fields that follow from others of their record: lengths, counts, checksums, padding.

They are put right before an input is written, unless their node is `kept`. Changing one breaks it on purpose.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from ipc_gauntlet.fuzz.mutate.fields import Bytes, Field, Int, Node, Scope
from ipc_gauntlet.fuzz.mutate.fields_values import boundaries, disturbed


class Derived(Field):
    """A field that follows from others.

    Attributes:
        rank: In which order they are put right.
    """

    rank: int

    @abstractmethod
    def derive(self, record: Node) -> bytes | None:
        """What it has to be, within its record; None if that cannot be said."""

    def told(self, node: Node, value: str) -> str:
        """A value for people, and whether it is wrong."""
        return f"{value} (wrong)" if node.kept else value


@dataclass(frozen=True)
class Number(Int, Derived):
    """A number that follows from other fields."""

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Put right later."""
        return self.leaf(bytes(self.width))

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Wrong: one off, at a bound, any; or right again."""
        _break(self, node, rng)

    def simpler(self, node: Node) -> Iterator[Node]:
        """A right one."""
        return _right(self, node)

    def show(self, node: Node) -> str:
        """What it says, and whether that is wrong."""
        return self.told(node, Int.show(self, node))


@dataclass(frozen=True)
class Length(Number):
    """How long other fields are.

    Args:
        of: Names of these fields of the same record, in a row; this field's own name counts it as well.
        adjust: What is added to their length, in bytes.
        unit: How many bytes one counts.
    """

    of: tuple[str, ...] = ()
    adjust: int = 0
    unit: int = 1
    rank = 1

    def derive(self, record: Node) -> bytes | None:
        """Their length, cut to this field's width."""
        size, names = 0, self.of
        for child in record.children or ():
            if child.field.name in names:
                size += child.measured()
        return self.put((size + self.adjust) // self.unit)

    def extent(self, node: Node) -> int:
        """How many bytes it says there are."""
        return max(0, self.value(node) * self.unit - self.adjust)


@dataclass(frozen=True)
class Count(Number):
    """How many items a repeated field has.

    Args:
        of: Name of the `Repeat` of the same record.
        adjust: What is added.
    """

    of: str = ""
    adjust: int = 0
    rank = 1

    def derive(self, record: Node) -> bytes | None:
        """Their number."""
        items = record.named(self.of)
        return None if items is None else self.put(len(items.children or ()) + self.adjust)


def _break(field: Int, node: Node, rng: Random) -> None:
    if node.kept and rng.random() < 0.3:
        node.kept = False
        return
    value = field.value(node)
    steps = (value + 1, value - 1, value + rng.choice((2, 8, 64)), value // 2, 2 * value)
    any_value = rng.choice(boundaries(0, (1 << 8 * field.width) - 1, field.width))
    node.data = field.put(rng.choice(steps) if rng.random() < 0.7 else any_value)
    node.kept = True


def _right(field: Field, node: Node) -> Iterator[Node]:
    if node.kept:
        yield Node(field, node.data)


@dataclass(frozen=True)
class Checksum(Bytes, Derived):
    """A checksum, a digest or a signature over other fields of its record.

    Args:
        over: Their names, in the order in which they count.
        compute: From their bytes to the checksum; a pure function.
    """

    over: tuple[str, ...] = ()
    compute: Callable[[bytes], bytes] = bytes
    rank = 2

    def derive(self, record: Node) -> bytes | None:
        """The checksum of what is there now."""
        found = {child.field.name: child for child in record.children or ()}
        return self.compute(b"".join(found[name].joined() for name in self.over if name in found))

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Put right later."""
        return self.leaf(bytes(self.size or 0))

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Wrong, or right again."""
        if node.kept and rng.random() < 0.5:
            node.kept = False
            return
        node.data = disturbed(node.data, rng, same_length=rng.random() < 0.8)
        node.kept = True

    def simpler(self, node: Node) -> Iterator[Node]:
        """A right one."""
        return _right(self, node)

    def show(self, node: Node) -> str:
        """What it says, and whether that is wrong."""
        return self.told(node, Bytes.show(self, node))


@dataclass(frozen=True)
class Padding(Bytes, Derived):
    """What fills other fields of its record up to a multiple of some length; read to the end of its space.

    Args:
        over: Their names.
        multiple: Of so many bytes.
        fill: Its bytes.
    """

    over: tuple[str, ...] = ()
    multiple: int = 8
    fill: int = 0
    rank = 0

    def derive(self, record: Node) -> bytes | None:
        """As many as are missing."""
        size = sum(child.measured() for child in record.children or () if child.field.name in self.over)
        return bytes((self.fill,)) * (-size % self.multiple)

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Put right later."""
        return self.leaf(b"")

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """More, fewer, others; or right again."""
        if node.kept and rng.random() < 0.3:
            node.kept = False
            return
        size = max(0, len(node.data) + rng.choice((-1, 1, -self.multiple, self.multiple)))
        node.data = disturbed(node.data, rng) if rng.random() < 0.4 else bytes((rng.randrange(256),)) * size
        node.kept = True

    def simpler(self, node: Node) -> Iterator[Node]:
        """A right one."""
        return _right(self, node)

    def show(self, node: Node) -> str:
        """What it says, and whether that is wrong."""
        return self.told(node, Bytes.show(self, node))
