"""CBOR in a wire schema: maps by key with types, arrays, strings with something inside, numbers.

    CLAIMS = CborMap("claims", (
        Entry(1, CborText("iss", samples=(b"issuer",))),
        Entry(4, CborInt("exp", high=2**32)),
        Entry(8, CborMap("cnf", (Entry(1, CborBytes("key", size=32)),)), chance=0.3),
    ))
    Target(..., structure=Schema(CLAIMS))

Changed values stay canonical (RFC 8949, section 4.2.1: shortest heads, ascending keys), or are broken on purpose: longer
heads, keys out of order or twice, indefinite lengths, text that is no UTF-8, tags, floats, wrong counts, deep nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from ipc_gauntlet.fuzz.mutate import cbor_change, cbor_items
from ipc_gauntlet.fuzz.mutate.cbor_items import (
    ARRAY,
    BYTES,
    HEAD,
    MAP,
    PAIR,
    TEXT,
    UINT,
    head,
    integer_of,
    major_of,
    number,
)
from ipc_gauntlet.fuzz.mutate.fields import Bytes, Field, Node, Scope, Text
from ipc_gauntlet.fuzz.mutate.fields_groups import Span
from ipc_gauntlet.fuzz.mutate.fields_values import boundaries

Key = int | str | bytes


def key_bytes(key: Key) -> bytes:
    """The encoding of a map's key."""
    if isinstance(key, int):
        return number(key)
    raw = key.encode() if isinstance(key, str) else key
    return head(TEXT if isinstance(key, str) else BYTES, len(raw)) + raw


@dataclass(frozen=True)
class CborAny(Field):
    """Any value; what the others build on."""

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Something, not large."""
        return cbor_change.anything(self, rng, depth=2)

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """One item, whatever it is."""
        return cbor_items.item(self, self, text, pos, scope, end)

    def settle(self, node: Node) -> None:
        """Make it canonical."""
        cbor_items.settle_item(node)

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Another value, or the same in a wrong spelling."""
        cbor_change.change(node, rng, lambda: self.generate(rng, scope), self.further(rng, scope))

    def further(self, rng: Random, scope: Scope) -> Node:
        """One more element or pair for a container."""
        return cbor_change.anything(self.element(0), rng, depth=1)

    def simpler(self, node: Node) -> Iterator[Node]:
        """Fewer elements or pairs, null, zero."""
        return cbor_change.simpler(node)

    def show(self, node: Node) -> str:
        """Its value, or its type."""
        return cbor_items.show_item(node)

    # what is below: see `cbor_items.Container`

    def element(self, at: int) -> Field:
        """Any value."""
        return KEY if at < 0 else ANY

    def member(self, key: bytes) -> Field:
        """Any value."""
        return ANY

    def content(self, major: int) -> Field:
        """Any bytes or text."""
        return _TEXT if major == TEXT else _BYTES


ANY = CborAny("value")
KEY = CborAny("key")
_BYTES = Bytes("", high=32)
_TEXT = Text("", high=32)


@dataclass(frozen=True)
class CborInt(CborAny):
    """A whole number.

    Args:
        low: Least that is valid.
        high: Highest that is valid.
        samples: Values that mean something.
    """

    low: int = 0
    high: int = (1 << 64) - 1
    samples: tuple[int, ...] = ()

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A valid one."""
        if self.samples and rng.random() < 0.7:
            return self.leaf(number(rng.choice(self.samples)))
        small = min(self.high, self.low + rng.getrandbits(rng.choice((1, 4, 6, 9))))
        return self.leaf(number(small if rng.random() < 0.7 else rng.randint(self.low, self.high)))

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """A value at a bound or near the present one."""
        value = integer_of(node)
        if value is None or rng.random() < 0.25:
            CborAny.change(self, node, rng, scope)
        elif rng.random() < 0.5:
            node.data = number(rng.choice((*self.samples, *boundaries(self.low, self.high, 8))))
        else:
            node.data = number(value + rng.choice((-1, 1, 1, 2, 16)))


@dataclass(frozen=True)
class CborBytes(CborAny):
    """A byte string.

    Args:
        low: Fewest bytes that are valid.
        high: Most bytes that are valid.
        size: Their fixed number.
        samples: Values that mean something.
        inner: What is in it, if that has fields.
    """

    low: int = 0
    high: int = 64
    size: int | None = None
    samples: tuple[bytes, ...] = ()
    inner: Field | None = None

    @cached_property
    def _content(self) -> Field:
        if self.inner is not None:
            return Span("", self.inner)
        return Bytes("", self.low, self.high, self.size, self.samples)

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A valid one."""
        content = self._content.generate(rng, Scope(scope))
        return Node(self, children=[HEAD.leaf(b"\x40"), content])

    def content(self, major: int) -> Field:
        """What was declared."""
        return self._content if major == BYTES else _TEXT


@dataclass(frozen=True)
class CborText(CborAny):
    """A text string; see `CborBytes`. `samples` are encoded."""

    low: int = 0
    high: int = 64
    samples: tuple[bytes, ...] = ()

    @cached_property
    def _content(self) -> Field:
        return Text("", self.low, self.high, None, self.samples)

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A valid one."""
        return Node(self, children=[HEAD.leaf(b"\x60"), self._content.generate(rng, scope)])

    def content(self, major: int) -> Field:
        """What was declared."""
        return self._content if major == TEXT else _BYTES


@dataclass(frozen=True)
class CborSimple(CborAny):
    """One of some values that are one byte: false, true, null.

    Args:
        values: These bytes.
    """

    values: tuple[int, ...] = (0xF4, 0xF5)

    def generate(self, rng: Random, scope: Scope) -> Node:
        """One of them."""
        return self.leaf(bytes((rng.choice(self.values),)))


@dataclass(frozen=True)
class CborArray(CborAny):
    """An array of like elements.

    Args:
        item: An element.
        low: Fewest that are valid.
        high: Most that are valid.
    """

    item: Field = field(default_factory=lambda: ANY)
    low: int = 0
    high: int = 16

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A few elements."""
        count = min(self.high, self.low + rng.getrandbits(rng.choice((0, 1, 2))))
        return Node(
            self, children=[HEAD.leaf(b"\x80"), *(self.item.generate(rng, scope) for _ in range(count))]
        )

    def element(self, at: int) -> Field:
        """The same for each."""
        return KEY if at < 0 else self.item

    def further(self, rng: Random, scope: Scope) -> Node:
        """One more element."""
        return self.item.generate(rng, scope)


@dataclass(frozen=True)
class CborTuple(CborAny):
    """An array of a fixed number of elements, each of its own kind.

    Args:
        items: These.
    """

    items: tuple[Field, ...] = ()

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Each of them."""
        return Node(self, children=[HEAD.leaf(b"\x80"), *(one.generate(rng, scope) for one in self.items)])

    def element(self, at: int) -> Field:
        """The one at its place."""
        return KEY if at < 0 else self.items[at] if at < len(self.items) else ANY


@dataclass(frozen=True)
class Entry:
    """One key of a map.

    Args:
        key: The key.
        value: What stands under it.
        chance: How often it is made; 1.0 for a required one.
    """

    key: Key
    value: Field
    chance: float = 1.0


@dataclass(frozen=True)
class CborMap(CborAny):
    """A map by key.

    Args:
        entries: What may be in it.
        others: Keys that mean nothing, to be put in now and then.
    """

    entries: tuple[Entry, ...] = ()
    others: tuple[Key, ...] = (63, 64, 1000, -1, "a", b"a")

    @cached_property
    def _known(self) -> dict[bytes, Field]:
        return {key_bytes(entry.key): entry.value for entry in self.entries}

    def generate(self, rng: Random, scope: Scope) -> Node:
        """All that is required, and some of the rest."""
        made = [entry for entry in self.entries if rng.random() < entry.chance]
        pairs = [_pair(entry.key, entry.value.generate(rng, scope)) for entry in made]
        return Node(self, children=[HEAD.leaf(b"\xa0"), *pairs])

    def member(self, key: bytes) -> Field:
        """What was declared for the key."""
        return self._known.get(key, ANY)

    def further(self, rng: Random, scope: Scope) -> Node:
        """A pair that is declared, or one that is not."""
        if self.entries and (not self.others or rng.random() < 0.6):
            entry = rng.choice(self.entries)
            return _pair(entry.key, entry.value.generate(rng, scope))
        return _pair(rng.choice(self.others or (0,)), cbor_change.anything(ANY, rng, depth=1))


@dataclass(frozen=True)
class CborOneOf(CborAny):
    """One of several.

    Args:
        choices: These.
    """

    choices: tuple[CborAny, ...] = ()

    def generate(self, rng: Random, scope: Scope) -> Node:
        """One of them."""
        return rng.choice(self.choices).generate(rng, scope)

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """The first of them that has the type of what is there."""
        for one in self.choices:
            if pos < end and text[pos] >> 5 in _majors(one):
                return one.read(text, pos, end, scope)
        return CborAny.read(self, text, pos, end, scope)


def _pair(key: Key, value: Node) -> Node:
    return Node(PAIR, children=[KEY.read(encoded := key_bytes(key), 0, len(encoded), Scope())[0], value])


def _majors(one: Field) -> tuple[int, ...]:
    kinds: tuple[tuple[type[Field], tuple[int, ...]], ...] = (
        (CborInt, (UINT, 1)),
        (CborBytes, (BYTES,)),
        (CborText, (TEXT,)),
        (CborArray, (ARRAY,)),
        (CborTuple, (ARRAY,)),
        (CborMap, (MAP,)),
        (CborSimple, (7,)),
    )
    return next((majors for kind, majors in kinds if isinstance(one, kind)), tuple(range(8)))


__all__ = [
    "ANY",
    "CborAny",
    "CborArray",
    "CborBytes",
    "CborInt",
    "CborMap",
    "CborOneOf",
    "CborSimple",
    "CborText",
    "CborTuple",
    "Entry",
    "integer_of",
    "key_bytes",
    "major_of",
]
