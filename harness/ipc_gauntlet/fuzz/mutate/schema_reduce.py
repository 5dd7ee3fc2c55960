"""Making an input smaller by its fields, and naming them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ipc_gauntlet.fuzz.mutate.fields import REST, Node, replace, settle
from ipc_gauntlet.fuzz.target import Part

MOST_CANDIDATES = 800
"""Tried for one input."""
_MOST_PARTS = 2000


def smaller(root: Node, data: bytes) -> Iterator[bytes]:
    """Inputs with less in them, the smallest first; each is shorter, or as long and earlier in the order of bytes.

    Args:
        root: The input.
        data: Its bytes.
    """
    size = len(data)
    found = {one for one in _candidates(root) if (len(one), one) < (size, data)}
    yield from sorted(found, key=lambda one: (len(one), one))


def _candidates(root: Node) -> Iterator[bytes]:
    tried = 0
    for number, node in enumerate(root.walk()):
        for other in _instead(node):
            for derive in (True, False):
                tried += 1
                if tried > MOST_CANDIDATES:
                    return
                yield _with(root, number, other, derive=derive)


def _instead(node: Node) -> Iterator[Node]:
    yield from node.field.simpler(node)
    if node.children is not None or node.data:
        yield Node(node.field, b"")
    for child in node.children or ():
        if child.children is not None:
            yield child


def _with(root: Node, number: int, other: Node, *, derive: bool) -> bytes:
    """The input with another node in the place of one of its nodes."""
    changed = root.copy()
    for at, node in enumerate(changed.walk()):
        if at == number:
            replace(node, other.copy())
            break
    if derive:
        settle(changed)
    return changed.joined()


def explain(root: Node) -> list[Part]:
    """Name every field that has bytes, groups before what is in them. The input must be as it was read."""
    parts: list[Part] = []
    _explain(root, 0, _Place("", root.field.name, 0), parts)
    return parts


class _Place(NamedTuple):
    """Where a node stands: the path around it, its own name, and how many groups are around it."""

    above: str
    name: str
    depth: int

    def path(self) -> str:
        """The path of the node."""
        return f"{self.above}.{self.name}" if self.above and self.name else self.above or self.name


def _explain(node: Node, offset: int, place: _Place, parts: list[Part]) -> None:
    size = node.measured()
    if not size:
        return
    path, depth, children = place.path(), place.depth, node.children
    is_group = (
        children is not None and len(parts) < _MOST_PARTS and any(child.measured() for child in children)
    )
    if place.name or not is_group:
        parts.append(Part(offset, size, path or REST, node.field.show(node), depth))
        depth += 1
    if not is_group or children is None:
        return
    several = _repeated(children)
    seen: dict[str, int] = {}
    for child in children:
        name = child.field.name
        at = seen.get(name, 0)
        seen[name] = at + 1
        _explain(child, offset, _Place(path, f"{name}[{at}]" if name in several else name, depth), parts)
        offset += child.measured()


def _repeated(children: list[Node]) -> set[str]:
    """Names that more than one of the children has."""
    names = [child.field.name for child in children if child.field.name]
    return {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
