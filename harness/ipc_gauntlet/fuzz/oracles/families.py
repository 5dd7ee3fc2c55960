"""Inputs of any size made of one: a piece is repeated, a string made longer, a container filled, or put into itself.

A family has a recipe, a short text, so that a finding can say how its inputs are made and a replay can make them again:

    bytes:4:2      the two bytes at offset 4, again and again
    fill:7         field 7 of the input, in the order of the wire schema, with its bytes repeated
    many:7         the last thing in field 7, again and again
    deep:7:2       field 7 in the place of the second field within it, again and again

Where there is a wire schema, lengths, counts and checksums are put right afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ipc_gauntlet.fuzz.mutate.cbor_items import PAIR, number
from ipc_gauntlet.fuzz.mutate.fields import Node, replace, settle
from ipc_gauntlet.fuzz.mutate.schema import Schema
from ipc_gauntlet.fuzz.target import Target

_MOST_BYTES = 24
_MOST_NODES = 200
_MOST_TIMES = 1 << 16
_MOST_DEEP = 300


@dataclass(frozen=True, slots=True)
class Family:
    """Inputs that differ in their size.

    Attributes:
        base: The input that they are made of.
        recipe: How; see the module.
    """

    base: bytes
    recipe: str

    def member(self, size: int, target: Target) -> bytes | None:
        """The input of about a size.

        Args:
            size: In bytes; the member is as long, or a little longer.
            target: Whose schema is used.

        Returns:
            None if the recipe does not fit the input, or cannot make one so long.
        """
        kind, *numbers = self.recipe.split(":")
        try:
            places = [int(text) for text in numbers]
        except ValueError:
            return None
        if kind == "bytes" and len(places) == 2:
            return _repeated(self.base, places[0], places[1], size)
        if not isinstance(target.structure, Schema):
            return None
        root = target.structure.read(self.base)
        made = _grown(root, kind, places, size - len(self.base))
        if made is None:
            return None
        settle(made)
        data = made.joined()
        return data if size <= 2 * len(data) and len(data) < 4 * size else None


def families(base: bytes, target: Target) -> Iterator[Family]:
    """All families of an input, those of the schema first."""
    if isinstance(target.structure, Schema):
        nodes = list(target.structure.read(base).walk())[:_MOST_NODES]
        for place, node in enumerate(nodes):
            if node.children is None:
                if node.data and not node.kept:
                    yield Family(base, f"fill:{place}")
                continue
            if node.children:
                yield Family(base, f"many:{place}")
            for step, inner in enumerate(list(node.walk())[1:], start=1):
                if inner.field == node.field:
                    yield Family(base, f"deep:{place}:{step}")
                    break
    step = max(len(base) // _MOST_BYTES, 1)
    for offset in range(0, len(base), step):
        yield Family(base, f"bytes:{offset}:1")
    yield Family(base, f"bytes:0:{len(base)}")


def _repeated(base: bytes, offset: int, length: int, size: int) -> bytes | None:
    piece = base[offset : offset + length]
    if not piece:
        return None
    times = max(-(-(size - len(base)) // len(piece)), 0)
    return base[:offset] + piece * (times + 1) + base[offset + length :]


def _grown(root: Node, kind: str, places: list[int], more: int) -> Node | None:
    nodes = list(root.walk())
    if more < 0 or not places or not 0 <= places[0] < len(nodes):
        return None
    node = nodes[places[0]]
    if kind == "fill" and node.data:
        node.data = (node.data * (more // len(node.data) + 2))[: len(node.data) + more]
        return root
    if kind == "many" and node.children:
        return _filled(root, node, more)
    if kind == "deep" and len(places) == 2:
        return _deepened(root, node, places[1], more)
    return None


def _filled(root: Node, node: Node, more: int) -> Node | None:
    children = node.children or []
    last = children[-1]
    size = last.size()
    if not size:
        return None
    for count in range(min(more // size + 1, _MOST_TIMES)):
        again = last.copy()
        # A map whose keys are all the same is refused at its second: each pair gets a key of its own.
        if again.field is PAIR and again.children:
            replace(again.children[0], Node(again.children[0].field, number(1000 + count)))
        children.append(again)
    return root


def _deepened(root: Node, node: Node, place: int, more: int) -> Node | None:
    within = list(node.walk())
    if not 0 < place < len(within):
        return None
    hole = within[place]
    ring = node.size() - hole.size()
    if ring <= 0:
        return None
    pattern = node.copy()
    for _ in range(min(more // ring + 1, _MOST_DEEP)):
        layer = pattern.copy()
        replace(hole, layer)
        hole = list(layer.walk())[place]
    return root
