"""Where a campaign stands that nobody runs: for whoever changes what it knows after its end."""

from __future__ import annotations

import os
import time

from ipc_gauntlet.fuzz.campaign import status
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
