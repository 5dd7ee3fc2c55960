"""When a case that returned is a pass, and when it is not."""

import pytest

from ipc_gauntlet.errors import Inconclusive, RequirementViolated
from ipc_gauntlet.judge import EndView, Outcome, checks
from ipc_gauntlet.lab.judging import Judging

GOOD = Outcome(server=EndView(delivered=(b"a",)), sent={"c2s": (b"a",), "s2c": ()}, stage="established")
BAD = Outcome(server=EndView(delivered=(b"a", b"a")), sent={"c2s": (b"a",), "s2c": ()}, stage="established")
ONCE = checks.delivered_at_most_once("c2s")


def judging(*, needs_control: bool = True) -> Judging:
    """A case that judges the server."""
    return Judging("server", needs_control=needs_control)


def test_a_judged_case_with_a_control_passes() -> None:
    """A control that held and a check that holds make a pass."""
    case = judging()
    case.require_control(GOOD, checks.delivered_all("c2s"))
    case.require(GOOD, ONCE)
    case.settle_verdict()


def test_judging_nothing_is_inconclusive() -> None:
    """A case that returns without having judged anything has shown nothing."""
    case = judging()
    case.require_control(GOOD, ONCE)
    with pytest.raises(Inconclusive, match="judged nothing"):
        case.settle_verdict()


def test_no_control_is_inconclusive() -> None:
    """Without a positive control a dead endpoint would pass; a case may say that it needs none."""
    case = judging()
    case.require(GOOD, ONCE)
    with pytest.raises(Inconclusive, match="control"):
        case.settle_verdict()
    exempt = judging(needs_control=False)
    exempt.require(GOOD, ONCE)
    exempt.settle_verdict()


def test_a_failed_control_is_no_failure() -> None:
    """When the control fails nothing can be said about the requirement."""
    with pytest.raises(Inconclusive, match="positive control failed"):
        judging().require_control(BAD, ONCE)


def test_a_broken_check_is_a_violation() -> None:
    """A check that does not hold tells what was expected and seen."""
    with pytest.raises(RequirementViolated) as caught:
        judging().require(BAD, ONCE)
    assert caught.value.reason == "delivered-twice"


@pytest.mark.parametrize("outcome", [GOOD, BAD], ids=["looks good", "looks bad"])
def test_a_fault_that_never_fired_proves_nothing(outcome: Outcome) -> None:
    """Whatever the outcome looks like, without the fault it is neither a pass nor a failure."""
    case = judging()
    case.require_control(GOOD, ONCE)
    case._ledger.unfired.append("drop 1 from c2s frame 7 after the mark on")
    with pytest.raises(Inconclusive, match="never fired"):
        case.require(outcome, ONCE)
    with pytest.raises(Inconclusive, match="never fired"):
        case.require_that(True, "x", "y", "z")
    with pytest.raises(Inconclusive, match="never fired"):
        case.settle_verdict()


def test_advice_does_not_decide() -> None:
    """Advice that does not hold is noted once and changes no verdict."""
    case = judging(needs_control=False)
    case.require(GOOD, ONCE)
    case.advise(GOOD, checks.ended("server"))
    case.advise(GOOD, checks.ended("server"))
    case.settle_verdict()
    assert len(case._ledger.notes) == 1
