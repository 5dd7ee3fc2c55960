"""What all machines have in common: steps that are written down, verdicts, and the search for a bad schedule."""

import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy

from ipc_gauntlet import Finding, Inconclusive
from ipc_gauntlet_suites.machines.choices import seeded_backend

P = ParamSpec("P")
Action = Callable[..., None]

# Their own types distinguish rules with and without results; rules of machines have none.
_RULE: Callable[..., Callable[[Action], Action]] = rule
_START: Callable[..., Callable[[Action], Action]] = initialize
_ALWAYS: Callable[..., Callable[[Action], Action]] = invariant
_RUN: Callable[..., None] = run_state_machine_as_test


class Broken(AssertionError):
    """An invariant does not hold; the schedule that broke it is in `steps`."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"expected {finding.expected}; saw {finding.seen}")
        self.finding = finding


class _Halt(BaseException):
    """Ends a search from within: Hypothesis passes it on, and neither shrinks nor repeats what led to it."""

    def __init__(self, cause: Exception | None = None) -> None:
        super().__init__()
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a search may take.

    Args:
        examples: Schedules.
        steps: Most steps of one.
        wall_s: No further schedule is begun after so many seconds.
        shrink_s: A bad schedule is made shorter for so many seconds.
    """

    examples: int
    steps: int
    wall_s: float = 30.0
    shrink_s: float = 3.0


@dataclass(slots=True)
class Search:
    """What a search came to.

    Args:
        schedules: How many were tried before the first bad one.
        steps: How many steps these had.
        finding: What the shortest bad schedule broke; None when there was none.
        schedule: The shortest bad schedule, one line each step.
    """

    schedules: int = 0
    steps: int = 0
    finding: Finding | None = None
    schedule: tuple[str, ...] = ()

    def keep(self, finding: Finding, schedule: list[str]) -> None:
        """Remember a bad schedule if it is the shortest so far."""
        if self.finding is None or len(schedule) < len(self.schedule):
            self.finding, self.schedule = finding, tuple(schedule)


class Machine(RuleBasedStateMachine):
    """Base of all rule sets.

    Rules are total: what cannot be done at the moment does nothing. So the same choices make the same schedule however
    quickly an implementation reacts, and a step that did nothing is not written down.

    Attributes:
        schedule: What was done so far, one line each step.
        search: Where findings go; None outside of a search.
    """

    def __init__(self) -> None:
        super().__init__()
        self.schedule: list[str] = []
        self.search: Search | None = None
        self._over = False

    def did(self, text: str) -> None:
        """Write a step down."""
        self.schedule.append(text)

    def require(self, finding: Finding | None) -> None:
        """Demand that there is no finding.

        Raises:
            Broken: There is one.
        """
        if finding is not None:
            self._over = True
            if self.search is not None:
                self.search.keep(finding, self.schedule)
            raise Broken(finding)

    def finish(self) -> None:
        """Let everything that is still under way come to its end, then judge for the last time."""

    def release(self) -> None:
        """Give everything back. Called after `finish`, also when that is left out."""

    def teardown(self) -> None:
        """Finish the schedule, unless it has failed already."""
        undisturbed = sys.exc_info()[1] is None
        try:
            if undisturbed and not self._over:
                with _passing():
                    self.finish()
        finally:
            if undisturbed and self.search is not None and self.search.finding is None:
                self.search.schedules += 1
                self.search.steps += len(self.schedule)
            self.release()


@contextmanager
def _passing() -> Iterator[None]:
    """Let through what is a verdict; everything else is nothing that a shorter schedule would explain."""
    try:
        yield
    except Broken:
        raise
    except Exception as error:
        raise _Halt(error) from error


def _guarded(function: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with _passing():
            function(*args, **kwargs)

    return run


def step(**arguments: SearchStrategy[Any]) -> Callable[[Action], Action]:
    """Make a method of a machine one of its rules; see `hypothesis.stateful.rule`."""

    def make(function: Action) -> Action:
        return _RULE(**arguments)(_guarded(function))

    return make


def start(**arguments: SearchStrategy[Any]) -> Callable[[Action], Action]:
    """Make a method of a machine the first step of every schedule."""

    def make(function: Action) -> Action:
        return _START(**arguments)(_guarded(function))

    return make


def always(function: Action) -> Action:
    """Make a method of a machine an invariant: it runs after every step."""
    return _ALWAYS()(_guarded(function))


def search(make: Callable[[], Machine], budget: Budget, run_seed: int) -> Search:
    """Try schedules until one breaks an invariant, then look for a shorter one that does.

    Args:
        make: Makes a fresh machine with a fresh back end.
        budget: How much may be tried.
        run_seed: Where the choices come from.

    Returns:
        What was found. What the back end raises is raised.
    """
    found, began = Search(), time.monotonic()
    failed_at: list[float] = []

    def one() -> Machine:
        now = time.monotonic()
        if found.finding is None:
            late = now - began > budget.wall_s
        else:
            failed_at.append(now)
            late = now - failed_at[0] > budget.shrink_s
        if late:
            raise _Halt
        machine = make()
        machine.search = found
        return machine

    configured = settings(
        max_examples=budget.examples,
        stateful_step_count=budget.steps,
        backend=seeded_backend(run_seed),
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
    )
    try:
        _RUN(seed(run_seed)(one), settings=configured)
    except _Halt as halt:
        if halt.cause is not None:
            raise halt.cause from None
    except Broken:
        if found.finding is None:
            raise
    except Flaky as flaky:
        if found.finding is None:
            raise Inconclusive(f"the same choices did not make the same schedule twice: {flaky}") from flaky
    return found
