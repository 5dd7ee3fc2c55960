"""Where a campaign stands that nobody runs: for whoever changes what it knows after its end."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign import status
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.state import State


def at_rest(state: State) -> status.Status:
    """The status of a campaign, from its database.

    Args:
        state: The campaign's memory; no process runs it.

    Raises:
        GauntletError: It cannot be read.
    """
    plan, targets, findings = state.plan(), tuple(state.targets()), tuple(state.findings())
    return status.Status(
        name=plan.name,
        phase="ended",
        pid=os.getpid(),
        updated=time.time(),
        elapsed=state.elapsed(),
        seconds_left=None,
        jobs=plan.jobs,
        engines=plan.engines,
        targets=targets,
        rates=state.rates(),
        running=(),
        findings=findings[-status.MOST_FINDINGS :],
        findings_total=len(findings),
        exit_status=status.exit_status(targets, status.open_findings(findings), stopped=False),
    )


def refresh(folder: Path) -> None:
    """Write a campaign's status anew, after somebody changed what it knows of a finding; not while it is run.

    Args:
        folder: The campaign's.

    Raises:
        GauntletError: It cannot be read or written.
    """
    try:
        with Lock(folder), State.open(folder) as state:
            status.write(folder, at_rest(state))
    except UsageError:
        return  # it is being run, and writes its status itself
