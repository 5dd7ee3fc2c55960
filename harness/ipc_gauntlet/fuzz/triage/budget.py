"""How much work something may be: executions, and seconds of a clock that is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class Exhausted(Exception):
    """The budget is used up; whoever set it keeps the best result so far."""


@dataclass
class Budget:
    """Counts executions and looks at a clock.

    Attributes:
        executions: At most so many; 0 for no limit.
        seconds: At most so long; 0 for no limit.
        clock: Seconds that never go back.
        used: Executions so far.
    """

    executions: int = 0
    seconds: float = 0.0
    clock: Callable[[], float] | None = None
    used: int = 0
    _begun: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if self.clock is not None:
            self._begun = self.clock()

    def spent(self) -> bool:
        """Whether nothing is left."""
        if self.executions and self.used >= self.executions:
            return True
        return bool(self.seconds and self.clock is not None and self.clock() - self._begun >= self.seconds)

    def take(self) -> bool:
        """Take one execution; answers whether there was one left."""
        if self.spent():
            return False
        self.used += 1
        return True

    def spend(self) -> None:
        """Take one execution.

        Raises:
            Exhausted: There is none left.
        """
        if not self.take():
            raise Exhausted
