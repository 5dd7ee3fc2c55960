"""Is a fix real? All inputs of a finding once more, and then what lies around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.case import Case
from ipc_gauntlet.fuzz.triage.neighbours import neighbours
from ipc_gauntlet.fuzz.triage.replaying import Outcome, replay, replay_in
from ipc_gauntlet.fuzz.triage.same import same
from ipc_gauntlet.fuzz.triage.targets import Targets
from ipc_gauntlet.seeds import derive_random

Word = Literal["FIXED", "STILL FAILING", "FIXED BUT A NEIGHBOUR FAILS"]
_AT_ONCE = 64
_MOST_PARENTS = 16


@dataclass(frozen=True, slots=True)
class Check:
    """What came of it.

    Attributes:
        word: In short.
        outcomes: Each input of the finding with how it fared.
        neighbours: How many inputs around them were executed.
        neighbour: One that failed, None if none did.
        is_same: Whether it shows the same finding, not another one.
    """

    word: Word
    outcomes: tuple[tuple[Case, Outcome], ...]
    neighbours: int = 0
    neighbour: Finding | None = None
    is_same: bool = False


def check_fix(
    inputs: Sequence[Case], targets: Targets, budget: Budget, *, known: Sequence[Finding] = (), seed: int = 1
) -> Check:
    """Run all inputs of a finding, and if all is well the inputs around them.

    Args:
        inputs: At least one, the minimised one first.
        targets: Where targets are found.
        budget: For the inputs around.
        known: Other findings that are open: an input around that shows one of those says nothing about this fix.
        seed: Of their choice.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    first = inputs[0]
    target = targets.get(first.target)
    with Child(targets.orders_for(first)) as child:
        mine = [case for case in inputs if case.target == first.target]
        outcomes = [(case, replay_in(child, case, targets)) for case in mine]
        # One cause may show with several targets.
        outcomes += replay([case for case in inputs if case.target != first.target], targets)
        if any(not outcome.good for _, outcome in outcomes):
            return Check("STILL FAILING", tuple(outcomes))
        around = neighbours(
            [case.data for case in mine[:_MOST_PARENTS]],
            target,
            derive_random(seed, "neighbours", first.signature),
        )
        others = [one for one in known if not same(first.finding, one)]
        count, failing = _first_failing(child, around, budget, others)
    if failing is None:
        return Check("FIXED", tuple(outcomes), count)
    is_same = same(first.finding, failing)
    return Check("FIXED BUT A NEIGHBOUR FAILS", tuple(outcomes), count, failing, is_same)


def _first_failing(
    child: Child, inputs: Iterator[bytes], budget: Budget, known: Sequence[Finding]
) -> tuple[int, Finding | None]:
    count = 0
    while not budget.spent():
        left = min(budget.executions - budget.used, _AT_ONCE) if budget.executions else _AT_ONCE
        batch = list(islice(inputs, left))
        for answer in list(child.run(batch)):
            count += 1
            found = answer.finding
            if found is not None and not any(same(one, found) for one in known):
                return count, found
            budget.take()
    return count, None
