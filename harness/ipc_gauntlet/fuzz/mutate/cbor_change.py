"""Changing CBOR items: other values, and the same value in a spelling that is not the canonical one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from random import Random

from ipc_gauntlet.fuzz.mutate.cbor_items import (
    ARRAY,
    BREAK,
    BYTES,
    HEAD,
    MAP,
    PAIR,
    SIMPLE,
    TAG,
    TEXT,
    head,
    integer_of,
    major_of,
    number,
)
from ipc_gauntlet.fuzz.mutate.fields import Field, Node, Raw, replace
from ipc_gauntlet.fuzz.mutate.fields_values import BAD_UTF8, boundaries, filled

_INTS = (0, 1, 23, 24, 255, 256, 65535, 65536, 1 << 32, (1 << 64) - 1, -1, -24, -25, -(1 << 64))
_SIMPLES = (0xF4, 0xF5, 0xF6, 0xF7, 0xE0, 0xF8)
_FLOATS = (0.0, -0.0, 1.0, 1.5, float("inf"), float("nan"), 1e300)
_CONTENT = Raw("")


def string(field: Field, major: int, content: bytes) -> Node:
    """A string."""
    return Node(field, children=[HEAD.leaf(head(major, len(content))), _CONTENT.leaf(content)])


def anything(field: Field, rng: Random, depth: int) -> Node:
    """Any canonical value.

    Args:
        field: What it stands for.
        rng: Decides.
        depth: How deep it may be nested.
    """
    which = rng.randrange(7 if depth > 0 else 5)
    if which == 0:
        return Node(field, number(rng.choice(_INTS)))
    if which == 1:
        return Node(field, number(rng.getrandbits(rng.choice((3, 6, 16)))))
    if which == 2:
        return string(field, BYTES, filled(rng.choice((0, 1, 8, 16, 24, 32)), rng))
    if which == 3:
        return string(
            field, TEXT, "".join(rng.choice("az.019") for _ in range(rng.choice((0, 1, 5, 24)))).encode()
        )
    if which == 4:
        return Node(field, bytes((rng.choice((0xF4, 0xF5, 0xF6)),)))
    count = rng.randrange(3)
    if which == 5:
        return Node(
            field, children=[HEAD.leaf(b"\x80"), *(anything(field, rng, depth - 1) for _ in range(count))]
        )
    keys = dict.fromkeys(rng.getrandbits(5) for _ in range(count))
    pairs = [Node(PAIR, children=[Node(field, number(key)), anything(field, rng, depth - 1)]) for key in keys]
    return Node(field, children=[HEAD.leaf(b"\xa0"), *pairs])


def change(node: Node, rng: Random, again: Callable[[], Node], extra: Node) -> None:
    """Change an item.

    Args:
        node: It.
        rng: Decides.
        again: Makes it anew.
        extra: One more element or pair.
    """
    which = rng.random()
    if which < 0.14:
        rng.choice(_BREAKS)(node, rng)
    elif which < 0.24:
        _take(node, anything(node.field, rng, depth=2))
    elif which < 0.32:
        _take(node, again())
    elif node.children is None:
        _change_leaf(node, rng)
    elif major_of(node) in (ARRAY, MAP):
        _change_container(node, rng, extra)
    else:
        _take(node, again())


def _take(node: Node, other: Node) -> None:
    """Be another value, under one's own field."""
    field = node.field
    replace(node, other)
    node.field = field


def _change_leaf(node: Node, rng: Random) -> None:
    value = integer_of(node)
    if value is None:
        node.data = bytes((rng.choice(_SIMPLES),)) if rng.random() < 0.7 else number(rng.choice(_INTS))
    elif rng.random() < 0.5:
        node.data = number(value + rng.choice((-1, 1, 2, 16)))
    else:
        node.data = number(rng.choice((*_INTS, *boundaries(0, (1 << 64) - 1, 8))))


def _change_container(node: Node, rng: Random, extra: Node) -> None:
    children = node.children or []
    which, count = rng.random(), len(children) - 1
    if which < 0.35 or count < 1:
        is_pair = extra.field is PAIR
        if major_of(node) == MAP and not is_pair:
            extra = Node(PAIR, children=[Node(extra.field, number(rng.getrandbits(6))), extra])
        elif major_of(node) != MAP and is_pair and extra.children:
            extra = extra.children[-1]
        children.insert(rng.randrange(1, len(children) + 1), extra)
    elif which < 0.65:
        del children[rng.randrange(1, count + 1)]
    elif which < 0.75:
        at = rng.randrange(1, count + 1)
        children.insert(at, children[at].copy())
        node.kept = node.kept or rng.random() < 0.2
    elif which < 0.9:
        one, other = rng.randrange(1, count + 1), rng.randrange(1, count + 1)
        children[one], children[other] = children[other], children[one]
        node.kept = node.kept or rng.random() < 0.5
    else:
        at = rng.randrange(1, count + 1)
        size = rng.choice((2, 3, 16, 17, 64, 65))
        children[at:at] = [children[at].copy() for _ in range(size)]


# --- on purpose ---


def _wider(node: Node, rng: Random) -> None:
    """A head that is longer than it has to be."""
    first = node if node.children is None else node.children[0] if node.children else node
    value = integer_of(first) if node.children is None else None
    if value is not None:
        node.data = head(0 if value >= 0 else 1, value if value >= 0 else -1 - value, rng.choice((1, 2, 3)))
    elif node.children and first.data:
        first.data = head(first.data[0] >> 5, max(0, len(node.children) - 1), rng.choice((1, 2, 3)))
        if major_of(node) in (BYTES, TEXT):
            first.data = head(major_of(node), sum(c.size() for c in node.children[1:]), rng.choice((1, 2, 3)))
        first.kept = True


def _indefinite(node: Node, rng: Random) -> None:
    """An indefinite length."""
    major = major_of(node)
    if not node.children or major not in (BYTES, TEXT, ARRAY, MAP):
        node.data, node.children = b"\x9f" + node.joined() + b"\xff", None
        return
    node.children[0].data, node.children[0].kept = bytes((major << 5 | 31,)), True
    if major in (BYTES, TEXT):
        content = b"".join(child.joined() for child in node.children[1:])
        cut = rng.randrange(len(content) + 1)
        node.children[1:] = [string(node.field, major, piece) for piece in (content[:cut], content[cut:])]
    if rng.random() < 0.9:
        node.children.append(BREAK.leaf(b"\xff"))


def _tagged(node: Node, rng: Random) -> None:
    """A tag around it."""
    tag = rng.choice((0, 1, 2, 18, 24, 55799))
    inner = node.copy()
    node.data, node.children, node.kept = b"", [HEAD.leaf(head(TAG, tag)), inner], False


def _floating(node: Node, rng: Random) -> None:
    """A floating-point number."""
    value = rng.choice(_FLOATS)
    code, first = rng.choice(((">e", 0xF9), (">f", 0xFA), (">d", 0xFB)))
    try:
        data = struct.pack(code, value)
    except OverflowError:
        first, data = 0xFB, struct.pack(">d", value)
    node.data, node.children = bytes((first,)) + data, None


def _simple(node: Node, rng: Random) -> None:
    """A simple value that is none of the usual."""
    value = rng.choice((b"\xe0", b"\xf7", b"\xf8\x20", b"\xf8\x14", b"\xff", b"\xfc"))
    node.data, node.children = value, None


def _no_text(node: Node, rng: Random) -> None:
    """Text that is no UTF-8."""
    _take(node, string(node.field, TEXT, rng.choice((b"", b"a")) + rng.choice(BAD_UTF8)))


def _nested(node: Node, rng: Random) -> None:
    """Arrays within each other around it."""
    inner = node.copy()
    for _ in range(rng.choice((1, 2, 3, 14, 15, 16, 17))):
        inner = Node(node.field, children=[HEAD.leaf(b"\x81"), inner])
    replace(node, inner)


_BREAKS: tuple[Callable[[Node, Random], None], ...] = (
    _wider,
    _indefinite,
    _tagged,
    _floating,
    _simple,
    _no_text,
    _nested,
)


def simpler(node: Node) -> Iterator[Node]:
    """Nodes with less in them that may stand in an item's place."""
    value = integer_of(node)
    if node.children is None:
        if value is not None:
            for less in dict.fromkeys((0, value // 2, value - 1)):
                if 0 <= less < value:
                    yield Node(node.field, number(less))
            if value < 0:
                yield Node(node.field, number(-1))
        if node.data[:1] and node.data[0] >> 5 == SIMPLE:
            yield Node(node.field, b"\xf4")
        yield Node(node.field, b"\0")
        return
    yield Node(node.field, b"\0")
    yield Node(node.field, b"\xf6")
    major, rest = major_of(node), node.children[1:]
    if node.kept or node.children[0].kept:
        again = node.copy()
        again.kept = False
        if again.children:
            again.children[0].kept = False
        yield again
    if major in (ARRAY, MAP, TAG):
        yield from rest
        if len(rest) > 1:
            for part in ([], rest[: len(rest) // 2], rest[len(rest) // 2 :]):
                yield _with(node, part)
        for at in range(min(len(rest), 32)):
            yield _with(node, rest[:at] + rest[at + 1 :])


def _with(node: Node, rest: list[Node]) -> Node:
    made = Node(node.field, children=[(node.children or [])[0].copy(), *(one.copy() for one in rest)])
    made.kept = node.kept
    return made
