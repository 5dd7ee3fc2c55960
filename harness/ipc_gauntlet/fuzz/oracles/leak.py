"""Looks for memory that rejections leave behind: hostile input that is refused must cost nothing in the long run.

A thousand inputs, all different, all refused, are executed while the allocations that stay are counted after every
eighth. What a parser keeps for each rejection, in a list, in a cache without limit, in a reference from an exception,
shows as growth in most of them. A cache that fills up may show too, so growth has to go on over three thousand more.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from random import Random
from statistics import median

import msgspec

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.execute import made
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.seeds import derive_random

REJECTIONS = 1_000
"""Executed for the first look."""

_MORE = 3
_PARTS = 8
_LEAST_EACH = 16
_FEW = 16
_PARENTS = 200
_OF_REFUSED = 0.7
_ROUNDS = 100
_TRIES_AT_ONCE = 250


def leak(target: Target, child: Child, inputs: Sequence[bytes], seed: int = 1) -> Finding | None:
    """Look for memory kept after rejections.

    Args:
        target: What the inputs are for.
        child: Where to execute them.
        inputs: What rejected inputs are made of, and the seeds of the target.
        seed: Of the changes.

    Returns:
        The finding; None too if there are not enough inputs that are refused.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    refused = _refused(target, child, inputs, derive_random(seed, "leak", target.name))
    first = list(islice(refused, REJECTIONS))
    if len(first) < REJECTIONS // 2 or _kept(child, first) is None:
        return None
    lasting = [_kept(child, list(islice(refused, REJECTIONS))) for _ in range(_MORE)]
    if None in lasting:
        return None
    each = min(kept for kept in lasting if kept is not None)
    text = f"after {(_MORE + 1) * REJECTIONS} rejections {each:.0f} bytes or more are kept for each of them"
    base = min(first, key=lambda data: (len(data), data))
    few = " ".join(base64.b64encode(data).decode() for data in inputs[:_FEW])
    found = made(target, "residue", base, text, error="memory")
    return msgspec.structs.replace(found, details={"oracle": "leak", "inputs": few, "seed": str(seed)})


def _refused(target: Target, child: Child, inputs: Sequence[bytes], rng: Random) -> Iterator[bytes]:
    """Inputs that are refused, each another; changes of those given. Ends when too few come."""
    parents = list(dict.fromkeys([*inputs[:_FEW], *target.seeds(), b""]))
    mutator = ByteMutator(rng, target.longest, list(target.tokens))
    seen: set[bytes] = set()
    # What was refused is a good parent of more, where little is.
    refused: list[bytes] = []
    for _ in range(_ROUNDS):
        tries: list[bytes] = []
        for _ in range(_TRIES_AT_ONCE):
            choice = refused if refused and rng.random() < _OF_REFUSED else parents
            parent = choice[int(rng.random() * len(choice))]
            other = parents[int(rng.random() * len(parents))]
            structure = target.structure if rng.random() < 0.5 else None
            made_of = structure.mutate(parent, rng) if structure else mutator.mutate(parent, other)
            data = made_of[: target.longest]
            if data not in seen:
                seen.add(data)
                tries.append(data)
        # All answers are taken before any input is handed out: the child is used in between.
        for data, answer in zip(tries, list(child.run(tries)), strict=True):
            if answer.finding is None and not answer.accepted:
                if len(refused) < _PARENTS:
                    refused.append(data)
                yield data


def _kept(child: Child, inputs: Sequence[bytes]) -> float | None:
    """Bytes kept for each of some inputs; None if memory does not grow over most parts of them."""
    every = len(inputs) // _PARTS
    if not every:
        return None
    answers = list(child.run(inputs, levels=every))
    levels = [answer.held for answer in answers if answer.held >= 0]
    if any(answer.finding is not None for answer in answers) or len(levels) < _PARTS:
        return None
    # One part may also fill, or give up, what the interpreter or a library keeps; the middle one tells.
    growth = median(after - before for before, after in pairwise(levels))
    return growth / every if growth >= _LEAST_EACH * every else None
