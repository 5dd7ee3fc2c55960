"""CBOR as nodes: heads, and reading any bytes without losing one.

A number, float or simple value is a leaf. Everything else has its head as first child, then its content: the bytes of
a string, the elements of an array, the pairs of a map, what a tag is about, the pieces of an indefinite length.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from random import Random
from typing import Protocol

from ipc_gauntlet.fuzz.mutate.fields import Field, Node, Raw, Scope
from ipc_gauntlet.fuzz.mutate.fields_values import disturbed

UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
_NAMES = ("uint", "negative", "bytes", "text", "array", "map", "tag", "simple")
_INDEFINITE = 31
_MOST = (1 << 64) - 1
_SHOWN, _SHOWN_BYTES = 64, 24


class Container(Protocol):
    """What the reading asks a field for the fields below it."""

    def element(self, at: int) -> Field:
        """The field of an array's element, or of what a tag is about."""

    def member(self, key: bytes) -> Field:
        """The field of a map's value, by the encoding of its key."""

    def content(self, major: int) -> Field:
        """The field of a string's bytes."""


def head(major: int, argument: int, wider: int = 0) -> bytes:
    """A head; `wider` steps longer than it has to be."""
    argument = min(max(argument, 0), _MOST)
    step = (
        0
        if argument < 24
        else 1
        if argument < 256
        else 2
        if argument < 65536
        else 3
        if argument < 1 << 32
        else 4
    )
    step = min(4, step + wider)
    if not step:
        return bytes((major << 5 | argument,))
    return bytes((major << 5 | 23 + step,)) + argument.to_bytes(1 << step - 1)


def number(value: int) -> bytes:
    """A whole number, cut to 64 bits and a sign."""
    return head(UINT, value) if value >= 0 else head(NINT, -1 - value)


def argument_of(encoded: bytes) -> tuple[int, int]:
    """The argument of a head and the head's length; what is cut short counts as zeros. -1 for an indefinite one."""
    low = encoded[0] & 0x1F
    if low < 24:
        return low, 1
    if low > 27:
        return (-1 if low == _INDEFINITE else 0), 1
    width = 1 << low - 24
    return int.from_bytes(encoded[1 : 1 + width].ljust(width, b"\0")), 1 + width


def major_of(node: Node) -> int:
    """The major type of an item; -1 for none."""
    data = node.data if node.children is None else node.children[0].joined() if node.children else b""
    return data[0] >> 5 if data else -1


def integer_of(node: Node) -> int | None:
    """The number that a leaf is, None if it is none."""
    if node.children is not None or not node.data or node.data[0] >> 5 > NINT:
        return None
    argument, _ = argument_of(node.data)
    return argument if node.data[0] >> 5 == UINT else -1 - argument


@dataclass(frozen=True)
class Head(Field):
    """What says type and length of an item."""

    def generate(self, rng: Random, scope: Scope) -> Node:
        """An empty string's."""
        return self.leaf(b"\x40")

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """As many bytes as its first one says."""
        stop = min(end, pos + (argument_of(text[pos : pos + 1])[1] if pos < end else 0))
        return self.leaf(text[pos:stop]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Another count, a longer form, an indefinite or a reserved one; or right again."""
        if not node.data or (node.kept and rng.random() < 0.3):
            node.kept = False
            return
        major = node.data[0] >> 5
        argument = max(0, argument_of(node.data)[0])
        which = rng.randrange(6)
        if which == 0:
            node.data = head(major, argument, rng.choice((1, 2, 3, 4)))
        elif which == 1:
            node.data = head(major, argument + rng.choice((1, -1, 2, 256)))
        elif which == 2:
            node.data = head(major, rng.choice((1024, 1025, 1 << 20, (1 << 20) + 1, 1 << 32, _MOST)))
        elif which == 3:
            node.data = bytes((major << 5 | rng.choice((28, 29, 30, 31)),))
        elif which == 4:
            node.data = head(rng.randrange(8), argument)
        else:
            node.data = disturbed(node.data, rng, same_length=True)
        node.kept = True

    def show(self, node: Node) -> str:
        """Type and argument."""
        if not node.data:
            return "nothing"
        argument, _ = argument_of(node.data)
        told = f"{_NAMES[node.data[0] >> 5]} {'indefinite' if argument < 0 else argument}"
        return told + (" (not canonical)" if node.kept else "")


@dataclass(frozen=True)
class Pair(Field):
    """A key and its value."""

    def generate(self, rng: Random, scope: Scope) -> Node:
        """Not made on its own."""
        return self.leaf(b"")

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """All there is."""
        return self.leaf(text[pos:end]), end

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """Without its value, or key and value swapped."""
        if node.children and len(node.children) > 1:
            if rng.random() < 0.3:
                del node.children[1]
            else:
                node.children.reverse()

    def show(self, node: Node) -> str:
        """Its parts speak for themselves."""
        return ""


HEAD = Head("head")
PAIR = Pair("")
BREAK = Raw("break")
KEY = Raw("key")


def item(
    field: Field, container: Container, text: bytes, pos: int, scope: Scope, end: int
) -> tuple[Node, int]:
    """Read one item out of any bytes.

    Args:
        field: What it is meant to be.
        container: What is below it.
        text: The bytes.
        pos: Where it begins.
        scope: Around it.
        end: Where its space ends.
    """
    if pos >= end:
        return Node(field), pos
    argument, length = argument_of(text[pos:end])
    start, major = pos + length, text[pos] >> 5
    if start > end or not scope.spend():
        return Node(field, text[pos:end]), end
    if major in (UINT, NINT, SIMPLE) or (argument < 0 and major == TAG) or text[pos] & 0x1F in (28, 29, 30):
        return Node(field, text[pos:start]), start
    first = HEAD.leaf(text[pos:start])
    children = [first]
    node = Node(field, children=children)
    if argument < 0:
        stop = _pieces(node, container, text, start, Scope(scope), end)
        first.kept = True
        return node, stop
    if major in (BYTES, TEXT):
        stop = min(end, start + argument)
        child, read = container.content(major).read(text, start, stop, Scope(scope))
        children.append(child)
        if read < stop:
            children.append(Raw("").leaf(text[read:stop]))
    else:
        stop = _elements(node, container, text, start, Scope(scope), end)
    first.kept = major != TAG and first.data != head(major, _held(node, major))
    if major == MAP:
        node.kept = not _ascending(node)
    return node, stop


def _elements(node: Node, container: Container, text: bytes, pos: int, scope: Scope, end: int) -> int:
    """As many as the head says, or as there are."""
    children, major = node.children or [], major_of(node)
    count = 1 if major == TAG else argument_of(children[0].data)[0]
    at = 0
    while at < count and pos < end and scope.budget[0] > 0:
        if major == MAP:
            child, pos = _pair(container, text, pos, scope, end)
        else:
            child, pos = container.element(at).read(text, pos, end, scope)
        children.append(child)
        at += 1
    return pos


def _pieces(node: Node, container: Container, text: bytes, pos: int, scope: Scope, end: int) -> int:
    """What stands behind an indefinite head, with the break that ends it."""
    children, major = node.children or [], major_of(node)
    at = 0
    while pos < end and text[pos] != 0xFF and scope.budget[0] > 0:
        if major == MAP:
            child, pos = _pair(container, text, pos, scope, end)
        else:
            child, pos = container.element(at).read(text, pos, end, scope)
        children.append(child)
        at += 1
    if pos < end and text[pos] == 0xFF:
        children.append(BREAK.leaf(b"\xff"))
        pos += 1
    return pos


def _pair(container: Container, text: bytes, pos: int, scope: Scope, end: int) -> tuple[Node, int]:
    start = pos
    key, pos = container.element(-1).read(text, pos, end, scope)
    field = container.member(text[start:pos])
    value, pos = field.read(text, pos, end, scope)
    return Node(PAIR, children=[key, value]), pos


def _held(node: Node, major: int) -> int:
    children = node.children or []
    return sum([child.measured() for child in children[1:]]) if major in (BYTES, TEXT) else len(children) - 1


def _key(pair: Node) -> bytes:
    return pair.children[0].joined() if pair.children else pair.data


def _ascending(node: Node) -> bool:
    keys = [_key(pair) for pair in (node.children or [])[1:]]
    return all(one < other for one, other in itertools.pairwise(keys))


def settle_item(node: Node) -> None:
    """Make head and order of keys canonical, each unless it is kept."""
    children = node.children
    if not children or children[0].field is not HEAD:
        return
    first = children[0]
    major = major_of(node)
    if major == MAP and not node.kept:
        children[1:] = sorted(children[1:], key=_key)
    if not first.kept and first.data and major not in (TAG, SIMPLE, UINT, NINT):
        if argument_of(first.data)[0] < 0 and children[-1].field is BREAK:
            children.pop()
        first.data = head(major, _held(node, major))


def show_item(node: Node) -> str:
    """What an item says, for people."""
    value = integer_of(node)
    if value is not None:
        return str(value)
    if node.children is None:
        words = {b"\xf4": "false", b"\xf5": "true", b"\xf6": "null", b"\xf7": "undefined"}
        if len(node.data) == 9 and node.data[0] == 0xFB:
            return repr(struct.unpack(">d", node.data[1:])[0])
        return words.get(node.data, node.data[:24].hex())
    major = major_of(node)
    if major in (ARRAY, MAP):
        return f"{_NAMES[major]} of {len(node.children) - 1}"
    content = b"".join(child.joined() for child in node.children[1:])
    if major == TEXT:
        return repr(content[:_SHOWN].decode(errors="backslashreplace")) + (
            "..." if len(content) > _SHOWN else ""
        )
    if major == BYTES:
        return f"{len(content)} bytes {content[:_SHOWN_BYTES].hex()}" + (
            "..." if len(content) > _SHOWN_BYTES else ""
        )
    return _NAMES[major] if major >= 0 else ""
