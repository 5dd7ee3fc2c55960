"""Triage of a campaign's findings: what its supervisor calls at the end, and `ipc-gauntlet fuzz triage`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.state import State, read_plan
from ipc_gauntlet.fuzz.triage.budget import Budget
from ipc_gauntlet.fuzz.triage.case import Case
from ipc_gauntlet.fuzz.triage.one import Triaged, triage
from ipc_gauntlet.fuzz.triage.saved import CASES, FINDINGS, of_signature, signatures
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets
from ipc_gauntlet.fuzz.work import digest, write_whole

_LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a finding.

    Attributes:
        signature: Which.
        result: What was learnt; None if it could not be executed.
        path: Where its regression case is; None if there is none.
        trouble: Why it could not be executed, empty if it could.
    """

    signature: str
    result: Triaged | None
    path: Path | None = None
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody asks triage for.

    Attributes:
        only: Signatures to triage, whatever was done before; none means all new ones.
        driver: Command line of the implementation under test; None means the campaign's.
    """

    only: frozenset[str] = frozenset()
    driver: str | None = None


ALL_NEW = Asked()


def triage_all(
    folder: Path,
    seconds: float,
    *,
    state: State | None = None,
    asked: Asked = ALL_NEW,
    told: Callable[[Done], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Done]:
    """Run the findings of a campaign again, make their inputs smaller, and write a regression case for each.

    Findings that were triaged before are left alone unless they are named. What is written: `cases/<signature>.json`
    in the campaign's folder, and the rate and the smallest input in its database.

    Args:
        folder: The campaign's.
        seconds: Wall-clock time for all; each finding gets an equal share of what is left, a second at least.
        state: The campaign's database, opened for writing, if the caller has it open.
        asked: Which of them, and with what.
        told: Called after each.
        stop: Asked before each whether to stop.

    Raises:
        GauntletError: Something cannot be read or written.
    """
    if state is None:
        with State.open(folder, writable=True) as opened:
            return triage_all(folder, seconds, state=opened, asked=asked, told=told, stop=stop)
    begun = time.monotonic()
    done: list[Done] = []
    wanted = list(_wanted(state, folder, asked.only))
    targets = targets_of(folder, asked.driver) if wanted else None
    for number, signature in enumerate(wanted):
        if targets is None or stop():
            break
        left = seconds - (time.monotonic() - begun)
        share = max(left / (len(wanted) - number), _LEAST_SECONDS)
        one = _one(folder, signature, targets, Budget(seconds=share, clock=time.monotonic))
        _remember(state, one)
        told(one)
        done.append(one)
    return done


def targets_of(folder: Path, driver: str | None = None) -> Targets:
    """The targets of a campaign, executed as it did.

    Args:
        folder: The campaign's.
        driver: Command line of the implementation under test; None means the campaign's.

    Raises:
        GauntletError: Its plan cannot be read, or a module of targets cannot be used.
    """
    plan = read_plan(folder)
    settings = Settings(
        hang_seconds=plan.hang_seconds,
        memory_mb=plan.memory_mb,
        driver=plan.driver if driver is None else driver,
    )
    return Targets(plan.modules, settings)


def _wanted(state: State, folder: Path, only: frozenset[str]) -> Iterator[str]:
    there = frozenset(signatures(folder))
    for finding in state.findings():
        if finding.signature in there and (finding.signature in only if only else finding.status == "new"):
            yield finding.signature


def _one(folder: Path, signature: str, targets: Targets, budget: Budget) -> Done:
    try:
        saved = of_signature(folder, signature)
        first = saved.inputs[0]
        # One cause may show with several targets; the smallest input says which one speaks for it.
        inputs = [case.finding for case in saved.inputs if case.target == first.target]
        result = triage(inputs, targets.get(first.target), targets.orders_for(first), budget)
    except GauntletError as error:
        # One finding that cannot be executed, such as one of a target that is gone, must not keep the others waiting.
        return Done(signature, None, trouble=str(error))
    path = keep(result.case, folder)
    return Done(signature, result, path)


def keep(case: Case, folder: Path) -> Path:
    """Write the regression case of a campaign's finding, and the finding among its inputs.

    Returns:
        Where it is.

    Raises:
        GauntletError: It cannot be written.
    """
    cases = folder / CASES
    try:
        cases.mkdir(exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {cases}: {error.strerror}; the folder must be writable") from error
    path = cases / f"{case.signature}.json"
    write_whole(path, case.to_json())
    write_whole(folder / FINDINGS / case.signature / f"{digest(case.data)}.json", case.finding.to_json())
    return path


def _remember(state: State, done: Done) -> None:
    if done.result is not None:
        data = done.result.case.data
        # What took too long once and never again was a stall of the machine.
        stalled = done.result.case.finding.kind == "hang" and not done.result.shown
        state.mark(
            done.signature,
            status="unreproduced" if stalled else "triaged",
            reproduced=done.result.reproduced,
            smallest=digest(data),
            size=len(data),
        )
