"""Every transport means the same."""

from typing import Literal

import pytest

from ipc_gauntlet import Direction, Lab, Session, case
from ipc_gauntlet_suites.scripts import BOTH_ROLES, BOTH_WAYS

End = Literal["graceful", "abort", "cut"]
SIZES = (64, 1000, 4096, 65536, 200_000)


def _events(lab: Lab, transport: str, direction: Direction, ending: End) -> dict[str, object]:
    """Run the script over a transport; what both ends told, without what differs from run to run."""
    with lab.over(transport):
        session: Session = lab.session(patient=True)
        session.open()
        lab.require_control_that(session.knows_server(), f"no session over {transport}")
        limit = lab.statement.limits.max_message or max(SIZES)
        sizes = [size for size in SIZES if size <= limit]
        for size in sizes:
            session.send(direction, lab.payload(size=size))
        session.settle_delivery(direction)
        if ending == "cut":
            session.the_link().cut()
        else:
            session.close_end("client", ending)
        for role in BOTH_ROLES:
            session.settle_end(role)
        outcome = session.finish()
    told: dict[str, object] = {
        "sent": [len(body) for body in outcome.sent[direction]],
        "delivered": [len(body) for body in outcome.delivered(direction)],
    }
    for role in BOTH_ROLES:
        view = outcome.end(role)
        told[role] = [ending.how for ending in view.endings]
    return told


@case("XPT-13", role="both", axes="each", stage="closing", roles=("client", "server"))
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("ending", ["graceful", "abort", "cut"])
def test_same_events(lab: Lab, direction: Direction, ending: End) -> None:
    """One script over this transport and over every other one that the implementation has: messages of many sizes, then a
    regular end, an abort, or a cut on the way. Both ends must tell the same, whatever is below."""
    lab.stage("closing")
    mine = _events(lab, lab.transport, direction, ending)
    lab.require_control_that(
        mine["sent"] == mine["delivered"], f"not all arrived over {lab.transport}: {mine}"
    )
    others = [name for name in lab.transports if name != lab.transport]
    for name in others:
        theirs = _events(lab, name, direction, ending)
        seen = f"{mine} over {lab.transport}, {theirs} over {name}"
        lab.require_that(mine == theirs, "the same over every transport", seen, "differs")
    lab.did(f"ran the script over {', '.join([lab.transport, *others])}")
