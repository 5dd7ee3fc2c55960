"""Cases that said nothing, perhaps because the machine was busy with others: each gets one more try, alone.

What measured time and found the machine too noisy says so by its reason. Any other inconclusive case may have met a
machine that gave one of three processes no time for seconds, or may be inconclusive whenever it runs. A handful is
tried again to find out. Many are the implementation's doing: nobody waits for all of their time-outs twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.verdict import Verdict

REASON = "noise"
"""Reason of a result that says nothing because the machine was too noisy."""

HANDFUL = 8
"""With more inconclusive cases than this, other than by noise, none of them is tried again."""


class NoiseFilter:
    """Passes results on, and keeps back those that are to be tried again.

    Args:
        on_result: Gets the others.
    """

    def __init__(self, on_result: Callable[[CaseResult], None]) -> None:
        self._on_result = on_result
        self._spoiled: dict[str, CaseResult] = {}
        self._unexplained = 0

    def take(self, result: CaseResult) -> None:
        """A case ended."""
        first = self._spoiled.pop(result.id, None)
        if first is not None:
            self._on_result(_second(first, result))
        elif result.reason == REASON or self._may_be_noise(result):
            self._spoiled[result.id] = result
        else:
            self._on_result(result)

    def _may_be_noise(self, result: CaseResult) -> bool:
        if result.verdict is not Verdict.inconclusive:
            return False
        self._unexplained += 1
        if self._unexplained == HANDFUL + 1:
            self._release(name for name, one in self._spoiled.items() if one.reason != REASON)
        return self._unexplained <= HANDFUL

    def again(self, cases: Iterable[FoundCase]) -> list[FoundCase]:
        """Which of these cases are to be tried again."""
        return [case for case in cases if case.id in self._spoiled]

    def give_up(self) -> None:
        """Nothing is tried any more: pass on what was kept back."""
        self._release(self._spoiled)

    def _release(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._on_result(self._spoiled.pop(name))


def _second(first: CaseResult, second: CaseResult) -> CaseResult:
    """The second result, which says that there was a first."""
    note = f"tried twice, the second time alone; the first time it was inconclusive: {first.message}"
    return msgspec.structs.replace(second, notes=(*second.notes, note))
