"""Triage of one finding: does it show again, how often, and what is the smallest input that shows it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Orders
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.case import Case, make_case
from ipc_gauntlet.fuzz.triage.minimise import minimise
from ipc_gauntlet.fuzz.triage.observe import Observer
from ipc_gauntlet.fuzz.triage.same import same

RUNS = 5
"""How often an input is run again to see how reliably it shows its finding."""

_SEEDS = ("0", "1")
_MOST_PARTS = 400


@dataclass(frozen=True, slots=True)
class Triaged:
    """What came of it.

    Attributes:
        case: The regression case, minimised if the finding did show again.
        shown: How many of the re-runs showed it.
        runs: Of how many.
        executions: How many inputs were executed to make it smaller.
        complete: Whether nothing smaller could be found; else the budget ended first.
    """

    case: Case
    shown: int
    runs: int
    executions: int
    complete: bool

    @property
    def reproduced(self) -> str:
        """As records have it: `5/5`."""
        return f"{self.shown}/{self.runs}"


def triage(inputs: Sequence[Finding], target: Target, orders: Orders, budget: Budget) -> Triaged:
    """Run a finding again and make its input smaller.

    The re-runs are shared out to two processes with different hash seeds: what depends on the order of a set, or on
    what was executed before, shows as a rate below 5/5.

    Args:
        inputs: Inputs that showed it, at least one; the first that shows it again is made smaller.
        target: What they are for.
        orders: How to load that in another process.
        budget: For making it smaller.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    first = inputs[0]
    with Child(orders) as child:
        chosen = next((one for one in inputs if Observer(one, target, child).shows(one.data)), None)
        if chosen is None:
            shown = rate(first, target, orders, RUNS)
            return Triaged(_case(first, target, f"{shown}/{RUNS}", first), shown, RUNS, 0, complete=True)
        observer = Observer(chosen, target, child)
        if observer.minimisable:
            smaller = target.structure.smaller if target.structure is not None else None
            done = minimise(chosen.data, observer.shows, budget=budget, smaller=smaller)
            best = _afresh(observer, child, done.data) or chosen
            executions, complete = done.executions, done.complete
        else:
            best, executions, complete = observer.see(chosen.data) or chosen, 0, True
    best = _as_known(best, chosen)
    shown = rate(best, target, orders, RUNS)
    case = _case(best, target, f"{shown}/{RUNS}", chosen)
    return Triaged(case, shown, RUNS, executions, complete)


def rate(finding: Finding, target: Target, orders: Orders, runs: int) -> int:
    """How many of some runs show a finding; the runs are shared out to two processes.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    shown = 0
    for number, seed in enumerate(_SEEDS):
        share = (runs + len(_SEEDS) - 1 - number) // len(_SEEDS)
        with Child(orders, hash_seed=seed) as child:
            observer = Observer(finding, target, child)
            shown += sum(same(finding, _afresh(observer, child, finding.data)) for _ in range(share))
    return shown


def _afresh(observer: Observer, child: Child, data: bytes) -> Finding | None:
    """What an input does that it must not; where it may leave something behind only once, in a process of its own."""
    if observer.finding.kind == "residue":
        child.close()
    return observer.see(data)


def _as_known(seen: Finding, known: Finding) -> Finding:
    """What was seen now, under the name and with the origin that it has been known by."""
    return msgspec.structs.replace(
        seen,
        signature=known.signature,
        engine=known.engine,
        seed=known.seed,
        execution=known.execution,
        details={**known.details, **seen.details},
    )


def _case(finding: Finding, target: Target, reproduced: str, found: Finding) -> Case:
    case = make_case(finding, parser=target.case_parser, reproduced=reproduced)
    shorter = len(found.data) if finding.data != found.data else 0
    return msgspec.structs.replace(case, minimised_from=shorter)


def explained(target: Target, data: bytes) -> list[str]:
    """The fields of an input as lines `path = value`, for what has no room for a dump; empty without a schema."""
    if target.structure is None:
        return []
    parts = target.structure.explain(data)[:_MOST_PARTS]
    return [f"{part.path} = {part.value}" if part.value else part.path for part in parts]
