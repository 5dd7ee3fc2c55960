"""What the results of cases say about a mutant.

Rule of this file: a mutant is killed only by a case of its own requirement, which failed at a stage and for a reason
that the catalogue names for that requirement, on code that was executed, and which passes without the defect.
Whatever else happens to a mutant - it crashes, hangs, breaks the positive control, fails somewhere else - is no kill.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from ipc_gauntlet.report.kills import Fate
from ipc_gauntlet.requirements import Failure
from ipc_gauntlet.verdict import Verdict


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How one case ended on one implementation.

    Args:
        case: Id of the case.
        function: Its name without the variant.
        requirement: Id of its requirement.
        verdict: How it ended.
        stage: How far the session came.
        reason: Class of what was seen.
        message: One sentence.
    """

    case: str
    function: str
    requirement: str
    verdict: Verdict
    stage: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about a mutant.

    Args:
        requirement: The one it violates.
        failure: How cases of that requirement fail; None if the catalogue does not say.
        attempts: Results so far.
        live: Whether changed code was run; None if the mutant does not tell.
        broken: Why it cannot be run; empty if it can.
        cases: How many cases its requirement has.
        timed_out: Whether its time was over before all was done.
        unflawed_failing: Ids of cases that do not pass without the defect.
    """

    requirement: str
    failure: Failure | None
    attempts: Sequence[Attempt] = ()
    live: bool | None = None
    broken: str = ""
    cases: int = 1
    timed_out: bool = False
    unflawed_failing: Collection[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a mutant, why, and by which cases."""

    fate: Fate
    reason: str
    killed_by: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


def kills(attempt: Attempt, requirement: str, failure: Failure | None) -> bool:
    """Whether a result is a failure of the kind that the catalogue names for the requirement."""
    return (
        attempt.requirement == requirement
        and attempt.verdict is Verdict.fail
        and failure is not None
        and attempt.stage in failure.stages
        and attempt.reason in failure.reasons
    )


def judge(known: Evidence) -> Judgement:
    """Say what became of a mutant."""
    if known.broken:
        return Judgement(Fate.broken, known.broken)
    if not known.cases:
        return Judgement(Fate.no_case, f"no case tests {known.requirement}")
    sound = [attempt for attempt in known.attempts if attempt.case not in known.unflawed_failing]
    own = [attempt for attempt in sound if attempt.requirement == known.requirement]
    others = [attempt for attempt in sound if attempt.requirement != known.requirement]
    elsewhere = tuple(attempt.case for attempt in others if attempt.verdict is Verdict.fail)
    if known.live is False and known.attempts:
        return Judgement(Fate.not_live, "no case ever ran the code that the defect changes", (), elsewhere)
    killers = [attempt for attempt in own if kills(attempt, known.requirement, known.failure)]
    if killers:
        by = tuple(attempt.case for attempt in killers)
        return Judgement(Fate.killed, f"{killers[0].reason} at stage {killers[0].stage}", by, elsewhere)
    fate, reason = _alive(known, own, elsewhere)
    return Judgement(fate, reason, (), elsewhere)


def _alive(known: Evidence, own: Sequence[Attempt], elsewhere: Sequence[str]) -> tuple[Fate, str]:
    """Why a mutant was not killed: the strongest thing that can be said."""
    failed = [attempt for attempt in own if attempt.verdict is Verdict.fail]
    if failed:
        declared = (
            f"stage {' or '.join(known.failure.stages)}, reason {' or '.join(known.failure.reasons)}"
            if known.failure is not None
            else "nothing"
        )
        seen = _several(f"{one.reason} at stage {one.stage}" for one in failed)
        return Fate.wrong_failure, f"cases failed, but with {seen}; the catalogue declares {declared}"
    if known.timed_out:
        return Fate.timed_out, "its time was over before a case noticed anything"
    errors = [attempt for attempt in own if attempt.verdict is Verdict.error]
    if errors:
        return Fate.crashed, f"cases ended in error: {_several(_told(one) for one in errors)}"
    if not own:
        return Fate.not_run, "no case of its requirement has a result that counts"
    if any(attempt.verdict is Verdict.pass_ for attempt in own):
        if elsewhere:
            return Fate.killed_elsewhere, f"only cases of other requirements fail: {_several(elsewhere)}"
        return Fate.survived, f"{known.requirement} does not notice: {_count(own)}"
    vague = [attempt for attempt in own if attempt.verdict is Verdict.inconclusive]
    if vague:
        return Fate.inconclusive, f"no case could tell: {_several(_told(one) for one in vague)}"
    return Fate.not_applicable, f"no case applies: {_several(_told(one) for one in own)}"


def _told(attempt: Attempt) -> str:
    return attempt.message or attempt.reason


def _several(texts: Iterable[str], most: int = 2) -> str:
    found = list(dict.fromkeys(texts))
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(found[:most]) + more


def _count(own: Sequence[Attempt]) -> str:
    passed = sum(attempt.verdict is Verdict.pass_ for attempt in own)
    return f"{passed} of {len(own)} cases that were run pass"
