"""What a case demands, notes and says it did; kept until the report is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipc_gauntlet.errors import Inconclusive, RequirementViolated
from ipc_gauntlet.judge.outcome import EndView, Outcome
from ipc_gauntlet.judge.ruling import Check, findings, require

TRACE_LIMIT = 200


@dataclass(slots=True)
class Ledger:
    """What the case has done and found so far."""

    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    faults: list[object] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    stage: str = "setup"
    role: str = "both"
    expected: str = ""
    seen: str = ""
    checks: int = 0
    controls: int = 0
    unfired: list[str] = field(default_factory=list)


class Judging:
    """The judging half of a lab.

    Args:
        role: The role the case judges.
        needs_control: Whether a positive control must have passed before the case may pass.
    """

    def __init__(self, role: str, *, needs_control: bool) -> None:
        self._ledger = Ledger(role=role)
        self._needs_control = needs_control

    def judge(self, role: str) -> None:
        """Say which role this case judges (for the report)."""
        self._ledger.role = role

    def did(self, text: str) -> None:
        """Say what was done to the wire or the set-up."""
        self._ledger.done.append(text)

    def add_trace(self, lines: list[str]) -> None:
        """Add lines to the trace that is kept, up to a limit."""
        trace = self._ledger.trace
        trace += lines[: max(0, TRACE_LIMIT - len(trace))]

    def require(self, outcome: Outcome, *checks: Check) -> None:
        """Demand that every check holds for an outcome.

        Raises:
            RequirementViolated: One does not.
        """
        self._must_have_fired()
        self._ledger.stage = outcome.stage
        self._ledger.checks += len(checks)
        require(outcome, *checks)

    def require_that(self, holds: bool, expected: str, seen: str, reason: str) -> None:
        """Demand something that is no function of one outcome.

        Raises:
            RequirementViolated: It does not hold.
        """
        self._must_have_fired()
        self._ledger.checks += 1
        if not holds:
            raise RequirementViolated(expected, seen, reason)

    def require_view(self, server: EndView, *checks: Check) -> None:
        """Demand that checks hold for what the server told, where no session of ours was involved."""
        self.require(Outcome(server=server, stage="handshake"), *checks)

    def require_control(self, outcome: Outcome, *checks: Check) -> None:
        """Demand that checks hold for a positive control.

        Raises:
            Inconclusive: One does not.
        """
        broken = findings(outcome, checks)
        self.require_control_that(
            not broken, f"expected {broken[0].expected}; saw {broken[0].seen}" if broken else ""
        )

    def require_control_that(self, holds: bool, seen: str) -> None:
        """Demand something of a positive control.

        Raises:
            Inconclusive: It does not hold.
        """
        if not holds:
            raise Inconclusive(f"the positive control failed: {seen}")
        self._ledger.controls += 1

    def advise(self, outcome: Outcome, *checks: Check) -> None:
        """Note what is not as it should be, without deciding the verdict."""
        for finding in findings(outcome, checks):
            self.note(f"expected {finding.expected}; saw {finding.seen}")

    def note(self, text: str) -> None:
        """Add a remark to the report."""
        if text not in self._ledger.notes:
            self._ledger.notes.append(text)

    def stage(self, stage: str) -> None:
        """Say how far the case came."""
        self._ledger.stage = stage

    def settle_verdict(self) -> None:
        """Called when the case function returned: decide whether that is a pass.

        Raises:
            Inconclusive: Nothing was judged, a fault never fired, or no positive control ran.
        """
        ledger = self._ledger
        self._must_have_fired()
        if ledger.checks == 0:
            raise Inconclusive("the case judged nothing")
        if self._needs_control and ledger.controls == 0:
            raise Inconclusive("no positive control ran")

    def _must_have_fired(self) -> None:
        """Judging the effects of a fault that never happened proves nothing, whatever they look like."""
        if self._ledger.unfired:
            raise Inconclusive("the fault never fired: " + "; ".join(self._ledger.unfired))
