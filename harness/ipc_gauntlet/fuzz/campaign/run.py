"""Opens a campaign, new or again, and runs it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import canaries, orders
from ipc_gauntlet.fuzz.campaign.guards import CAUGHT, UNTRIED
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.records import Plan
from ipc_gauntlet.fuzz.campaign.rest import at_rest
from ipc_gauntlet.fuzz.campaign.state import DATABASE, PLAN, State, read_plan
from ipc_gauntlet.fuzz.campaign.status import Status, write
from ipc_gauntlet.fuzz.campaign.supervisor import Listener, Supervisor
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.oracles.campaign import examine_all
from ipc_gauntlet.fuzz.triage.campaign import triage_all

_KEPT = frozenset({"lock", "owner"})

_ORACLES = 0.05
"""Share of its budget that a campaign spends on oracles at its end, beside that budget."""
_ORACLES_LEAST = 60.0
"""Less is not worth it: each target takes some seconds. So campaigns below 20 minutes leave it to `fuzz oracles`."""

Guard = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Connects Ctrl-C and its like to a function, for as long as its context lasts."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run.

    Attributes:
        store: Where everything is kept.
        wishes: What is asked for.
        fresh: Whether to forget what the campaign of this name did before; corpora stay.
        triage_seconds: How long new findings may be run again and made smaller at the end; 0 for not at all, and then
            there are no oracles either.
    """

    store: Store
    wishes: orders.Wishes
    fresh: bool = False
    triage_seconds: float = 60.0


def run(order: Order, listener: Listener, guard: Guard) -> Status:
    """Run a campaign until its end.

    Args:
        order: What to run.
        listener: Who is told.
        guard: How it is stopped from outside.

    Returns:
        How it ended.

    Raises:
        UsageError: It cannot be done, or another process runs the campaign.
        GauntletError: It could not go on.
    """
    folder = order.store.campaigns / orders.name_of(order.wishes)
    with Lock(folder):
        if order.fresh:
            _forget(folder)
        before = read_plan(folder) if (folder / PLAN).is_file() and (folder / DATABASE).is_file() else None
        plan = orders.make(order.wishes, before, jobs=os.cpu_count() or 1)
        with State.open(folder, writable=True) as state:
            budget = _budget(state, plan, before)
            state.adopt(plan)
            if plan.canary:
                _doubt(state, plan, order.store)
            supervisor = Supervisor(store=order.store, state=state, listener=listener, budget=budget)
            with guard(supervisor.stop):
                end = supervisor.run()
            if end.phase == "ended" and order.triage_seconds:
                end = _afterwards(order, state, end, listener, guard)
            return end


def _afterwards(order: Order, state: State, end: Status, listener: Listener, guard: Guard) -> Status:
    """What one execution does not show, then triage; a person may cut that short without losing anything."""
    asked: list[bool] = []

    def stop() -> None:
        asked.append(True)
        if len(asked) > 1:
            raise KeyboardInterrupt

    def stopped() -> bool:
        return bool(asked)

    with guard(stop), contextlib.suppress(KeyboardInterrupt):
        seconds = state.plan().seconds * _ORACLES
        if seconds >= _ORACLES_LEAST:
            listener.said(
                f"looking for what costs too much or is kept, {seconds:.0f} s; Ctrl-C leaves that out"
            )
            examine_all(state.folder, order.store, seconds, state=state, stop=stopped)
        waiting = sum(finding.status == "new" for finding in state.findings())
        if waiting and not asked:
            many = f"{waiting} findings are" if waiting > 1 else "the finding is"
            listener.said(
                f"{many} run again and made smaller, {order.triage_seconds:.0f} s at most; "
                "Ctrl-C leaves the rest for `fuzz triage`"
            )
            triage_all(state.folder, order.triage_seconds, state=state, stop=stopped)
    now = at_rest(state)
    end = msgspec.structs.replace(
        end,
        targets=now.targets,
        findings=now.findings,
        findings_total=now.findings_total,
        exit_status=now.exit_status,
    )
    write(state.folder, end)
    return end


def _budget(state: State, plan: Plan, before: Plan | None) -> float:
    """At which time the campaign is over: a budget that was not used up is used up, another is added."""
    elapsed, until = state.elapsed(), state.budget()
    if before is not None and before.seconds == plan.seconds and until > elapsed:
        return until
    return elapsed + plan.seconds


def _doubt(state: State, plan: Plan, store: Store) -> None:
    """Have canaries fly again that were caught by another engine under the same name, or beside another driver."""
    for account in state.accounts():
        for engine, answer in account.canaries.items():
            name = canaries.key(account.target, plan, engine) if answer == CAUGHT else ""
            if name and canaries.recall(store.root, name) is None:
                state.canary(account.target, engine, UNTRIED)


def _forget(folder: Path) -> None:
    try:
        for path in folder.iterdir():
            if path.name in _KEPT or path.name.startswith("lock"):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise GauntletError(f"cannot begin {folder} again: {error.strerror}: {error.filename}") from error
