"""Sees whether a finding shows again, whatever kind it is of."""

from __future__ import annotations

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.oracles.again import observed_again
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.triage.same import same

_MEASURED = frozenset({"slow", "greedy"})


class Observer:
    """Executes inputs and compares what they do with a finding.

    Args:
        finding: What to look for.
        target: Where it was found.
        child: Where to execute.
    """

    def __init__(self, finding: Finding, target: Target, child: Child) -> None:
        self.finding = finding
        self._target = target
        self._child = child

    @property
    def minimisable(self) -> bool:
        """Whether the finding is about one input, so that a smaller one may show it too."""
        return not self._is_measured

    @property
    def _is_measured(self) -> bool:
        # What an oracle measured over many inputs says how to measure it again.
        return self.finding.kind in _MEASURED or "oracle" in self.finding.details

    def see(self, data: bytes) -> Finding | None:
        """What an input does now that it must not.

        Raises:
            GauntletError: It cannot be executed.
        """
        if self._is_measured:
            return observed_again(self.finding, self._target, self._child)
        return self._child.one(data).finding

    def shows(self, data: bytes) -> bool:
        """Whether an input shows the finding.

        Raises:
            GauntletError: It cannot be executed.
        """
        return same(self.finding, self.see(data))
