"""A mutant is killed only by the right failure of the right case, on code that ran, with everything else in order."""

import pytest

from ipc_gauntlet.engine.kills.judge import Attempt, Evidence, judge, kills
from ipc_gauntlet.report.kills import Fate
from ipc_gauntlet.requirements import Failure
from ipc_gauntlet.verdict import Verdict

FAILURE = Failure(stages=("established", "closing"), reasons=("gap", "reordered"))
FAIL, PASS, VAGUE, NOT, ERROR = (
    Verdict.fail,
    Verdict.pass_,
    Verdict.inconclusive,
    Verdict.not_applicable,
    Verdict.error,
)


def attempt(
    verdict: Verdict = FAIL,
    reason: str = "gap",
    stage: str = "established",
    requirement: str = "ORD-02",
    case: str = "ordering/records/deleted/unix-x509",
) -> Attempt:
    """A result."""
    return Attempt(
        case=case,
        function=case.rpartition("/")[0],
        requirement=requirement,
        verdict=verdict,
        stage=stage,
        reason=reason,
        message="because",
    )


def fate(*attempts: Attempt, **more: object) -> Fate:
    """What becomes of a mutant of ORD-02 with these results."""
    known = {"failure": FAILURE, "live": True, **more}
    return judge(Evidence("ORD-02", attempts=attempts, **known)).fate  # type: ignore[arg-type]


def test_killed() -> None:
    """A declared stage and a declared reason: the case is named, and so is what it saw."""
    found = judge(Evidence("ORD-02", FAILURE, [attempt(PASS, case="a/b/c/d"), attempt()], live=True))
    assert found.fate is Fate.killed
    assert found.killed_by == ("ordering/records/deleted/unix-x509",)
    assert found.reason == "gap at stage established"


def test_every_killing_case_is_named() -> None:
    """Also the second one, and only those that kill."""
    found = judge(
        Evidence(
            "ORD-02",
            FAILURE,
            [attempt(case="a/b/c/1"), attempt(reason="other", case="a/b/c/2"), attempt(case="a/b/c/3")],
            live=True,
        )
    )
    assert found.killed_by == ("a/b/c/1", "a/b/c/3")


@pytest.mark.parametrize(
    "one",
    [
        attempt(reason="delivered-twice"),
        attempt(reason=""),
        attempt(stage="handshake"),
        attempt(stage=""),
        attempt(requirement="ORD-01"),
        attempt(PASS),
        attempt(ERROR),
        attempt(VAGUE),
        attempt(NOT),
    ],
)
def test_what_does_not_kill(one: Attempt) -> None:
    """One thing that is different is enough: reason, stage, requirement or verdict."""
    assert kills(attempt(), "ORD-02", FAILURE)
    assert not kills(one, "ORD-02", FAILURE)


def test_nothing_declared_kills_nothing() -> None:
    """Where the catalogue does not say how cases fail, no failure is the right one."""
    assert fate(attempt(), failure=None) is Fate.wrong_failure


@pytest.mark.parametrize(
    ("one", "what"),
    [
        (attempt(reason="delivered-twice"), Fate.wrong_failure),
        (attempt(stage="handshake"), Fate.wrong_failure),
        (attempt(PASS), Fate.survived),
        (attempt(VAGUE), Fate.inconclusive),
        (attempt(NOT), Fate.not_applicable),
        (attempt(ERROR), Fate.crashed),
    ],
)
def test_alive(one: Attempt, what: Fate) -> None:
    """Every other way to end has a name of its own, and is no kill."""
    found = judge(Evidence("ORD-02", FAILURE, [one], live=True))
    assert found.fate is what
    assert found.killed_by == ()
    assert found.reason


def test_killed_elsewhere() -> None:
    """Another requirement's case is no substitute, but worth a word."""
    other = attempt(requirement="ORD-01", case="ordering/records/swapped/x")
    found = judge(Evidence("ORD-02", FAILURE, [attempt(PASS), other], live=True))
    assert (found.fate, found.elsewhere) == (Fate.killed_elsewhere, ("ordering/records/swapped/x",))
    assert fate(attempt(), other) is Fate.killed


def test_not_live() -> None:
    """A failure on code that never ran has another cause; a mutant that does not tell is believed."""
    assert fate(attempt(), live=False) is Fate.not_live
    assert fate(attempt(PASS), live=False) is Fate.not_live
    assert fate(attempt(), live=None) is Fate.killed
    assert fate(live=False) is Fate.not_run


def test_what_fails_without_the_defect_proves_nothing() -> None:
    """Such a case counts neither for nor against."""
    name = attempt().case
    assert fate(attempt(), unflawed_failing={name}) is Fate.not_run
    assert fate(attempt(), attempt(PASS, case="a/b/c/d"), unflawed_failing={name}) is Fate.survived
    assert fate(attempt(), attempt(case="a/b/c/d"), unflawed_failing={name}) is Fate.killed


def test_time_is_over() -> None:
    """What was found before still counts; passing cases do not make a hanging mutant a survivor."""
    assert fate(attempt(), timed_out=True) is Fate.killed
    assert fate(attempt(PASS), timed_out=True) is Fate.timed_out
    assert fate(timed_out=True) is Fate.timed_out


def test_the_strongest_statement_wins() -> None:
    """Failed in the wrong way, then crashed, then passed, then vague."""
    wrong, error, good, vague, none = (
        attempt(reason="other"),
        attempt(ERROR),
        attempt(PASS),
        attempt(VAGUE),
        attempt(NOT),
    )
    assert fate(none, vague, good, error, wrong) is Fate.wrong_failure
    assert fate(none, vague, good, error) is Fate.crashed
    assert fate(none, vague, good) is Fate.survived
    assert fate(none, vague) is Fate.inconclusive


def test_before_anything_runs() -> None:
    """A patch that does not fit, no case at all, and nothing run yet."""
    assert fate(broken="does not fit") is Fate.broken
    assert fate(cases=0) is Fate.no_case
    assert fate() is Fate.not_run
