"""How checks are combined into a ruling."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ipc_gauntlet.errors import RequirementViolated
from ipc_gauntlet.judge.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that did not hold.

    Args:
        expected: What had to be the case, as a clause that follows "expected".
        seen: What was observed, as a clause that follows "saw".
        reason: Short machine-readable class, such as `delivered-twice`.
    """

    expected: str
    seen: str
    reason: str


Check = Callable[[Outcome], "Finding | None"]


def findings(outcome: Outcome, checks: Iterable[Check]) -> list[Finding]:
    """Apply every check; return those that did not hold, in order."""
    return [finding for check in checks if (finding := check(outcome)) is not None]


def require(outcome: Outcome, *checks: Check) -> None:
    """Demand that every check holds.

    Raises:
        RequirementViolated: At least one does not; the first gives the reason class, all are told.
        ValueError: No check was given: a ruling without a check would always pass.
    """
    if not checks:
        raise ValueError("a ruling needs at least one check")
    broken = findings(outcome, checks)
    if broken:
        expected = "; ".join(dict.fromkeys(finding.expected for finding in broken))
        seen = "; ".join(dict.fromkeys(finding.seen for finding in broken))
        raise RequirementViolated(expected, seen, broken[0].reason)
