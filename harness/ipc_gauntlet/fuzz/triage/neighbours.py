"""Inputs around one: every small change in turn, then larger ones at random. Whoever repaired one input repaired those too, or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from random import Random

from ipc_gauntlet.fuzz.mutate.bytes import ByteMutator
from ipc_gauntlet.fuzz.target import Target

_SYSTEMATIC = 256
"""Bytes of an input that are changed one after another."""

_STEPS = (1, -1, 0x80, 0xFF)


def neighbours(inputs: Sequence[bytes], target: Target, rng: Random) -> Iterator[bytes]:
    """Inputs around those given, each once, without end.

    Args:
        inputs: At least one, the most interesting first.
        target: What they are for.
        rng: Where choices come from.
    """
    seen = set(inputs)
    for data in chain(chain.from_iterable(map(close, inputs)), _further(inputs, target, rng)):
        cut = data[: target.longest]
        if cut not in seen:
            seen.add(cut)
            yield cut


def close(data: bytes) -> Iterator[bytes]:
    """Every input that differs in one byte by a little, lacks one, has one twice, or ends early; one that goes on."""
    for place in range(min(len(data), _SYSTEMATIC)):
        for step in _STEPS:
            yield data[:place] + bytes([(data[place] + step) & 0xFF]) + data[place + 1 :]
        yield data[:place] + data[place + 1 :]
        yield data[:place] + data[place : place + 1] + data[place:]
        yield data[:place]
    yield data + b"\x00"
    yield data + data


def _further(inputs: Sequence[bytes], target: Target, rng: Random) -> Iterator[bytes]:
    mutator = ByteMutator(rng, target.longest, list(target.tokens))
    parents = [*inputs, *target.seeds()]
    while True:
        # Mostly around the first; the others bring what it lacks.
        draw = rng.random()
        parent = inputs[0] if draw < 0.5 else parents[int(rng.random() * len(parents))]
        if target.structure is not None and rng.random() < 0.5:
            yield target.structure.mutate(parent, rng)
        else:
            yield mutator.mutate(parent, parents[int(rng.random() * len(parents))])
