"""Fields made of fields: records, choices by tag, repeated fields, optional ones, and fields within a fixed space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import NamedTuple

from ipc_gauntlet.fuzz.mutate.fields import (
    MOST_LEVELS,
    REST,
    Bytes,
    Const,
    Field,
    Int,
    Node,
    Order,
    Raw,
    Scope,
    Until,
)
from ipc_gauntlet.fuzz.mutate.fields_derived import Count, Derived, Length

MOST_ITEMS = 512
"""Items of a repeated field that are told apart."""


@dataclass(frozen=True)
class Record(Field):
    """Fields one after the other.

    Args:
        fields: These. A name occurs once.
    """

    fields: tuple[Field, ...] = ()

    @cached_property
    def _derived(self) -> tuple[Derived, ...]:
        return tuple(sorted((f for f in self.fields if isinstance(f, Derived)), key=lambda f: f.rank))

    @cached_property
    def _tags(self) -> dict[str, tuple[int, ...]]:
        """The values of each tag for which there is a case."""
        return {one.by: tuple(one.cases) for one in self.fields if isinstance(one, Choice)}

    @cached_property
    def _behind(self) -> tuple[int, ...]:
        """For each field that takes what is left: how many bytes of fixed fields follow it."""
        # A mark says by itself where its field ends.
        return tuple(
            0 if isinstance(one, Until) else _fixed_after(self.fields[at + 1 :])
            for at, one in enumerate(self.fields)
        )

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Each field in turn; tags mostly have a case."""
        inner, children = Scope(scope), []
        for one in self.fields:
            cases = self._tags.get(one.name)
            if cases and isinstance(one, Int) and rng.random() < 0.97:
                often = [value for value in one.samples if value in cases]
                node = one.leaf(one.put(rng.choice(often or cases)))
            else:
                node = one.generate(rng, inner)
            inner.nodes[one.name] = node
            children.append(node)
        return Node(self, children=children)

    @cached_property
    def _steps(self) -> tuple[_Step, ...]:
        return tuple(_step(self.fields, at, behind) for at, behind in enumerate(self._behind))

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """Each field in turn, within what the lengths among them say."""
        reading = _Reading(text, pos, end, Scope(scope))
        for step in self._steps:
            reading.take(step)
        node = Node(self, children=reading.children)
        if self._derived and scope.judging:
            for child in reading.children:
                if isinstance(child.field, Derived):
                    right = child.field.derive(node)
                    child.kept = right is not None and right != child.data
        return node, reading.pos

    def settle(self, node: Node) -> None:
        """Put lengths, counts, padding and checksums right."""
        for one in self._derived:
            child = node.named(one.name)
            if child is not None and not child.kept:
                right = one.derive(node)
                child.data = child.data if right is None else right

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Leave a field out, have it twice, swap two, make it anew."""
        children = node.children
        if not children:
            return
        at, which = rng.randrange(len(children)), rng.random()
        if which < 0.25:
            children[at] = children[at].field.leaf(b"")
        elif which < 0.45:
            children.insert(at, children[at].copy())
        elif which < 0.6:
            other = rng.randrange(len(children))
            children[at], children[other] = children[other], children[at]
        elif which < 0.7:
            children.insert(at + 1, Raw(REST).leaf(rng.randbytes(rng.choice((1, 1, 4)))))
        else:
            inner = Scope(scope)
            inner.nodes.update({child.field.name: child for child in children})
            children[at] = children[at].field.generate(rng, inner)

    def show(self, node: Node) -> str:
        """Its parts speak for themselves."""
        return ""


class _Step(NamedTuple):
    """What there is to do for one field of a record that is being read.

    Attributes:
        field: It.
        name: Its name.
        behind: So many bytes of what is left belong to fixed fields behind it.
        length: Itself, if it says how long fields after it are.
        ahead: The first and the last of these.
        before: Whether it counts fields that were read already.
        counter: Itself, if it says how many items a repeated field has.
    """

    field: Field
    name: str
    behind: int
    length: Length | None = None
    ahead: tuple[str, str] = ("", "")
    before: bool = False
    counter: Count | None = None


def _step(fields: tuple[Field, ...], at: int, behind: int) -> _Step:
    one = fields[at]
    if isinstance(one, Count):
        return _Step(one, one.name, behind, counter=one)
    if isinstance(one, Length):
        ahead = [other.name for other in fields[at + 1 :] if other.name in one.of]
        if ahead:
            before = any(other.name in one.of for other in fields[: at + 1])
            return _Step(one, one.name, behind, length=one, ahead=(ahead[0], ahead[-1]), before=before)
    return _Step(one, one.name, behind)


class _Reading:
    """A record that is being read.

    Attributes:
        children: What was read.
        pos: Where the next field begins.
    """

    __slots__ = ("_deep", "_end", "_open", "_scope", "_spaces", "_text", "children", "pos")

    def __init__(self, text: bytes, pos: int, end: int, scope: Scope) -> None:
        self.children: list[Node] = []
        self.pos = pos
        self._text, self._end, self._scope = text, end, scope
        self._deep = scope.level >= MOST_LEVELS
        self._spaces: dict[str, tuple[int, str]] = {}
        self._open: list[tuple[str, int]] = []

    def take(self, step: _Step) -> None:
        """Read one field."""
        field, name, behind, length, _, _, counter = step
        pos, end, scope = self.pos, self._end, self._scope
        if name in self._spaces:
            size, last = self._spaces.pop(name)
            self._open.append((last, end))
            self._end = end = min(end, pos + size)
        elif behind and not self._open and end - behind >= pos:
            end -= behind
        scope.budget[0] -= 1
        if scope.budget[0] >= 0 and not self._deep:
            node, self.pos = field.read(self._text, pos, end, scope)
            if node.children is not None:
                node.length = self.pos - pos
        else:
            node, self.pos = Raw(name).leaf(self._text[pos:end]), end
        self.children.append(node)
        scope.nodes[name] = node
        if length is not None:
            self._note_length(step, length, node)
        elif counter is not None:
            scope.counts[counter.of] = max(0, counter.value(node) - counter.adjust)
        if self._open:
            self._close(name)

    def _note_length(self, step: _Step, one: Length, node: Node) -> None:
        extent = one.extent(node)
        if step.before:
            extent -= sum(child.measured() for child in self.children if child.field.name in one.of)
        self._spaces[step.ahead[0]] = max(0, extent), step.ahead[1]

    def _close(self, name: str) -> None:
        while self._open and self._open[-1][0] == name:
            if self.pos < self._end:
                # Of the same name, so that it counts into the length.
                self.children.append(Raw(name).leaf(self._text[self.pos : self._end]))
                self.pos = self._end
            self._end = self._open.pop()[1]


def _fixed_after(fields: tuple[Field, ...]) -> int:
    size = 0
    for one in fields:
        width = _fixed(one)
        if width is None:
            return 0
        size += width
    return size


def _fixed(one: Field) -> int | None:
    if isinstance(one, Int):
        return one.width
    if isinstance(one, Const):
        return len(one.value)
    return one.size if isinstance(one, Bytes) else None


@dataclass(frozen=True)
class Choice(Field):
    """One of several fields, by the value of a tag that comes before it in this record or in one around it.

    Args:
        by: Name of the tag, an `Int`.
        cases: A field for each value.
        other: What it is for every other value.
        mask: These bits of the tag decide.
    """

    by: str = ""
    cases: Mapping[int, Field] = field(default_factory=dict, hash=False)
    other: Field = field(default_factory=lambda: Raw("unknown"))
    mask: int = -1

    def _case(self, scope: Scope) -> tuple[int | None, Field]:
        tag = scope.find(self.by)
        if tag is None or not isinstance(tag.field, Int):
            return None, self.other
        value = tag.field.value(tag) & self.mask
        return value, self.cases.get(value, self.other)

    def generate(self, rng: Random, scope: Scope) -> Node:
        """The one that the tag says."""
        case, one = self._case(scope)
        return self._of(case, one.generate(rng, scope))

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """The one that the tag says."""
        case, one = self._case(scope)
        node, stop = one.read(text, pos, end, scope)
        return self._of(case, node), stop

    def _of(self, case: int | None, child: Node) -> Node:
        node = Node(self, children=[child])
        node.case = case
        return node

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Another case; mostly with its tag."""
        if not self.cases:
            return
        tag = scope.find(self.by)
        case = rng.choice(tuple(self.cases))
        if tag is not None and isinstance(tag.field, Int) and self.mask == -1 and rng.random() < 0.85:
            tag.data, node.case = tag.field.put(case), case
        node.children = [self.cases[case].generate(rng, scope)]

    def show(self, node: Node) -> str:
        """What was chosen speaks for itself."""
        return ""


@dataclass(frozen=True)
class Repeat(Field):
    """The same field several times: as often as a `Count` says, else to the end of its space.

    Args:
        item: This.
        low: Fewest that are valid.
        high: Most that are valid.
    """

    item: Field = field(default_factory=lambda: Raw("item"))
    low: int = 0
    high: int = 16

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A few."""
        count = min(self.high, self.low + rng.getrandbits(rng.choice((0, 1, 2, 3))))
        return Node(self, children=[self.item.generate(rng, scope) for _ in range(count)])

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """Item by item."""
        counted = scope.counts.get(self.name)
        children: list[Node] = []
        most = MOST_ITEMS if counted is None else min(counted, MOST_ITEMS)
        while pos < end and len(children) < most and scope.spend():
            node, stop = self.item.read(text, pos, end, scope)
            if stop == pos:
                break
            children.append(node)
            pos = stop
        return Node(self, children=children), pos

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """One more, one less, one twice, two swapped; as many as are allowed, and one more."""
        items = node.children if node.children is not None else []
        which = rng.random()
        if not items or which < 0.25:
            items.insert(rng.randrange(len(items) + 1), self.item.generate(rng, scope))
        elif which < 0.45:
            del items[rng.randrange(len(items))]
        elif which < 0.65:
            at = rng.randrange(len(items))
            items.insert(rng.choice((at, len(items))), items[at].copy())
        elif which < 0.8:
            one, other = rng.randrange(len(items)), rng.randrange(len(items))
            items[one], items[other] = items[other], items[one]
        elif which < 0.9:
            at = rng.randrange(len(items))
            del items[at : at + rng.choice((2, 4, len(items)))]
        else:
            bound = rng.choice((self.low, self.high)) + rng.choice((-1, 0, 0, 1))
            _stretch(items, min(max(0, bound), MOST_ITEMS))
        node.children = items

    def simpler(self, node: Node) -> Iterator[Node]:
        """Fewer items: none, halves, one less."""
        items = node.children or []
        for kept in _fewer(items):
            yield Node(self, children=[one.copy() for one in kept])

    def show(self, node: Node) -> str:
        """How many there are."""
        return f"{len(node.children or ())} items"


def _stretch(items: list[Node], size: int) -> None:
    while len(items) > size:
        items.pop()
    while items and len(items) < size:
        items.append(items[-1].copy())


def _fewer(items: list[Node]) -> Iterator[list[Node]]:
    size = len(items)
    if size > 1:
        yield []
        yield items[: size // 2]
        yield items[size // 2 :]
    for at in range(min(size, 64)):
        yield items[:at] + items[at + 1 :]


@dataclass(frozen=True)
class Maybe(Field):
    """A field that may be missing: it is there if there are bytes for it.

    Args:
        inner: This.
        chance: How often it is made.
    """

    inner: Field = field(default_factory=lambda: Raw("inner"))
    chance: float = 0.5

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Now and then."""
        there = rng.random() < self.chance
        return Node(self, children=[self.inner.generate(rng, scope)] if there else [])

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """If anything is there."""
        if pos >= end:
            return Node(self, children=[]), pos
        node, stop = self.inner.read(text, pos, end, scope)
        return Node(self, children=[node]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """There or not."""
        node.children = [] if node.children else [self.inner.generate(rng, scope)]

    def simpler(self, node: Node) -> Iterator[Node]:
        """Not there."""
        if node.children:
            yield Node(self, children=[])

    def show(self, node: Node) -> str:
        """Its content speaks for itself."""
        return "" if node.children else "missing"


@dataclass(frozen=True)
class Span(Field):
    """A field in a space of its own: what it leaves over is told apart.

    Args:
        inner: This.
    """

    inner: Field = field(default_factory=lambda: Raw("inner"))

    def generate(self, rng: Random, scope: Scope) -> Node:
        """The field, and nothing behind it."""
        return Node(self, children=[self.inner.generate(rng, scope)])

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """The field, and what is behind it."""
        node, stop = self.inner.read(text, pos, end, scope)
        children = [node]
        if stop < end:
            children.append(Raw(REST).leaf(text[stop:end]))
        return Node(self, children=children), end

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Something behind it, or nothing more."""
        children = node.children or []
        if len(children) > 1:
            del children[1:]
        elif rng.random() < 0.3:
            children.append(Raw(REST).leaf(rng.randbytes(rng.choice((1, 1, 2, 8)))))
        else:
            node.children = [self.inner.generate(rng, scope)]

    def simpler(self, node: Node) -> Iterator[Node]:
        """Nothing behind it."""
        if node.children and len(node.children) > 1:
            yield Node(self, children=[node.children[0].copy()])

    def show(self, node: Node) -> str:
        """Its content speaks for itself."""
        return ""


@dataclass(frozen=True)
class TlvLayout:
    """How items of tag, length and value are written.

    Args:
        tag_width: Bytes of the tag.
        length_width: Bytes of the length.
        order: Of both.
        other: What the value is under a tag that means nothing.
    """

    tag_width: int = 1
    length_width: int = 2
    order: Order = "big"
    other: Field = field(default_factory=lambda: Bytes("value", high=16))


def tlv(name: str, kinds: Mapping[int, Field], layout: TlvLayout = TlvLayout(), high: int = 16) -> Repeat:
    """Items of tag, length and value.

    Args:
        name: Of all of them.
        kinds: What the value is, by tag.
        layout: How they are written.
        high: Most that are valid.
    """
    words = {tag: one.name for tag, one in kinds.items()}
    item = Record(
        "item",
        (
            Int("tag", layout.tag_width, order=layout.order, words=words),
            Length("length", layout.length_width, order=layout.order, of=("value",)),
            Choice("value", by="tag", cases=kinds, other=layout.other),
        ),
    )
    return Repeat(name, item, high=high)
