"""One mutant on its way through the cases, and what all mutants of a hunt share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ipc_gauntlet import quoting
from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.kills.crew import Crew, Order
from ipc_gauntlet.engine.kills.jobs import Job, Told
from ipc_gauntlet.engine.kills.judge import Attempt, Evidence, Judgement, judge, kills
from ipc_gauntlet.engine.kills.memo import Keys, Memo
from ipc_gauntlet.engine.kills.plan import Progress, Step, other_steps, own_steps, probe_steps
from ipc_gauntlet.engine.mutants import Specimen
from ipc_gauntlet.engine.noise import REASON as NOISE
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.report.kills import Fate
from ipc_gauntlet.requirements import Catalogue, Failure


@dataclass(slots=True, kw_only=True)
class Field:
    """What all mutants of a hunt share.

    Args:
        settings: Of the unflawed implementation; a mutant's differ in the commands.
        packages: Packages that hold suites.
        cases: Every case that can be run here, in reading order.
        catalogue: The requirements.
        crew: Who does the work.
        memo: What is known from earlier hunts.
        keys: Under which keys.
        budget_s: Seconds that one mutant may take.
        folder: For the files of jobs.
        killers: Functions that have killed a mutant in this hunt.
        troubles: What kept the tester from doing its work.
    """

    settings: Settings
    packages: tuple[str, ...]
    cases: Sequence[FoundCase]
    catalogue: Catalogue
    crew: Crew
    memo: Memo
    keys: Keys
    budget_s: float
    folder: Path
    killers: set[str] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)
    _jobs: int = 0

    def of_requirement(self, requirement: str) -> list[FoundCase]:
        """The cases of a requirement."""
        return [case for case in self.cases if case.requirement == requirement]

    def of_suite(self, suite: str) -> list[FoundCase]:
        """The cases of a suite."""
        return [case for case in self.cases if case.suite == suite]

    def new_folder(self) -> Path:
        """A fresh folder for one job; its name is short, since sockets are made below it."""
        self._jobs += 1
        path = self.folder / f"j{self._jobs}"
        path.mkdir()
        return path


class Trial:
    """A mutant, or the unflawed implementation, and what is known about it.

    Args:
        specimen: What is run.
        shared: What it shares with the others.
        suite: The suite whose files its results depend on; by default that of its requirement.
        budget_s: Seconds that it may take; by default what each mutant may.
    """

    def __init__(
        self, specimen: Specimen, shared: Field, suite: str = "", budget_s: float | None = None
    ) -> None:
        self.specimen = specimen
        self.requirement = specimen.facts.requirement
        self.timed_out = False
        self.spent_s = 0.0
        self._shared = shared
        self._budget_s = shared.budget_s if budget_s is None else budget_s
        requirement = shared.catalogue.get(self.requirement)
        self.suite = suite or (requirement.suite if requirement is not None else "")
        self.failure: Failure | None = requirement.failure if requirement is not None else None
        self._key = shared.keys.key(specimen.facts.fingerprint, self.suite, specimen.facts.id)
        kept = shared.memo.get(self._key)
        self._live = kept.live
        self.attempts = {attempt.case: attempt for attempt in kept.attempts}
        self._own = {case.id for case in shared.of_requirement(self.requirement)}
        for attempt in kept.attempts:
            self._note(attempt)

    @property
    def live(self) -> bool | None:
        """Whether changed code was run; None if the mutant does not tell."""
        return self._live if self.specimen.facts.mark else None

    def evidence(self, unflawed_failing: Iterable[str] = ()) -> Evidence:
        """All that is known; results of cases that are not there any more do not count."""
        known = {case.id for case in self._shared.of_suite(self.suite)}
        # Time that ran out over cases of other requirements has nothing to do with what its own ones say.
        hurried = self.timed_out and not self._own <= self.attempts.keys()
        return Evidence(
            requirement=self.requirement,
            failure=self.failure,
            attempts=[attempt for attempt in self.attempts.values() if attempt.case in known],
            live=self.live,
            broken=self.specimen.facts.broken,
            cases=len(self._own),
            timed_out=hurried,
            unflawed_failing=frozenset(unflawed_failing),
        )

    def judgement(self, unflawed_failing: Iterable[str] = ()) -> Judgement:
        """What became of it so far."""
        return judge(self.evidence(unflawed_failing))

    # -- what is run ----------------------------------------------------------------------------------------------

    def face_own(self, then: Callable[[Trial], None]) -> None:
        """Run the cases of its requirement, and if it survives, some of the others of the suite; then call `then`."""
        if self.specimen.facts.broken or not self._own:
            then(self)
            return
        own = own_steps(self._shared.of_requirement(self.requirement))
        self.face(own, lambda: self._face_others(then))

    def _face_others(self, then: Callable[[Trial], None]) -> None:
        """A survivor may be noticed by cases of other requirements; that says where a case is missing."""
        if self.judgement().fate is not Fate.survived:
            then(self)
            return
        others = other_steps(self._shared.of_suite(self.suite), self.requirement)
        self.face(others, lambda: then(self))

    def face_probe(self, functions: frozenset[str]) -> None:
        """Run every variant of some functions, to see whether they kill anything at all; that has a time of its own."""
        if not self.specimen.facts.broken:
            self._budget_s = self.spent_s + self._shared.budget_s
            self.face(probe_steps(self._shared.of_requirement(self.requirement), functions), lambda: None)

    def forget_noise(self) -> bool:
        """Forget results that only say that this machine was too busy; whether there were any."""
        spoiled = [name for name, attempt in self.attempts.items() if attempt.reason == NOISE]
        for name in spoiled:
            del self.attempts[name]
        return bool(spoiled)

    def face(self, steps: Sequence[Step], then: Callable[[], None]) -> None:
        """Run the steps that are still worth it when their turn comes."""
        wanted, left = self._worth(steps), self._budget_s - self.spent_s
        if not wanted or left <= 0 or self.timed_out:
            then()
            return
        begun = [0.0]

        def job() -> Job | None:
            begun[0] = time.monotonic()
            return self._job(self._worth(steps))

        def end(over: bool, problem: str) -> None:
            self.spent_s += time.monotonic() - begun[0]
            self.timed_out = self.timed_out or over
            if problem:
                self._shared.troubles.append(f"{self.specimen.facts.id}: {problem}")
            self._shared.memo.put(self._key, list(self.attempts.values()), live=self._live)
            then()

        timing = any(step.case.spec.timing for step in wanted)
        self._shared.crew.add(Order(job, self._on_told, end, left, timing))

    def _worth(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps that can still tell something new."""
        progress = Progress({step.case.function for step in steps} - self._shared.killers)
        for attempt in self.attempts.values():
            progress.add(attempt, self.requirement, self.failure)
        return tuple(step for step in steps if step.case.id not in self.attempts and progress.needs(step))

    def _job(self, wanted: Sequence[Step]) -> Job | None:
        if not wanted:
            return None
        shared, facts = self._shared, self.specimen.facts
        folder = shared.new_folder()
        command = self.specimen.command
        settings = msgspec.structs.replace(
            shared.settings,
            client=command,
            server=command,
            workdir=str(folder),
            replay=f"--driver {quoting.quote(quoting.join(command.argv))} --seed {shared.settings.seed}",
        )
        return Job(
            settings=settings,
            packages=shared.packages,
            steps=tuple(wanted),
            requirement=self.requirement,
            failure=self.failure,
            before=tuple(self.attempts.values()),
            hungry=tuple(sorted({step.case.function for step in wanted} - shared.killers)),
            mark=facts.mark,
            mark_file=str(folder / "mark") if facts.mark else "",
        )

    def _on_told(self, told: Told) -> None:
        self._live = self._live or told.live
        if told.attempt is not None:
            self.attempts[told.attempt.case] = told.attempt
            self._note(told.attempt)

    def _note(self, attempt: Attempt) -> None:
        if kills(attempt, self.requirement, self.failure):
            self._shared.killers.add(attempt.function)
