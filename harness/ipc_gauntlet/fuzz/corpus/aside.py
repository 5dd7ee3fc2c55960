"""What misbehaves on its way into a corpus, or in it, is put aside as a finding of a campaign of the store.

    STORE/campaigns/from-corpora/

`fuzz show` and `fuzz triage` know it as any other, and `fuzz run --name from-corpora` goes on from there. An input that
kills or holds up whoever executes it is in nobody's way there, as it would be among the inputs that each slice begins with.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign import orders, status
from ipc_gauntlet.fuzz.campaign.entry import enter
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.orders import Wishes
from ipc_gauntlet.fuzz.campaign.records import Plan
from ipc_gauntlet.fuzz.campaign.rest import at_rest
from ipc_gauntlet.fuzz.campaign.state import DATABASE, PLAN, State, read_plan
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.registry import find
from ipc_gauntlet.fuzz.triage.targets import Targets

CAMPAIGN = "from-corpora"
"""Name of the campaign."""


def put_aside(target: str, targets: Targets, store: Store, findings: Sequence[Finding]) -> Path | None:
    """Keep what some inputs of a target did, with the inputs.

    Args:
        target: Name of the target.
        targets: Where it is found.
        store: Where the campaign is.
        findings: What they did.

    Returns:
        The campaign's folder; None if there was nothing to keep.

    Raises:
        UsageError: Another process works on that campaign.
        GauntletError: They cannot be written.
    """
    if not findings:
        return None
    folder = store.campaigns / CAMPAIGN
    with Lock(folder), State.open(folder, writable=True) as state:
        state.adopt(_plan(target, targets, folder))
        # Seen once more is more than seen once, so each time has a name of its own.
        enter(state, target, findings, name=f"corpus-{target}-{time.time_ns()}", engine="corpus")
        status.write(folder, at_rest(state))
    return folder


def _plan(target: str, targets: Targets, folder: Path) -> Plan:
    """The plan with this target in it; those of other times stay."""
    settings = targets.settings
    wishes = Wishes(
        name=CAMPAIGN,
        patterns=(target,),
        modules=targets.modules,
        hang_seconds=settings.hang_seconds,
        memory_mb=settings.memory_mb,
    )
    fresh = orders.make(wishes, None, jobs=1)
    if not ((folder / PLAN).is_file() and (folder / DATABASE).is_file()):
        return fresh
    before = read_plan(folder)
    return msgspec.structs.replace(
        before,
        targets={**before.targets, **fresh.targets},
        modules=_modules(before, fresh),
        hang_seconds=fresh.hang_seconds,
        memory_mb=fresh.memory_mb,
    )


def _modules(before: Plan, fresh: Plan) -> tuple[str, ...]:
    """The modules of both, or those of now, where the others are gone or have targets of the same names."""
    both = tuple(dict.fromkeys((*before.modules, *fresh.modules)))
    try:
        find((), both)
    except UsageError:
        return fresh.modules
    return both
