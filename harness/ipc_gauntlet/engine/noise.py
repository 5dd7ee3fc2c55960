"""Cases that this machine was too noisy for while others ran: each gets one more try, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.events import CaseResult

REASON = "noise"
"""Reason of a result that says nothing because the machine was too noisy."""


class NoiseFilter:
    """Passes results on, and keeps back those that noise has spoiled.

    Args:
        on_result: Gets the others.
    """

    def __init__(self, on_result: Callable[[CaseResult], None]) -> None:
        self._on_result = on_result
        self._spoiled: dict[str, CaseResult] = {}

    def take(self, result: CaseResult) -> None:
        """A case ended."""
        if result.reason == REASON and result.id not in self._spoiled:
            self._spoiled[result.id] = result
        else:
            self._spoiled.pop(result.id, None)
            self._on_result(result)

    def again(self, cases: Iterable[FoundCase]) -> list[FoundCase]:
        """Which of these cases are to be tried again."""
        return [case for case in cases if case.id in self._spoiled]

    def give_up(self) -> None:
        """Nothing is tried any more: pass on what was kept back."""
        for result in self._spoiled.values():
            self._on_result(result)
        self._spoiled.clear()
