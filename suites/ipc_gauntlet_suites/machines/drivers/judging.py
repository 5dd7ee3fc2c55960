"""From a search to a verdict."""

from collections.abc import Callable

from ipc_gauntlet import Inconclusive, Lab
from ipc_gauntlet_suites.machines.running import Budget, Machine, search

FEWEST = 3


def judge_schedules(lab: Lab, make: Callable[[], Machine], budget: Budget) -> None:
    """Try schedules and have the shortest bad one reported, step by step.

    Args:
        lab: The case's lab; its seed decides about the schedules.
        make: Makes a machine with a fresh back end.
        budget: How much to try.

    Raises:
        RequirementViolated: A schedule broke an invariant.
        Inconclusive: This machine is too slow to try anything.
    """
    found = search(make, budget, lab.rng.getrandbits(63))
    if found.finding is None:
        lab.did(f"tried {found.schedules} schedules, {found.steps} steps in all")
        if found.schedules < FEWEST:
            raise Inconclusive(f"only {found.schedules} schedules could be tried in {budget.wall_s:g} s")
        lab.require_that(True, "", "", "")
        return
    lab.did(f"tried {found.schedules} good schedules, then found a bad one; its shortest form:")
    for number, line in enumerate(found.schedule, start=1):
        lab.did(f"{number}. {line}")
    lab.stage("established")
    lab.require_that(False, found.finding.expected, found.finding.seen, found.finding.reason)
