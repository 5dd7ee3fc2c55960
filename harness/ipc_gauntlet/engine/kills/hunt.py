"""A hunt from beginning to end: which mutants face which cases, and what comes of it."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from ipc_gauntlet import quoting
from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.implementations import Target
from ipc_gauntlet.engine.isolation import suite_packages
from ipc_gauntlet.engine.kills.choose import Choice, Wanted, choose, to_come
from ipc_gauntlet.engine.kills.crew import Crew
from ipc_gauntlet.engine.kills.finish import dead_functions, exit_status_of, failing, report_of, result_of
from ipc_gauntlet.engine.kills.memo import Keys, Memo
from ipc_gauntlet.engine.kills.plan import Step, Why, by_function, few_variants
from ipc_gauntlet.engine.kills.trial import Field, Trial
from ipc_gauntlet.engine.mutants import Collection, given, installed
from ipc_gauntlet.engine.prepare import Wish, settings_for
from ipc_gauntlet.engine.processes import Household, Stopper, usable_cores
from ipc_gauntlet.engine.sessions import find_cases
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.engine.workdir import private_directory
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.report.kills import Failing, KillReport, MutantResult
from ipc_gauntlet.report.model import Tool
from ipc_gauntlet.requirements import load_catalogue, load_sets
from ipc_gauntlet.verdict import Verdict

_CASE_LIMIT_S = 30.0
_UNFLAWED_BUDGET_S = 1800.0
_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HuntOrder:
    """What is to be hunted and how.

    Args:
        wanted: Which mutants.
        mutants: A module or a file that lists them; None for those that are installed.
        packages: Packages that hold suites; empty for all that announce themselves.
        seed: Reproduces every random choice.
        workers: How many mutants at once; None to choose.
        budget_s: Seconds that one mutant may take.
        cache: Where results are kept; None to keep none.
    """

    wanted: Wanted
    mutants: str | None = None
    packages: tuple[str, ...] = ()
    seed: int = 1
    workers: int | None = None
    budget_s: float = 120.0
    cache: Path | None = None


class Watcher:
    """Is told how a hunt goes on; this one does not care."""

    def began(self, mutants: int, collection: str) -> None:
        """The mutants are chosen."""

    def caught(self, result: MutantResult) -> None:
        """A mutant has faced its cases; what follows can still change what is said of it."""

    def phase(self, text: str) -> None:
        """Something else begins."""


@dataclass(frozen=True, slots=True)
class Caught:
    """A hunt's end.

    Args:
        report: What it found.
        troubles: What kept the tester from doing its work.
    """

    report: KillReport
    troubles: tuple[str, ...]


def hunt(order: HuntOrder, watcher: Watcher) -> Caught:
    """Do a hunt.

    Raises:
        UsageError: The order makes no sense; nothing was run.
        GauntletError: The tester or the unflawed implementation's driver could not do its work.
    """
    began = time.monotonic()
    household, stopper = Household(), Stopper()
    with stopper.listening(), private_directory() as workdir:
        attempt = _Hunt(order, watcher, workdir)
        interrupted = False
        try:
            attempt.do()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            attempt.stop()
            household.kill()
    if attempt.shared is None:
        raise KeyboardInterrupt
    report = msgspec.structs.replace(
        attempt.report(),
        tool=Tool(
            name="ipc-gauntlet",
            version=version("ipc-gauntlet"),
            platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        ),
        interrupted=interrupted,
        duration_s=round(time.monotonic() - began, 3),
    )
    troubles = tuple(attempt.shared.troubles)
    status = (stopper.status or 130) if interrupted else exit_status_of(report, troubles)
    return Caught(msgspec.structs.replace(report, exit_status=int(status)), troubles)


class _Hunt:
    """The changing parts of one hunt."""

    def __init__(self, order: HuntOrder, watcher: Watcher, workdir: Path) -> None:
        self._order = order
        self._watcher = watcher
        self._workdir = workdir
        self._crew = Crew(order.workers or min(usable_cores(), _MOST_WORKERS), workdir)
        self._collection: Collection | None = None
        self._choice: Choice | None = None
        self._trials: list[Trial] = []
        self._unflawed: list[Trial] = []
        self._deciding: frozenset[str] = frozenset()
        self.shared: Field | None = None

    def stop(self) -> None:
        """End all processes."""
        self._crew.stop()

    def do(self) -> None:
        """Everything between the order and the report."""
        collection = _collection(self._order.mutants)
        catalogue = load_catalogue()
        settings = _settings(collection, self._order, self._workdir)
        found = find_cases(settings, self._order.packages, catalogue)
        cases = _usable(found, settings)
        suites = frozenset(case.suite for case in found)
        unborn = to_come(catalogue, load_sets(), [case.requirement for case in found])
        choice = choose(collection, self._order.wanted, catalogue, suites, unborn)
        packages = tuple(suite_packages(self._order.packages))
        shared = Field(
            settings=settings,
            packages=self._order.packages,
            cases=cases,
            catalogue=catalogue,
            crew=self._crew,
            memo=Memo(self._order.cache),
            keys=Keys(
                packages, catalogue.suite_names, [settings.seed, settings.time_scale, settings.statement]
            ),
            budget_s=self._order.budget_s,
            folder=self._workdir,
        )
        self._collection, self._choice, self.shared = collection, choice, shared
        self._watcher.began(len(choice.mutants), collection.name)
        self._trials = [Trial(one, shared) for one in choice.mutants]
        self._face_all()
        self._find_dead()
        self._run_unflawed()
        shared.memo.tidy()

    def report(self) -> KillReport:
        """What is known."""
        assert self.shared is not None and self._collection is not None and self._choice is not None  # noqa: S101, PT018
        broken = self._unflawed_failing()
        results = [result_of(trial, [one.case for one in broken]) for trial in self._trials]
        report = report_of(self._collection, self._choice, self.shared, results)
        return msgspec.structs.replace(report, unflawed_failing=tuple(broken))

    def _face_all(self) -> None:
        assert self.shared is not None  # noqa: S101 - set by the caller
        timed = {case.requirement for case in self.shared.cases if case.spec.timing}
        # What can only run one at a time begins first, or it would run alone at the end.
        for trial in sorted(self._trials, key=lambda one: one.requirement not in timed):
            trial.face_own(lambda one: self._watcher.caught(result_of(one)))
        self._crew.work()
        for trial in self._trials:
            if not result_of(trial).killed and trial.forget_noise():
                trial.face_own(lambda _one: None)
        self._crew.work(alone=True)

    def _find_dead(self) -> None:
        """Give functions that killed nothing every chance: all their variants on every mutant of their requirement."""
        assert self.shared is not None and self._choice is not None  # noqa: S101, PT018 - set by the caller
        results = [result_of(trial) for trial in self._trials]
        suspects = frozenset(dead_functions(self._choice, self.shared, results))
        if not suspects:
            return
        self._watcher.phase(
            f"{len(suspects)} case functions have killed nothing yet: trying all their variants"
        )
        for trial in self._trials:
            trial.face_probe(suspects)
        self._crew.work()

    def _run_unflawed(self) -> None:
        """The cases that decided anything have to pass without a defect."""
        assert self.shared is not None and self._collection is not None  # noqa: S101, PT018 - set by the caller
        deciding = {name for trial in self._trials for name in trial.judgement().killed_by}
        tried = {name for trial in self._trials for name in trial.attempts}
        for group in by_function(case for case in self.shared.cases if case.id in tried).values():
            deciding.update(case.id for case in few_variants(group))
        cases = [case for case in self.shared.cases if case.id in deciding]
        self._deciding = frozenset(deciding)
        self._watcher.phase(f"{len(cases)} cases on the unflawed implementation")
        for suite in dict.fromkeys(case.suite for case in cases):
            trial = Trial(self._collection.unflawed, self.shared, suite, _UNFLAWED_BUDGET_S)
            self._unflawed.append(trial)
            _face(trial, [case for case in cases if case.suite == suite])
        self._crew.work()
        for trial in self._unflawed:
            if trial.forget_noise():
                _face(trial, [case for case in cases if case.suite == trial.suite])
        self._crew.work(alone=True)

    def _unflawed_failing(self) -> list[Failing]:
        return [
            failing(attempt)
            for trial in self._unflawed
            for attempt in trial.attempts.values()
            if attempt.case in self._deciding
            and attempt.verdict not in (Verdict.pass_, Verdict.not_applicable)
        ]


def _face(trial: Trial, cases: Sequence[FoundCase]) -> None:
    """Run all of some cases; those that wait for time in a job of their own."""
    for timing in (False, True):
        trial.face([Step(case, Why.first) for case in cases if case.spec.timing is timing], lambda: None)


def _collection(named: str | None) -> Collection:
    if named is not None:
        return given(named)
    found = installed()
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none is installed"
        raise UsageError(f"say whose mutants with --mutants MODULE: {names}")
    return found[0]


def _settings(collection: Collection, order: HuntOrder, workdir: Path) -> Settings:
    wish = Wish(
        target=Target(driver=quoting.join(collection.unflawed.command.argv)),
        seed=order.seed,
        packages=order.packages,
        case_limit_s=_CASE_LIMIT_S,
        shuffle=False,
    )
    return settings_for(wish, workdir)


def _usable(found: Sequence[FoundCase], settings: Settings) -> list[FoundCase]:
    """Cases that apply, each on one transport: what a mutant does wrong it does on every one that the case is about."""
    applying = [case for case in found if case.gate is None]
    first: dict[str, str] = {}
    for name in (*settings.transports, "none"):
        for case in applying:
            if case.transport == name:
                first.setdefault(case.function, name)
    return [case for case in applying if case.transport == first.get(case.function)]
