"""The oracles over the targets of a campaign: what its supervisor calls at the end, and `ipc-gauntlet fuzz oracles`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.entry import enter
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.oracles.examine import Examined, examine
from ipc_gauntlet.fuzz.triage.campaign import targets_of

_LEAST_SECONDS = 0.5


def examine_all(
    folder: Path,
    store: Store,
    seconds: float,
    *,
    state: State | None = None,
    told: Callable[[Examined], None] = lambda one: None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Examined]:
    """Examine every target of a campaign, and write down what is found as a slice would.

    Args:
        folder: The campaign's.
        store: Where corpora are.
        seconds: Wall-clock time for all; each target gets an equal share of what is left, half a second at least.
        state: The campaign's database, opened for writing, if the caller has it open.
        told: Called after each target.
        stop: Asked before each target whether to stop.

    Raises:
        GauntletError: Something cannot be read or written.
    """
    if state is None:
        with State.open(folder, writable=True) as opened:
            return examine_all(folder, store, seconds, state=opened, told=told, stop=stop)
    begun = time.monotonic()
    plan = state.plan()
    targets = targets_of(folder)
    names = [name for name in plan.targets if name in targets]
    done: list[Examined] = []
    for number, name in enumerate(names):
        if stop():
            break
        left = seconds - (time.monotonic() - begun)
        share = max(left / (len(names) - number), _LEAST_SECONDS)
        try:
            one = examine(name, targets, store, share, plan.seed)
        except GauntletError as error:
            # A target that cannot be loaded any more must not keep the others waiting.
            one = Examined(name, trouble=str(error))
        remember(state, one, number)
        told(one)
        done.append(one)
    return done


def remember(state: State, one: Examined, number: int) -> None:
    """Put findings into a campaign: files first, then the database.

    Raises:
        GauntletError: They cannot be written.
    """
    name = f"oracles-{one.target}-{number}-{state.elapsed():.3f}"
    enter(state, one.target, one.findings, name=name, engine="oracles")
