"""Changing an input whose fields are known."""

from __future__ import annotations

from random import Random

from ipc_gauntlet.fuzz.mutate.fields import Node, Scope, replace, settle
from ipc_gauntlet.fuzz.mutate.fields_values import disturbed

_MOST_CHANGES = 6
_GO_ON = 0.45


def mutated(root: Node, rng: Random, donor: Node | None = None) -> bytes:
    """Change fields of an input and write it.

    Args:
        root: The input; it is used up.
        rng: Decides.
        donor: Another input, from which pieces may be taken.
    """
    for _ in range(_MOST_CHANGES):
        _change_once(root, rng, donor)
        if rng.random() > _GO_ON:
            break
    settle(root)
    data = root.joined()
    which = rng.random()
    if which < 0.02 and data:
        return data[: rng.randrange(len(data))]
    if which < 0.04:
        return data + rng.randbytes(rng.choice((1, 1, 4)))
    return disturbed(data, rng) if which < 0.06 else data


def _change_once(root: Node, rng: Random, donor: Node | None) -> None:
    nodes = root.walk()
    node = rng.choice(nodes)
    which = rng.random()
    if which < 0.12:
        # Groups are few among the nodes, and changing them changes most.
        groups = [one for one in nodes if one.children is not None]
        node = rng.choice(groups) if groups else node
    if which < 0.72:
        node.field.change(node, rng, scope_of(root, node))
    elif which < 0.8:
        replace(node, node.field.generate(rng, scope_of(root, node)))
    elif which < 0.94:
        _splice(node, nodes if donor is None or rng.random() < 0.4 else donor.walk(), rng)
    elif which < 0.97:
        for one in nodes:
            one.kept = False
    else:
        _cut(node, rng)


def _splice(node: Node, others: list[Node], rng: Random) -> None:
    """Put a copy of a piece of the same kind in this one's place, else one of the same make."""
    same = [one for one in others if one is not node and one.field is node.field]
    same = same or [one for one in others if one is not node and type(one.field) is type(node.field)]
    if same:
        taken = rng.choice(same).copy()
        # The place keeps its name.
        if taken.field is not node.field and taken.children is None:
            node.data, node.children = taken.data, None
        else:
            replace(node, taken)


def _cut(node: Node, rng: Random) -> None:
    """Cut the piece short, whatever is in it."""
    data = node.joined()
    node.data, node.children = data[: rng.randrange(len(data) + 1)], None


def scope_of(root: Node, node: Node) -> Scope:
    """The fields around a node."""
    scope = Scope()
    for group in _path(root, node):
        scope = Scope(scope)
        for child in group.children or ():
            scope.nodes.setdefault(child.field.name, child)
    return scope


def _path(root: Node, node: Node) -> list[Node]:
    """The groups around a node, the outermost first; empty if it is not below `root`."""
    stack: list[tuple[Node, tuple[Node, ...]]] = [(root, ())]
    while stack:
        one, above = stack.pop()
        if one is node:
            return list(above)
        if one.children:
            stack += [(child, (*above, one)) for child in one.children]
    return []
