"""What the end of each process does to its campaign: results are taken over, canaries answered, deaths looked into."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ipc_gauntlet.fuzz.campaign import canaries, jobs
from ipc_gauntlet.fuzz.campaign.guards import CAUGHT, MISSED, UNTRIED, UNUSED
from ipc_gauntlet.fuzz.campaign.harvest import has_findings_of, result_of
from ipc_gauntlet.fuzz.campaign.process import remove
from ipc_gauntlet.fuzz.campaign.schedule import Assignment
from ipc_gauntlet.fuzz.campaign.unsettled import Death, remember
from ipc_gauntlet.fuzz.slice import PLANTS, SURVIVED
from ipc_gauntlet.fuzz.spec import Exit, Spec
from ipc_gauntlet.fuzz.work import write_whole

if TYPE_CHECKING:
    from ipc_gauntlet.fuzz.campaign.supervisor import Supervisor

_SUSPECT = "suspect"
_ONCE = ("0/1", "1/1")
_FIRED = re.compile(rf"{canaries.ERROR}: (\S+)")


def settle(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    """Do what follows from the end of a process.

    Args:
        campaign: Its campaign.
        job: The process and its orders.
        ended: Its exit status.

    Raises:
        GauntletError: The campaign cannot go on.
    """
    {"fuzz": _fuzzed, "confirm": _confirmed, "plants": _planted, "canary": _flown}[job.doing](
        campaign, job, ended
    )


# Slices.


def _fuzzed(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    if job.stop_at is not None and (job.killed or jobs.from_outside(ended)):
        campaign.merge(job, "salvaged")
        return
    kind = "died" if job.killed else jobs.ending(job, ended)
    if kind == "done":
        campaign.merge(job, "done")
    elif kind == "hang" and jobs.suspect(job) is not None and not campaign.is_stopping:
        _look_again(campaign, job, ended)
    elif kind in ("hang", "memory"):
        _ended_itself(campaign, job, ended, kind)
    elif _is_suspicious(kind, job) and jobs.suspect(job) is not None and not campaign.is_stopping:
        _look_again(campaign, job, ended)
    elif kind == "died" and _did_it_itself(job, ended) and jobs.suspect(job) is not None:
        _ended_itself(campaign, job, ended, "native")  # nothing new is begun any more, to see it again
    elif kind == "refused" and campaign.schedule.refuse(job.spec.target, job.spec.engine):
        campaign.listener.said(f"{job.spec.target}: not with {job.spec.engine}: {jobs.why(job, ended)}")
        campaign.answer(job.spec.target, (job.spec.engine,), UNUSED)
        campaign.drop(job)
    else:
        campaign.check_disk()  # what cannot write breaks, and is not to blame
        _broken(campaign, job, "refused" if kind == "refused" else "broken", jobs.why(job, ended))


def _is_suspicious(kind: jobs.Ending, job: jobs.Job) -> bool:
    """Whether the code under test may have ended the process: also with a status of ours, but then nothing is said."""
    return kind == "died" or (kind in ("mute", "trouble", "refused") and not job.process.said().strip())


def _did_it_itself(job: jobs.Job, ended: int) -> bool:
    return not job.killed and not jobs.from_outside(ended)


def _ended_itself(campaign: Supervisor, job: jobs.Job, ended: int, kind: str) -> tuple[str, ...]:
    """Its own watch ended it, and wrote the finding down; else we do."""
    data = jobs.suspect(job) if job.death is None else job.death.data
    if not jobs.signatures(job.folder, kind) and data is not None:
        jobs.leave(job.folder, jobs.finding_of_death(job.spec, data, (ended, job.process.said()), ""))
    return campaign.merge(job, kind)


def _broken(campaign: Supervisor, job: jobs.Job, outcome: str, trouble: str) -> None:
    campaign.listener.said(f"{job.spec.target}: a slice broke: {trouble}")
    campaign.merge(job, outcome, trouble)


# Deaths: the input that was being executed is run once more, alone.


def _look_again(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    data = jobs.suspect(job) or b""
    death = Death(data=data, status=ended, said=job.process.said(), killed=job.killed)
    remember(job.folder, death)
    _confirm(campaign, job.spec, death, job.given)


def look_into(campaign: Supervisor, spec: Spec, death: Death) -> None:
    """Go on with a slice of an earlier run whose end was not looked into.

    Args:
        campaign: Its campaign.
        spec: Its orders.
        death: What is known of its end.

    Raises:
        GauntletError: The campaign cannot go on.
    """
    with contextlib.suppress(OSError):
        (Path(spec.folder) / SURVIVED).unlink(missing_ok=True)
    campaign.schedule.resume(spec.target)
    _confirm(campaign, spec, death, 0.0)


def _confirm(campaign: Supervisor, spec: Spec, death: Death, given: float) -> None:
    path = Path(spec.folder) / _SUSPECT
    write_whole(path, death.data)
    timed = ["--timed"] if death.status == Exit.HANG and not death.killed else []
    again = campaign.start("confirm", spec, given=given, arguments=[*timed, "--once", str(path)])
    again.death = death


def _confirmed(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    # What is on disk was in the hands of the code under test; what we know is in memory.
    first = job.death if job.death is not None else Death(data=b"", seen=False)
    if first.status == Exit.HANG and not first.killed:
        _timed(campaign, job, ended)
    elif job.killed and job.stop_at is None:
        jobs.leave(job.folder, jobs.finding_of_silence(job.spec, first.data, job.folder))
        campaign.merge(job, "hang")
    elif not job.killed and not (job.folder / SURVIVED).exists() and not _is_told(ended, job):
        died = (ended, job.process.said())
        jobs.leave(job.folder, jobs.finding_of_death(job.spec, first.data, died, _ONCE[1]))
        campaign.merge(job, "native")
    elif not first.seen:
        if not job.killed:  # else it is looked into when the campaign goes on
            campaign.merge(job, "salvaged")
    elif first.killed or jobs.from_outside(first.status):
        reason = first.killed or "it was killed from outside"
        _broken(campaign, job, "broken", f"{reason}; the input that it was executing does no harm alone")
    else:
        died = (first.status, first.said)
        jobs.leave(job.folder, jobs.finding_of_death(job.spec, first.data, died, _ONCE[0]))
        campaign.merge(job, "native")


def _timed(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    """The input that took too long was run again alone. If it does not take long, the machine did."""
    again = ended == Exit.HANG or (job.killed and job.stop_at is None)
    signatures = jobs.signatures(job.folder, "hang")
    new = _ended_itself(campaign, job, Exit.HANG, "hang")
    if again:
        campaign.reproduced(signatures)
    elif job.stop_at is None:
        campaign.listener.said(
            f"{job.spec.target}: an input took too long once, and not again when it ran alone"
        )
        campaign.stalled([one for one in new if one.startswith("hang-")])


def _is_told(ended: int, job: jobs.Job) -> bool:
    """Whether the process said itself why it could not execute the input."""
    return ended in (Exit.USAGE, Exit.TROUBLE) and bool(job.process.said().strip())


# Canaries.


def fly(campaign: Supervisor, chosen: Assignment) -> None:
    """Let a target's canary fly, unless the same one was caught before.

    What can be planted is found out first, for all targets of a module at once: to start a process takes longer.

    Raises:
        GauntletError: The campaign cannot go on.
    """
    target = chosen.target
    name = canaries.key(target, campaign.plan, chosen.engine)
    caught = canaries.recall(campaign.store.root, name)
    if caught is not None:
        campaign.answer(target, (chosen.engine,), CAUGHT, caught.seconds)
    elif target in campaign.plants:
        _try(campaign, target, chosen.engine, campaign.plants[target], time.monotonic())
    else:
        together = _together(campaign, chosen)
        campaign.schedule.hold(together)
        arguments = [word for one in together for word in ("--plants", one)]
        campaign.start("plants", campaign.orders(target, chosen.engine), arguments=arguments).batch = together


def _together(campaign: Supervisor, chosen: Assignment) -> tuple[str, ...]:
    """The targets of one module whose plants are not known, and may be asked for in company."""
    if chosen.target in campaign.alone:
        return (chosen.target,)
    module = campaign.plan.targets[chosen.target].module
    due = campaign.schedule.due()
    return (
        chosen.target,
        *(
            name
            for name, plan in campaign.plan.targets.items()
            if name != chosen.target
            and name in due
            and plan.module == module
            and name not in campaign.plants
            and name not in campaign.alone
        ),
    )


def _planted(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    found = _names(job)
    campaign.plants.update({name: found[name] for name in job.batch if name in found})
    campaign.schedule.release(job.batch)
    missing = [name for name in job.batch if name not in found]
    if campaign.is_stopping:
        missing = []
    elif len(job.batch) > 1:
        # One of them hangs or breaks when its seeds are run: who it is shows when each is asked for alone.
        campaign.alone.update(missing)
        missing = []
    for name in missing:
        campaign.check_disk()
        campaign.answer(name, campaign.plan.engines, f"none: {jobs.why(job, ended)}")
    for name in job.batch:
        if name in found and not found[name]:
            campaign.answer(
                name, campaign.plan.engines, "none: nothing can be planted in the measured modules"
            )
    remove(job.folder)


def _names(job: jobs.Job) -> dict[str, tuple[str, ...]]:
    try:
        return msgspec.json.decode((job.folder / PLANTS).read_bytes(), type=dict[str, tuple[str, ...]])
    except (OSError, msgspec.DecodeError):
        return {}


def _try(campaign: Supervisor, target: str, engine: str, groups: Sequence[str], begun: float) -> jobs.Job:
    orders = msgspec.structs.replace(
        campaign.orders(target, engine),
        plant=groups[0],
        seconds=canaries.SECONDS,
        stop_at_first=True,
    )
    job = campaign.start("canary", orders)
    job.groups, job.since = tuple(groups[1:]), begun
    return job


def _flown(campaign: Supervisor, job: jobs.Job, ended: int) -> None:
    target, engine = job.spec.target, job.spec.engine
    kind = "died" if job.killed else jobs.ending(job, ended)
    if has_findings_of(job.folder, canaries.ERROR):
        _caught(campaign, job, time.monotonic() - job.since)
    elif campaign.is_stopping:
        campaign.answer(target, (engine,), "")
    elif kind == "refused" and campaign.schedule.refuse(target, engine):
        campaign.listener.said(f"{target}: not with {engine}: {jobs.why(job, ended)}")
        campaign.answer(target, (engine,), UNUSED)
    elif kind in ("hang", "memory"):
        # A stall of the machine, or a finding of the fuzzing itself: it flies again later.
        campaign.answer(target, (engine,), UNTRIED)
    elif groups := (*_without_those_that_fired(job, kind), *job.groups):
        again = _try(campaign, target, engine, groups, job.since)
        again.hasty = job.hasty or (kind == "done" and _is_hasty(job))
    elif kind != "done":
        campaign.check_disk()
        campaign.answer(target, (engine,), f"none: {jobs.why(job, ended)}")
    elif job.hasty or _is_hasty(job):
        # On a machine that is busy with something else, that says nothing. It flies again later.
        campaign.answer(target, (engine,), UNTRIED)
    else:
        campaign.listener.said(f"{target}: its canary was missed by {engine}: planted defects were not found")
        campaign.answer(target, (engine,), MISSED)
        campaign.plants.pop(target, None)  # next time the corpus reaches further
    remove(job.folder)


def _without_those_that_fired(job: jobs.Job, kind: str) -> tuple[str, ...]:
    """The same defects once more, if one of them ended the process when the target was only prepared: without that one."""
    fired = _FIRED.findall(job.process.said()) if kind == "died" else []
    planted = job.spec.plant.split("+")
    left = [one for one in planted if one not in fired]
    return ("+".join(left),) if left and len(left) < len(planted) else ()


def _caught(campaign: Supervisor, job: jobs.Job, seconds: float) -> None:
    target, engine = job.spec.target, job.spec.engine
    campaign.answer(target, (engine,), CAUGHT, seconds)
    name = canaries.key(target, campaign.plan, engine)
    caught = canaries.Caught(target=target, plant=job.spec.plant, seconds=seconds)
    canaries.remember(campaign.store.root, name, caught)


def _is_hasty(job: jobs.Job) -> bool:
    """Whether the engine had too little of the processor to have found a planted defect."""
    result = result_of(job.folder, job.spec)
    done = job.progress if result is None else result.progress
    return (
        done.cpu_seconds < canaries.LEAST_CPU * job.spec.seconds
        and done.executions < canaries.LEAST_EXECUTIONS
    )
