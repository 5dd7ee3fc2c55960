"""How the controlling process and its pytest session talk: one object, registered as a plugin under a known name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.events import CaseResult

NAME = "ipc-gauntlet-link"


@dataclass(slots=True)
class PlanLink:
    """A session that only collects.

    Args:
        settings: The run's settings.
        modules: Files to look into (absolute paths); None for all.
        cases: Filled with what was found.
        problems: Filled with what is wrong with it.
    """

    settings: Settings
    modules: frozenset[str] | None = None
    cases: list[FoundCase] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class RunLink:
    """A session that runs cases.

    Args:
        settings: The run's settings.
        cases: What to run, in order.
        on_start: Called with a case's id when it begins.
        on_result: Called with each result.

    Attributes:
        clocks: How many processes may measure time at once.
        as_given: Whether cases run in the order of `cases`, not in that of the run's seed (in one process only).
        wants: Asked before a case is run whether it still is to be (in one process only).
    """

    def __init__(
        self,
        settings: Settings,
        cases: Iterable[FoundCase],
        on_start: Callable[[str], None],
        on_result: Callable[[CaseResult], None],
    ) -> None:
        self.settings = settings
        self.cases = {case.nodeid: case for case in cases}
        self.on_start = on_start
        self.on_result = on_result
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.interrupted = False
        self.clocks = 1
        self.as_given = False
        self.wants: Callable[[FoundCase], bool] = lambda _case: True
        self.before_teardown: Callable[[], None] = lambda: None
