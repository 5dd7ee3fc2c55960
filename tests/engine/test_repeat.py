"""What a repetition says, and what it repeats."""

from collections.abc import Callable

import pytest

from ipc_gauntlet.engine.repeat import Answer, compare, now, recorded_options, selection_for, status
from ipc_gauntlet.engine.selection import Selection
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.verdict import ExitStatus, Verdict

Maker = Callable[..., CaseResult]


@pytest.mark.parametrize(
    ("before", "after", "answer"),
    [
        (("fail", "twice"), ("pass", ""), "FIXED"),
        (("error", "driver"), ("pass", ""), "FIXED"),
        (("inconclusive", "x"), ("pass", ""), "FIXED"),
        (("fail", "twice"), ("fail", "twice"), "STILL FAILING"),
        (("inconclusive", "x"), ("inconclusive", "x"), "STILL FAILING"),
        (("fail", "twice"), ("fail", "never"), "CHANGED"),
        (("fail", "twice"), ("error", "driver"), "CHANGED"),
        (("fail", "twice"), ("not_applicable", "x"), "CHANGED"),
        (("pass", ""), ("fail", "twice"), "CHANGED"),
        (("pass", ""), ("pass", ""), "UNCHANGED"),
        (("not_applicable", "a"), ("not_applicable", "b"), "UNCHANGED"),
        (None, ("pass", ""), "FIXED"),
        (None, ("fail", "twice"), "STILL FAILING"),
        (None, ("error", "driver"), "CHANGED"),
        (None, ("inconclusive", "x"), "CHANGED"),
    ],
)
def test_answers(
    make_result: Maker, before: tuple[str, str] | None, after: tuple[str, str], answer: str
) -> None:
    """The answer follows from both verdicts, and from the reasons where both are bad."""
    earlier = make_result(verdict=Verdict(before[0]), reason=before[1]) if before else None
    assert compare(earlier, Verdict(after[0]), after[1]) == answer


@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("ran", [ExitStatus.ok, ExitStatus.failed, ExitStatus.harness])
def test_only_good_news_has_status_zero(answer: Answer, ran: ExitStatus) -> None:
    """What the run itself says is never softened; CHANGED and STILL FAILING are never 0."""
    found = status(answer, ran)
    if ran is not ExitStatus.ok:
        assert found is ran
    else:
        assert (found is ExitStatus.ok) == (answer in (Answer.fixed, Answer.unchanged))


def test_a_case_is_repeated_alone() -> None:
    """A case's name chooses that case; the name of an untestable requirement chooses all its cases."""
    name = "replay/records/good/unix-x509"
    assert selection_for(name) == Selection(cases=(name,))
    assert selection_for("replay/untestable/REPL-07/all") == Selection(requirements=("REPL-07",))


def test_verdict_of_a_repetition(make_result: Maker) -> None:
    """The case's own result counts; for a requirement that can be tested now, all its cases."""
    bad, good = make_result("a/b/c/d", Verdict.fail, reason="r"), make_result("a/b/c/e")
    assert now("a/b/c/d", [good, bad]) == (Verdict.fail, "r")
    assert now("a/untestable/X/all", [good]) == (Verdict.pass_, "")


def test_options_of_a_report(make_result: Maker) -> None:
    """The words of the recorded command come back as they were quoted."""
    result = make_result(replay="ipc-gauntlet replay a/b/c/d --driver 'my driver' --seed 3")
    assert recorded_options(result) == ["--driver", "my driver", "--seed", "3"]


@pytest.mark.parametrize("command", ["", "rm -rf x", "ipc-gauntlet run --seed 1"])
def test_a_report_that_says_something_else_is_refused(make_result: Maker, command: str) -> None:
    """Only a command of this kind is taken from a report."""
    with pytest.raises(UsageError, match="does not say how"):
        recorded_options(make_result(replay=command))
