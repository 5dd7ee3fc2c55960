"""Repeating one case: what to repeat, and what the new result says about the old one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ipc_gauntlet import quoting
from ipc_gauntlet.engine.selection import Selection, suggest
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.merge import MARK
from ipc_gauntlet.report.model import Report
from ipc_gauntlet.verdict import ExitStatus, Verdict, combined


class Answer(StrEnum):
    """What a repetition says."""

    fixed = "FIXED"
    still_failing = "STILL FAILING"
    changed = "CHANGED"
    unchanged = "UNCHANGED"


def compare(before: CaseResult | None, after: Verdict, reason: str) -> Answer:
    """Compare a result with what a case did before.

    Args:
        before: The earlier result; None when it is not known: people repeat what failed.
        after: The verdict now.
        reason: The class of the reason now.
    """
    bad = (Verdict.fail, Verdict.error, Verdict.inconclusive)
    if before is None:
        if after is Verdict.pass_:
            return Answer.fixed
        return Answer.still_failing if after is Verdict.fail else Answer.changed
    if before.verdict in bad and after is Verdict.pass_:
        return Answer.fixed
    if before.verdict is not after:
        return Answer.changed
    if after not in bad:
        return Answer.unchanged
    return Answer.still_failing if before.reason == reason else Answer.changed


def status(answer: Answer, run_status: ExitStatus) -> ExitStatus:
    """The exit status of a repetition: what is neither fixed nor as good as before is at least a failure."""
    if run_status is not ExitStatus.ok or answer in (Answer.fixed, Answer.unchanged):
        return run_status
    return ExitStatus.failed


def selection_for(case_id: str) -> Selection:
    """Choose what has to run for a case: the case, or all cases of a requirement that could not be tested."""
    _, _, rest = case_id.partition("/")
    mark, _, tail = rest.partition("/")
    if mark == MARK:
        return Selection(requirements=(tail.partition("/")[0],))
    return Selection(cases=(case_id,))


def recorded(report: Report, case_id: str) -> CaseResult:
    """Find a case in a report.

    Raises:
        UsageError: It is not there.
    """
    for result in report.cases:
        if result.id == case_id:
            return result
    hint = suggest(case_id, (result.id for result in report.cases))
    raise UsageError(f"the report has no case {case_id!r}{hint}")


def recorded_options(result: CaseResult) -> list[str]:
    """The options that a report gives for repeating a case, as words.

    Raises:
        UsageError: The report does not say how.
    """
    words = quoting.split(result.replay)
    if words[:2] != ["ipc-gauntlet", "replay"]:
        raise UsageError(f"the report does not say how to repeat {result.id}")
    return words[3:]


def now(case_id: str, results: Sequence[CaseResult]) -> tuple[Verdict, str]:
    """Verdict and reason of a repeated case; of all results where it stands for a requirement."""
    for result in results:
        if result.id == case_id:
            return result.verdict, result.reason
    return combined(result.verdict for result in results), ""
