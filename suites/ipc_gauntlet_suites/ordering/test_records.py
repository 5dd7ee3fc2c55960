"""Order and completeness of protected records."""

from typing import Literal

import pytest

from ipc_gauntlet import Direction, Drop, Hold, Lab, Rechunk, Selector, Session, Swap, case, checks, receiver
from ipc_gauntlet_suites.scripts import BOTH_WAYS, directed, numbered

# How many first bytes of a direction travel in pieces: the adversary waits for each to be read, which takes milliseconds
# where the system only tells of acknowledgements.
PIECEMEAL = 16384
PIECEMEAL_TCP = 600


@case("ORD-01")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 2], ids=["first", "later"])
def test_swapped_records(lab: Lab, direction: Direction, nth: int) -> None:
    """Two neighbouring records change places; messages must be delivered in the order of sending or not at all."""
    directed(lab, direction)
    script = numbered(direction)
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Swap(at=Selector(direction=direction, nth=nth)))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=nth))
    lab.advise(outcome, checks.ended(receiver(direction)))


@case("ORD-01")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_delayed_record(lab: Lab, direction: Direction) -> None:
    """One record is held back until later ones have passed, then released; nothing may be delivered out of order."""
    directed(lab, direction)

    def script(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, 5)
        session.the_link().release()
        session.settle_delivery(direction)

    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Hold(at=Selector(direction=direction, nth=1)))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=1))
    lab.advise(outcome, checks.ended(receiver(direction)))


@case("ORD-02")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 2], ids=["first", "later"])
@pytest.mark.parametrize("count", [1, 2], ids=["one", "two"])
def test_deleted_record(lab: Lab, direction: Direction, nth: int, count: int) -> None:
    """Records vanish on the way; nothing that follows them may be delivered over the gap."""
    directed(lab, direction)
    script = numbered(direction, 6)
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Drop(at=Selector(direction=direction, nth=nth), count=count))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=nth))
    lab.advise(
        outcome,
        checks.ended(receiver(direction)),
        checks.refused_for(receiver(direction), "integrity", "ordering"),
    )


@case("ORD-09")
@pytest.mark.parametrize("sizes", ["bytes", "random", "coalesce"])
def test_segmentation(lab: Lab, sizes: Literal["bytes", "random", "coalesce"]) -> None:
    """The same bytes arrive one at a time, in random pieces, or glued together; both ends must report the same."""

    def script(session: Session) -> None:
        if not session.open():
            return
        for direction in session.directions():
            session.exchange(direction, 3)
            session.settle_delivery(direction)
        session.close_end("client")
        session.settle_end("server")
        session.settle_end("client")

    every = [
        checks.delivered_all(direction) for direction in (BOTH_WAYS if lab.has("push") else BOTH_WAYS[:1])
    ]
    control = lab.control(script, *every)
    seed = lab.rng.getrandbits(32)
    limit = PIECEMEAL_TCP if lab.transport == "tcp" else PIECEMEAL
    fault = Rechunk(direction="both", sizes=sizes, seed=seed, limit=limit)
    outcome = lab.attack(script, fault, patient=True)
    lab.require(outcome, *every, checks.same_endings(control))
