"""The end of a stream: only an authenticated end may look like one."""

from typing import Literal

import pytest

from ipc_gauntlet import Check, Cut, Direction, Finding, Lab, Outcome, Selector, case, checks, receiver
from ipc_gauntlet_suites.scripts import BOTH_WAYS, directed, sent_then_closed

COUNT = 3


def _distinguishable(control: Outcome, direction: Direction) -> Check:
    """The application can tell this end from the regular one of the control."""
    role = receiver(direction)

    def check(outcome: Outcome) -> Finding | None:
        regular, now = control.end(role).ending, outcome.end(role).ending
        if now is None or regular is None or (now.how, now.reason) != (regular.how, regular.reason):
            return None
        told = f"it was told the same as at a regular end: {now.how} ({now.reason})"
        return Finding(
            f"the {role}'s application to learn that the stream was cut", told, "indistinguishable"
        )

    return check


@case("ORD-07")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("place", ["before-record", "inside-record", "after-last-message"])
def test_cut_stream(lab: Lab, direction: Direction, how: Literal["fin", "reset"], place: str) -> None:
    """The transport ends early: between two records, inside one, or after the last message but before the
    protocol's own end. The receiver must not report a clean end, and must report an end."""
    directed(lab, direction)
    script = sent_then_closed(direction, COUNT)
    control = lab.control(script, checks.delivered_all(direction))
    nth = COUNT - 1 if place != "before-record" else 1
    inside = lab.rng.randrange(3, 16) if place == "inside-record" else None
    fault = Cut(
        at=Selector(direction=direction, nth=nth), how=how, inside=inside, after=place == "after-last-message"
    )
    outcome = lab.attack(script, fault)
    end = receiver(direction)
    whole = COUNT if place == "after-last-message" else nth
    lab.require(
        outcome,
        checks.delivered_prefix(direction, at_most=whole),
        checks.ended(end),
        checks.not_clean(end),
        _distinguishable(control, direction),
    )
    lab.advise(outcome, checks.refused_for(end, "truncated"))
