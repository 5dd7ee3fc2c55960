"""The pieces of an input that was read by a wire schema, and what fields can look up while they are read or made.

An input is a tree of nodes. The tree of an input that is kept is shared by all that are made of it, and never changed:
a change copies the nodes on the way to its place (`edit`), and only what was copied or added is put right and written
anew. So a node knows whether it is as it was read: then its `length` is known, and what follows from others is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.mutate.fields import Field

MOST_NODES = 4000
"""Of one input; the bytes beyond are one node."""
MOST_LEVELS = 60
"""Groups within each other; what is deeper is one node."""


class Node:
    """One piece of an input.

    Attributes:
        field: What it is.
        data: Its bytes, if it is a leaf.
        children: What it consists of, None for a leaf.
        kept: What follows from other nodes stays as it is, right or wrong.
        case: Which case of a `Choice` it is.
        length: Of a group: its length in bytes, if nothing in it was changed since it was read or settled; else -1.
        text: Of a group: its bytes, if they have been asked for since.
    """

    __slots__ = ("case", "children", "data", "field", "kept", "length", "text")

    def __init__(
        self, field: Field, data: bytes = b"", children: list[Node] | None = None, *, kept: bool = False
    ) -> None:
        self.field = field
        self.data = data
        self.children = children
        self.kept = kept
        self.case: int | None = None
        self.length = -1
        self.text: bytes | None = None

    def joined(self) -> bytes:
        """As it stands on the wire."""
        if self.children is None:
            return self.data
        parts: list[bytes] = []
        _collect(self.children, parts)
        return b"".join(parts)

    def size(self) -> int:
        """Its length in bytes."""
        if self.children is None:
            return len(self.data)
        return sum([child.size() for child in self.children])

    def measured(self) -> int:
        """Its length in bytes, quicker: what is below must have been read or settled, and not changed since."""
        if self.children is None:
            return len(self.data)
        if self.length < 0:
            self.length = sum([child.measured() for child in self.children])
        return self.length

    def copy(self) -> Node:
        """Another tree that is the same."""
        made = Node(self.field, self.data)
        made.kept, made.case = self.kept, self.case
        if self.children is not None:
            made.children = [child.copy() for child in self.children]
        return made

    def named(self, name: str) -> Node | None:
        """Its child of that name."""
        for child in self.children or ():
            if child.field.name == name:
                return child
        return None

    def walk(self) -> list[Node]:
        """Itself and everything below it, groups before what is in them."""
        found = [self]
        for node in found:
            if node.children:
                found += node.children
        return found


def _collect(nodes: list[Node], parts: list[bytes]) -> None:
    for node in nodes:
        if node.children is None:
            parts.append(node.data)
        elif node.length < 0:
            _collect(node.children, parts)
        else:
            if node.text is None:
                # It is shared by whatever is made of this input.
                node.text = node.joined()
            parts.append(node.text)


class Scope:
    """What has been read or made around a field: choices look their tags up here.

    Attributes:
        around: The scope around this one.
        nodes: Fields of this record so far, by name.
        counts: How many items a repeated field of this record has, where a `Count` says so.
        level: How many scopes are around it.
        budget: How many more nodes may be read; shared by all scopes of one reading.
        judging: Whether what follows from other nodes is compared with what it should be, to be kept if it is wrong.
    """

    __slots__ = ("around", "budget", "counts", "judging", "level", "nodes")

    def __init__(self, around: Scope | None = None, *, judging: bool = True) -> None:
        self.around = around
        self.nodes: dict[str, Node] = {}
        self.counts: dict[str, int] = {}
        self.level: int = 0 if around is None else around.level + 1
        self.budget: list[int] = [MOST_NODES] if around is None else around.budget
        self.judging: bool = judging if around is None else around.judging

    def find(self, name: str) -> Node | None:
        """The innermost field of that name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.nodes:
                return scope.nodes[name]
            scope = scope.around
        return None

    def spend(self) -> bool:
        """Whether one more node may be read here; not if it is nested too deep."""
        self.budget[0] -= 1
        return self.budget[0] >= 0 and self.level < MOST_LEVELS


def settle(node: Node) -> None:
    """Put right what follows from other nodes, from the innermost outwards; what was not changed is right."""
    children = node.children
    if children is None:
        return
    for child in children:
        if child.children is not None and child.length < 0:
            settle(child)
    node.field.settle(node)
    node.text = None
    node.length = sum(
        [len(child.data) if child.children is None else child.measured() for child in node.children or ()]
    )


def replace(node: Node, other: Node) -> None:
    """Let a node be what another one is."""
    node.field, node.data, node.children, node.kept, node.case = (
        other.field,
        other.data,
        other.children,
        other.kept,
        other.case,
    )
    node.length, node.text = -1, None
