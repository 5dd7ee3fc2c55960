"""Takes over what slices left that nobody waits for any more: their supervisor died, or was told to end at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import jobs, unsettled
from ipc_gauntlet.fuzz.campaign.harvest import Harvest, harvest
from ipc_gauntlet.fuzz.campaign.process import remove
from ipc_gauntlet.fuzz.campaign.unsettled import Death
from ipc_gauntlet.fuzz.spec import Exit, Spec, read_spec

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.campaign.supervisor import Supervisor


@dataclass(frozen=True, kw_only=True)
class Unsettled:
    """A slice whose end is still to be looked into.

    Attributes:
        spec: Its orders, with the folder that it is in now.
        death: What is known of its end.
    """

    spec: Spec
    death: Death


def take_over(campaign: Supervisor, folder: Path, *, begins: bool) -> Unsettled | None:
    """Take over what one slice left, and remove its folder.

    Args:
        campaign: Its campaign.
        folder: The slice's.
        begins: Whether the campaign begins, so that an input can be looked into; at its end only what is known counts.

    Returns:
        The slice, untouched, if its last input is to be run once more alone before.

    Raises:
        GauntletError: Something cannot be written; the folder stays.
    """
    try:
        spec = read_spec(folder / "spec.json")
    except GauntletError:
        remove(folder)  # its supervisor died before it began
        return None
    if spec.plant or campaign.state.is_merged(folder.name):
        remove(folder)
        return None
    if not campaign.state.is_known(spec.target):
        return None  # it is none of ours: whoever put it there may want it
    planned = campaign.plan.targets.get(spec.target)
    here = planned is not None and planned.module == spec.module
    death = unsettled.recall(folder, spec)
    if death is not None and here and begins:
        unsettled.remember(folder, death)
        return Unsettled(spec=msgspec.structs.replace(spec, folder=str(folder.resolve())), death=death)
    if death is not None and _did_it_itself(death):
        _leave(folder, spec, death)
    elif here and (folder / unsettled.FILE).exists():
        return None  # looked into when the campaign goes on
    _merge(campaign, folder, spec, harvest(folder, spec, campaign.store, campaign.folder), here=here)
    remove(folder)
    return None


def _did_it_itself(death: Death) -> bool:
    return death.seen and not death.killed and not jobs.from_outside(death.status)


def _leave(folder: Path, spec: Spec, death: Death) -> None:
    """Put what ended the slice among its findings, if its own watch did not."""
    if death.status == Exit.HANG and jobs.signatures(folder, "hang"):
        return
    jobs.leave(folder, jobs.finding_of_death(spec, death.data, (death.status, death.said), ""))


def _merge(campaign: Supervisor, folder: Path, spec: Spec, found: Harvest, *, here: bool) -> None:
    if not (found.progress.executions or found.findings or found.kept):
        return
    end = found.end(folder.name, spec, "done" if found.result else "salvaged", campaign.elapsed())
    if not here:
        # Of a target that the plan leaves out now, or that comes from elsewhere: its edges may be of other code.
        campaign.state.merge(replace(end, covered=(), functions=()), given=None, passed=None)
        return
    account = next(one for one in campaign.state.accounts() if one.target == spec.target)
    campaign.state.merge(end, given=account.given + found.progress.seconds, passed=account.passed)
