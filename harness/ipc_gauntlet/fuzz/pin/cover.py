"""The few inputs that are needed: a minimal set that pins all that is pinned, each made as small as it can be.

Greedy set cover: again and again the input that pins most of what is left, the shorter one of two. Then each input is
minimised while it keeps its verdict and still tells apart the mutants that it was chosen for, and inputs that have
become superfluous go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ipc_gauntlet.fuzz.pin.bench import Bench, Difference
from ipc_gauntlet.fuzz.pin.score import Tally
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.minimise import minimise

_EXECUTIONS = 700


@dataclass(frozen=True, slots=True)
class Chosen:
    """One input of the minimal set.

    Attributes:
        data: The input.
        pins: Places of mutants that it was chosen for; no mutant is in two of them.
    """

    data: bytes
    pins: tuple[int, ...]


def cover(pinned: Mapping[bytes, frozenset[int]]) -> list[Chosen]:
    """Choose inputs.

    Args:
        pinned: For each input, what it pins.

    Returns:
        Inputs in the order in which they were chosen; together they pin all that any pins.
    """
    left = dict(pinned)
    open_ = frozenset().union(*pinned.values()) if pinned else frozenset()
    found: list[Chosen] = []
    while open_:
        data = min(left, key=lambda one: (-len(left[one] & open_), len(one), one))
        found.append(Chosen(data, tuple(sorted(left.pop(data) & open_))))
        open_ -= frozenset(found[-1].pins)
    return found


def matrix(tally: Tally, inputs: Iterable[bytes]) -> dict[bytes, frozenset[int]]:
    """What each input pins as well as it can be pinned: by the verdict where some input does, else by reason or value.

    Args:
        tally: What is pinned.
        inputs: Each is run once.
    """
    among = sorted(tally.pinned)
    found: dict[bytes, frozenset[int]] = {}
    for data in dict.fromkeys(inputs):
        differences = tally.bench.differences(tally.bench.run(data), among)
        found[data] = frozenset(one.mutant for one in differences if _as_good(tally, one))
    return found


def _as_good(tally: Tally, one: Difference) -> bool:
    return one.verdict or not tally.pinned[one.mutant].verdict


def minimal(tally: Tally, extra: Iterable[bytes] = ()) -> list[Chosen]:
    """The minimal set for all that is pinned.

    Args:
        tally: What is pinned, by which input.
        extra: Further inputs to choose from, such as seeds.
    """
    inputs = [one.run.data for _, one in sorted(tally.pinned.items())]
    chosen = cover(matrix(tally, [*inputs, *extra]))
    smaller = [_minimised(tally, one) for one in chosen]
    # An input may pin more, now that it is another one.
    return cover({data: pins for data, pins in matrix(tally, smaller).items() if pins})


def _minimised(tally: Tally, one: Chosen) -> bytes:
    bench = tally.bench
    before = bench.run(one.data)

    def still(data: bytes) -> bool:
        run = bench.run(data)
        if run.outcome[:2] != before.outcome[:2]:
            return False
        # One after the other: most candidates fail at the first.
        return all(any(_as_good(tally, other) for other in bench.differences(run, (at,))) for at in one.pins)

    structure = bench.target.structure
    smaller = structure.smaller if structure is not None else None
    return minimise(one.data, still, budget=Budget(executions=_EXECUTIONS), smaller=smaller).data


def shortest_accepted(bench: Bench, inputs: Iterable[bytes]) -> bytes | None:
    """The shortest input that the parser accepts, which shows that an implementation accepts anything at all."""
    found = sorted(dict.fromkeys(inputs), key=lambda data: (len(data), data))
    return next((data for data in found if bench.run(data).outcome[0] == "accepted"), None)
