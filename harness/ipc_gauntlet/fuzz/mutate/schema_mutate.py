"""Changing an input whose fields are known."""

from __future__ import annotations

from random import Random

from ipc_gauntlet.fuzz.mutate.edit import Edit, Tree
from ipc_gauntlet.fuzz.mutate.fields import Node, replace
from ipc_gauntlet.fuzz.mutate.fields_values import disturbed

_MOST_CHANGES = 6
_GO_ON = 0.45


def mutated(tree: Tree, rng: Random, donor: Tree | None = None) -> bytes:
    """Change fields of an input and write it.

    Args:
        tree: The input.
        rng: Decides.
        donor: Another input, from which pieces may be taken.
    """
    edit = Edit(tree)
    for _ in range(_MOST_CHANGES):
        _change_once(edit, tree, rng, donor)
        if rng.random() > _GO_ON:
            break
    data = edit.joined()
    which = rng.random()
    if which < 0.02 and data:
        return data[: rng.randrange(len(data))]
    if which < 0.04:
        return data + rng.randbytes(rng.choice((1, 1, 4)))
    return disturbed(data, rng) if which < 0.06 else data


def _change_once(edit: Edit, tree: Tree, rng: Random, donor: Tree | None) -> None:
    draw = rng.random
    which = draw()
    if which < 0.12 and tree.groups:
        # Groups are few among the nodes, and changing them changes most.
        place = tree.groups[int(draw() * len(tree.groups))]
    else:
        place = int(draw() * len(tree.nodes))
    found = edit.open(place)
    if found is None:
        return
    node, scope = found
    if which < 0.72:
        node.field.change(node, rng, scope)
    elif which < 0.8:
        replace(node, node.field.generate(rng, scope))
    elif which < 0.94:
        _splice(node, tree.nodes if donor is None or draw() < 0.4 else donor.nodes, tree.nodes[place], rng)
    elif which < 0.97:
        edit.right_everywhere()
    else:
        _cut(node, rng)


def _splice(node: Node, others: list[Node], original: Node, rng: Random) -> None:
    """Put a copy of a piece of the same kind in this one's place, else one of the same make."""
    field = original.field
    same = [one for one in others if one.field is field and one is not original]
    if not same:
        make = type(field)
        same = [one for one in others if type(one.field) is make and one is not original]
    if same:
        taken = same[int(rng.random() * len(same))].copy()
        # The place keeps its name.
        if taken.field is not node.field and taken.children is None:
            node.data, node.children = taken.data, None
        else:
            replace(node, taken)


def _cut(node: Node, rng: Random) -> None:
    """Cut the piece short, whatever is in it."""
    data = node.joined()
    node.data, node.children = data[: rng.randrange(len(data) + 1)], None
