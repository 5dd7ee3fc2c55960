"""Changes an input without copying all of it: only the nodes on the way to a change are copied, the rest is shared."""

from __future__ import annotations

from ipc_gauntlet.fuzz.mutate.nodes import Node, Scope, settle

_Index = int


class Tree:
    """An input that was read, and is never changed.

    Attributes:
        root: The whole of it.
        nodes: Everything in it, groups before what is in them.
        groups: Places of the groups among these.
        above: For each place that of the group around it, -1 for the root.
        first: For each group the place of its first child; its other children follow.
    """

    __slots__ = ("above", "first", "groups", "nodes", "root")

    def __init__(self, root: Node) -> None:
        self.root = root
        root.measured()
        nodes, above, first, groups = [root], [-1], [], []
        for place, node in enumerate(nodes):
            first.append(len(nodes))
            if node.children is not None:
                groups.append(place)
                above += [place] * len(node.children)
                nodes += node.children
        self.nodes, self.above, self.first, self.groups = nodes, above, first, groups


class Edit:
    """One input that is made of another.

    Args:
        tree: The other one.

    Attributes:
        root: The new input.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._own: dict[_Index, Node] = {}
        self.root = self._shallow(0)

    def open(self, place: _Index) -> tuple[Node, Scope] | None:
        """A node that may be changed with all that is in it, and what is around it.

        Args:
            place: Its place in the tree that this is made of.

        Returns:
            None if it is there no more, because of an earlier change.
        """
        chain = [place]
        while chain[-1]:
            chain.append(self._tree.above[chain[-1]])
        scope, around = Scope(), self.root
        for one in reversed(chain[:-1]):
            scope = Scope(scope)
            for child in around.children or ():
                scope.nodes.setdefault(child.field.name, child)
            found = self._within(around, one)
            if found is None:
                return None
            around = found
        self._separate(around)
        return around, scope

    def _within(self, around: Node, place: _Index) -> Node | None:
        """The node of a place, as it is here, in the group around it."""
        children = around.children or []
        mine = self._own.get(place, self._tree.nodes[place])
        at = next((at for at, child in enumerate(children) if child is mine), -1)
        if at < 0:
            return None
        if place not in self._own:
            mine = children[at] = self._shallow(place)
        mine.length, mine.text = -1, None
        return mine

    def _shallow(self, place: _Index) -> Node:
        """A copy with the same groups in it. Leaves are copied as well: a choice changes the tag beside it."""
        node = self._tree.nodes[place]
        made = self._own[place] = Node(node.field, node.data, kept=node.kept)
        made.case = node.case
        if node.children is not None:
            made.children = children = node.children.copy()
            start = self._tree.first[place]
            for at, child in enumerate(children):
                if child.children is None:
                    children[at] = self._own[start + at] = Node(child.field, child.data, kept=child.kept)
        return made

    def _separate(self, node: Node) -> None:
        """Let nothing in a node be shared."""
        children = node.children or []
        for at, child in enumerate(children):
            if child.children is not None:
                children[at] = child.copy()

    def right_everywhere(self) -> None:
        """Nothing stays wrong: what follows from other nodes is put right everywhere."""
        self.root = self.root.copy()
        self._own = {}
        for node in self.root.walk():
            node.kept = False

    def joined(self) -> bytes:
        """The new input, with what follows from what was changed put right."""
        settle(self.root)
        return self.root.joined()
