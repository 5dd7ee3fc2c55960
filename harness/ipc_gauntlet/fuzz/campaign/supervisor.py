"""Runs a campaign: starts slices, watches them, takes their results over, and stops in an orderly way.

One thread, one loop. It never waits for a slice, so that a hostile one costs its own time and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import endings, status
from ipc_gauntlet.fuzz.campaign.harvest import harvest
from ipc_gauntlet.fuzz.campaign.jobs import Doing, Job, Patience
from ipc_gauntlet.fuzz.campaign.process import SliceProcess, remove
from ipc_gauntlet.fuzz.campaign.records import Plan
from ipc_gauntlet.fuzz.campaign.salvage import Unsettled, take_over
from ipc_gauntlet.fuzz.campaign.schedule import Assignment, Schedule
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.campaign.sweep import sweep
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.work import write_whole
from ipc_gauntlet.seeds import derive_int

LEAST_FREE = 32 << 20
"""With less space on the disk, in bytes, a campaign stops before something is written by half."""

_POLL = 0.05
_SOON = 0.002
_TELL = 1.0


class Listener(Protocol):
    """Who is told what happens."""

    def status(self, now: status.Status) -> None:
        """A second has passed, or something has happened."""

    def said(self, text: str) -> None:
        """One line that a person should know."""


@dataclass(kw_only=True)
class Supervisor:
    """A campaign that is being run by this process, which holds its lock.

    Attributes:
        store: Where corpora are.
        state: The campaign's memory, writable; its plan is adopted.
        listener: Who is told.
        patience: With slow processes.
        budget: At which `elapsed` it is over, in seconds; of no meaning for a plan without end.
        plants: What can be planted for a canary, by target, as far as it is known.
        alone: Targets whose plants have to be asked for one by one.
    """

    store: Store
    state: State
    listener: Listener
    budget: float
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        self.plan: Plan = self.state.plan()
        self.folder: Path = self.state.folder
        self.schedule = Schedule(plan=self.plan)
        self.plants: dict[str, tuple[str, ...]] = {}
        self.alone: set[str] = set()
        self._jobs: list[Job] = []
        self._stops = 0
        self._over = False
        self._begun = time.monotonic()
        self._before = self.state.elapsed()
        self._told = 0.0
        self._number = 0

    # What others may ask.

    def stop(self) -> None:
        """Stop: the first time gracefully, the second time at once. May be called from a signal handler."""
        self._stops += 1

    def elapsed(self) -> float:
        """Wall-clock seconds for which the campaign ran, over all its runs."""
        return self._before + time.monotonic() - self._begun

    def left(self) -> float | None:
        """Seconds that are left; None if it goes on until it is stopped."""
        return status.budget_left(self.plan, self.budget, self.elapsed())

    # The loop.

    def run(self) -> status.Status:
        """Run until the time is over, nothing is left to do, or somebody stops it.

        Returns:
            How it ended.

        Raises:
            GauntletError: It could not go on; everything that was found until then is kept.
        """
        try:
            self._look_at_disk()
            unsettled = self.salvage(begins=True)
            findings = self.folder / "findings"
            groups = [findings / name for name in _names(findings)]
            sweep([self.folder, *groups, *map(self.store.folder, self.plan.targets)])
            self.state.pass_time(self.elapsed(), self.budget)
            self._learn()
            for one in unsettled:
                endings.look_into(self, one.spec, one.death)
            while self._turn():
                time.sleep(_SOON if any(job.process.talks for job in self._jobs) else _POLL)
            self._kill_all("the campaign was stopped")
            self.salvage()
            self._learn()
            return self._conclude()
        except GauntletError as error:
            self._fail(str(error))
            raise
        finally:
            self._kill_all("the campaign ended")

    def _turn(self) -> bool:
        """Do what is to be done now; answer whether to go on."""
        for job in list(self._jobs):
            self._look_at(job)
        if self._stops > 1:
            return False
        ending = self._stops > 0 or self._over
        if ending:
            for job in self._jobs:
                job.ask_to_stop(self.patience)
        else:
            self._assign()
        self._tell()
        return bool(self._jobs) or not (ending or self._is_done())

    def _is_done(self) -> bool:
        left = self.left()
        return (left is not None and left <= 0) or self.schedule.is_hopeless()

    def _assign(self) -> None:
        while len(self._jobs) < self.plan.jobs:
            chosen = self.schedule.next(self.left())
            if chosen is None:
                return
            self.schedule.begin(chosen)
            if chosen.canary:
                endings.fly(self, chosen)
            else:
                self.start("fuzz", self._orders(chosen), given=chosen.seconds)

    def _orders(self, chosen: Assignment) -> Spec:
        spec = self.orders(chosen.target, chosen.engine)
        seed = derive_int(self.plan.seed, chosen.target, chosen.engine, str(chosen.number))
        return msgspec.structs.replace(
            spec,
            seed=seed,
            seconds=chosen.seconds,
            known=self.state.known(),
            stop_at_first=self.plan.stop_at_first,
        )

    def orders(self, target: str, engine: str) -> Spec:
        """Orders for a slice with a new folder; the rest is for the caller to fill in."""
        plan = self.plan.targets[target]
        return Spec(
            target=target,
            module=plan.module,
            measured=plan.measured,
            folder=str(self._new_folder(target).resolve()),
            engine=engine,
            seed=derive_int(self.plan.seed, target, engine),
            corpus=(str(self.store.folder(target).resolve()),),
            hang_seconds=self.plan.hang_seconds,
            memory_mb=self.plan.memory_mb,
            longest=plan.longest,
            driver=self.plan.driver,
            dictionary=self.plan.dictionary,
        )

    def _new_folder(self, target: str) -> Path:
        slices = self.folder / "slices"
        if not self._number:
            numbers = [name.partition("-")[0] for name in _names(slices)]
            self._number = max([self.state.last_slice(), *(int(one) for one in numbers if one.isdigit())])
        self._number += 1
        made = slices / f"{self._number:06d}-{target}"
        try:
            made.mkdir(parents=True)
        except OSError as error:
            raise GauntletError(
                f"cannot make {made}: {error.strerror}; free space or choose another folder with --store"
            ) from error
        return made

    def start(self, doing: Doing, spec: Spec, *, given: float = 0.0, arguments: Sequence[str] = ()) -> Job:
        """Start a process and keep an eye on it.

        Args:
            doing: What it is to do.
            spec: Its orders.
            given: Seconds that its target was charged.
            arguments: Of the program, beside the orders.

        Raises:
            GauntletError: It cannot be started.
        """
        path = Path(spec.folder) / "spec.json"
        write_whole(path, msgspec.json.encode(spec))
        process = SliceProcess([*arguments, str(path)])
        job = Job(name=Path(spec.folder).name, doing=doing, spec=spec, process=process, given=given)
        self._jobs.append(job)
        return job

    def _look_at(self, job: Job) -> None:
        job.look()
        ended = job.process.status()
        if ended is None:
            reason = job.overdue(self.patience)
            if not reason and job.too_large():
                reason = f"it used {job.process.memory_mb():.0f} MB, allowed are {job.spec.memory_mb}"
            if not reason:
                return
            job.kill(reason)
            ended = job.process.status()
        job.process.end()
        self._jobs.remove(job)
        endings.settle(self, job, -1 if ended is None else ended)
        self._tell(at_once=True)

    # What endings do to the campaign.

    @property
    def is_stopping(self) -> bool:
        """Whether nothing new is to be begun."""
        return self._stops > 0 or self._over

    def merge(self, job: Job, outcome: str, trouble: str = "") -> tuple[str, ...]:
        """Take a slice's results over, and remove its folder.

        Args:
            job: The slice.
            outcome: See `SliceEnd`.
            trouble: Why it is broken.

        Returns:
            Signatures that are new to the campaign.

        Raises:
            GauntletError: Something cannot be written; the folder stays, for the next run.
        """
        found = harvest(job.folder, job.spec, self.store, self.folder)
        given, passed = self.schedule.finish(job.spec.target, job.given, job.process.age())
        end = found.end(job.name, job.spec, outcome, self.elapsed(), trouble)
        new = self.state.merge(end, given=given, passed=passed)
        self.state.pass_time(self.elapsed(), self.budget)
        remove(job.folder)
        for seen in found.findings:
            if seen.signature in new:
                self.listener.said(f"found  {seen.signature}  {job.spec.target}: {seen.message}")
        if new and self.plan.stop_at_first:
            self._over = True
        self._learn()
        return new

    def stalled(self, signatures: Sequence[str]) -> None:
        """Note that these, which are new, were seen once and not again when the input ran alone: they do not count."""
        for one in signatures:
            self.state.mark(one, status="unreproduced", reproduced="0/1")
        self._over = self.plan.stop_at_first and status.open_findings(self.state.findings()) > 0
        self._learn()

    def reproduced(self, signatures: Sequence[str]) -> None:
        """Note that these were seen again: what was taken for a stall before is none."""
        for one in self.state.findings():
            if one.signature in signatures and one.status == "unreproduced":
                self.state.mark(one.signature, status="new", reproduced="1/1")
        self._learn()

    def drop(self, job: Job) -> None:
        """Forget a slice that says nothing about its target."""
        if job.doing in ("fuzz", "confirm"):
            self.schedule.finish(job.spec.target, job.given, job.process.age())
        remove(job.folder)

    def answer(self, target: str, engines: Sequence[str], text: str, seconds: float = 0.0) -> None:
        """Remember what became of a canary.

        Args:
            target: Whose.
            engines: For which engines that holds.
            text: The answer, empty if there was none because the campaign stops.
            seconds: How long it took.

        Raises:
            GauntletError: It cannot be written.
        """
        if text:
            for engine in engines:
                self.state.canary(target, engine, text, seconds)
        self.schedule.landed(target)
        self._learn()

    def check_disk(self) -> None:
        """See whether things can still be written.

        Raises:
            GauntletError: They cannot.
        """
        self._look_at_disk()

    def salvage(self, *, begins: bool = False) -> list[Unsettled]:
        """Take over what slices left that nobody waits for any more.

        Args:
            begins: Whether the campaign begins.

        Returns:
            Those whose last input is to be run once more alone before; none at the end.

        Raises:
            GauntletError: Something cannot be written.
        """
        busy = {job.name for job in self._jobs}
        names = [name for name in _names(self.folder / "slices") if name not in busy]
        left = [take_over(self, self.folder / "slices" / name, begins=begins) for name in names]
        return [one for one in left if one is not None]

    # What is told.

    def _learn(self) -> None:
        self._targets = tuple(self.state.targets())
        self._findings = tuple(self.state.findings())
        self._rates = self.state.rates()
        self.schedule.learn(self.state.accounts())

    def _tell(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._told < _TELL:
            return
        self._told = now
        self._look_at_disk()
        current = self._status("running")
        status.write(self.folder, current)
        self.listener.status(current)

    def _status(self, phase: status.Phase, exit_status: int = -1, message: str = "") -> status.Status:
        running = tuple(map(_running, self._jobs))
        rates = dict(self._rates)
        targets = {target.target: target for target in self._targets}
        for job, one in zip(self._jobs, running, strict=True):
            if job.doing == "fuzz" and job.progress.executions:
                targets[one.target] = status.with_progress(targets[one.target], job.progress)
                rates[one.target] = one.rate
        return status.Status(
            name=self.plan.name,
            phase=phase,
            pid=os.getpid(),
            updated=time.time(),
            elapsed=self.elapsed(),
            seconds_left=self.left(),
            jobs=self.plan.jobs,
            engines=self.plan.engines,
            targets=tuple(targets.values()),
            rates=rates,
            running=running,
            findings=self._findings[-status.MOST_FINDINGS :],
            findings_total=len(self._findings),
            exit_status=exit_status,
            message=message,
        )

    def _conclude(self) -> status.Status:
        self.state.pass_time(self.elapsed(), self.budget)
        stopped = self._stops > 0
        code = status.exit_status(self._targets, status.open_findings(self._findings), stopped=stopped)
        message = "no target could be fuzzed" if self.schedule.is_hopeless() else ""
        final = self._status("stopped" if stopped else "ended", code, message)
        status.write(self.folder, final)
        self.listener.status(final)
        return final

    def _fail(self, message: str) -> None:
        """Say why it could not go on, if that can still be written."""
        self._kill_all("the campaign cannot go on")
        try:
            status.write(self.folder, self._status("failed", 3, message))
        except (GauntletError, AttributeError):  # nothing was learnt yet, or the disk is what is broken
            return

    def _kill_all(self, reason: str) -> None:
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.kill(reason)

    def _look_at_disk(self) -> None:
        probe = self.folder / ".probe"
        try:
            free = shutil.disk_usage(self.folder).free
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
        except OSError as error:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
            raise GauntletError(
                f"cannot write to {self.folder}: {error.strerror}; free space or choose another folder with --store"
            ) from error
        if free < LEAST_FREE:
            raise GauntletError(
                f"only {free >> 20} MB are free on the disk of {self.folder}; free some, then run the same command again"
            )


def _running(job: Job) -> status.Running:
    done = job.progress
    return status.Running(
        slice=job.name,
        target=job.spec.target,
        engine=job.spec.engine,
        doing=job.doing,
        pid=job.process.pid,
        seconds=job.process.age(),
        executions=done.executions,
        rate=done.executions / done.seconds if done.seconds > 0 else 0.0,
        edges=done.edges,
        memory_mb=done.memory_mb,
    )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return []
