"""The oracles over the targets of a campaign: what its supervisor calls at the end, and `ipc-gauntlet fuzz oracles`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.ledger import Seen, SliceEnd
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.oracles.examine import Examined, examine
from ipc_gauntlet.fuzz.spec import Progress
from ipc_gauntlet.fuzz.triage.campaign import targets_of
from ipc_gauntlet.fuzz.triage.saved import FINDINGS
from ipc_gauntlet.fuzz.work import digest, write_whole

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
        remember(state, folder, one, number)
        told(one)
        done.append(one)
    return done


def remember(state: State, folder: Path, one: Examined, number: int) -> None:
    """Put findings into a campaign: files first, then the database.

    Raises:
        GauntletError: They cannot be written.
    """
    if not one.findings:
        return
    for finding in one.findings:
        _write(folder, finding)
    elapsed = state.elapsed()
    account = next((account for account in state.accounts() if account.target == one.target), None)
    end = SliceEnd(
        name=f"oracles-{one.target}-{number}-{elapsed:.3f}",
        target=one.target,
        engine="oracles",
        outcome="done",
        progress=Progress(),
        at=elapsed,
        findings=tuple(_seen(finding) for finding in one.findings),
    )
    state.merge(
        end,
        given=account.given if account is not None else 0.0,
        passed=account.passed if account is not None else 0.0,
    )


def _seen(finding: Finding) -> Seen:
    return Seen(
        signature=finding.signature,
        kind=finding.kind,
        message=finding.message[:300],
        count=1,
        smallest=digest(finding.data),
        size=len(finding.data),
    )


def _write(folder: Path, finding: Finding) -> None:
    group = folder / FINDINGS / finding.signature
    try:
        group.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {group}: {error.strerror}; the folder must be writable") from error
    write_whole(group / f"{digest(finding.data)}.json", finding.to_json())
