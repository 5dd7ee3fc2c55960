"""Order and completeness of protected records."""

from typing import Literal

import pytest

from ipc_gauntlet import (
    Direction,
    Drop,
    Hold,
    Lab,
    NotApplicable,
    Rechunk,
    Selector,
    Session,
    Swap,
    case,
    checks,
    receiver,
    sender,
)
from ipc_gauntlet_suites.ordering.sequences import (
    closing_control,
    kept_or_ended,
    poured,
    sequence,
    settled,
)
from ipc_gauntlet_suites.scripts import BOTH_WAYS, directed

# How many first bytes of a direction travel in pieces: the adversary waits for each to be read, which takes milliseconds
# where the system only tells of acknowledgements.
PIECEMEAL = 16384
PIECEMEAL_TCP = 600

# Virtual time that passes while a record is held back: longer than anybody would wait for it, and less than it takes
# until a silent peer is asked whether it is still there.
WAITING_STEPS = 4
WAITING_MS = 5000

EIGHT_BITS = 256


@case("ORD-01")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 2], ids=["first", "later"])
def test_swapped_records(lab: Lab, direction: Direction, nth: int) -> None:
    """Two neighbouring records change places; messages must be delivered in the order of sending, or the session must
    end."""
    directed(lab, direction)
    script = sequence(direction, 5)
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Swap(at=Selector(direction=direction, nth=nth)))
    lab.require(outcome, checks.delivered_prefix(direction), kept_or_ended(direction))


@case("ORD-01")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("when", ["soon", "late"])
def test_delayed_record(lab: Lab, direction: Direction, when: str) -> None:
    """One record is held back until later ones have passed, or until nothing moves any more, then released. Nothing may
    be delivered out of order, neither meanwhile nor afterwards."""
    directed(lab, direction)

    def script(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, 5)
        if when == "late":
            session.settle()
            for _ in range(WAITING_STEPS if lab.has("virtual-clock") else 0):
                lab.advance(WAITING_MS)
        session.the_link().release()
        settled(session, direction)

    virtual = lab.has("virtual-clock")
    lab.control(script, checks.delivered_all(direction), virtual=virtual)
    outcome = lab.attack(script, Hold(at=Selector(direction=direction, nth=1)), virtual=virtual)
    lab.require(outcome, checks.delivered_prefix(direction), kept_or_ended(direction))


@case("ORD-01", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 1])
def test_swapped_pieces_of_messages(lab: Lab, direction: Direction, nth: int) -> None:
    """Messages that are longer than a record travel in pieces, and two neighbouring pieces change places. No message
    may be delivered that is put together in another order."""
    directed(lab, direction)
    script = sequence(direction, "large", "large", "small")
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Swap(at=Selector(direction=direction, nth=nth)))
    lab.require(outcome, checks.delivered_prefix(direction), kept_or_ended(direction))


@case("ORD-01", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_close_overtakes_a_message(lab: Lab, direction: Direction) -> None:
    """The last message and the protocol's own end of the stream change places. The end must not be told as a regular
    one before the message, and the message must not be delivered after it."""
    directed(lab, direction)
    script = sequence(direction, "small", "small", close=True)
    closing_control(lab, script, direction, 2)
    outcome = lab.attack(script, Swap(at=Selector(direction=direction, nth=1)))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=1), checks.not_clean(receiver(direction)))


@case("ORD-02")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 2], ids=["first", "later"])
@pytest.mark.parametrize("count", [1, 2], ids=["one", "two"])
def test_deleted_record(lab: Lab, direction: Direction, nth: int, count: int) -> None:
    """Records vanish on the way; nothing that follows them may be delivered over the gap."""
    directed(lab, direction)
    script = sequence(direction, 6)
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Drop(at=Selector(direction=direction, nth=nth), count=count))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=nth), checks.ended(receiver(direction)))
    lab.advise(outcome, checks.refused_for(receiver(direction), "integrity", "ordering"))


@case("ORD-02", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_many_deleted_records(lab: Lab, direction: Direction) -> None:
    """So many records vanish that a number of eight bits is back where it was. Nothing that follows may be
    delivered."""
    directed(lab, direction)

    def script(session: Session) -> None:
        if not session.open():
            return
        poured(session, direction, [lab.payload() for _ in range(EIGHT_BITS)])
        session.exchange(direction, 3)
        settled(session, direction)

    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Drop(at=Selector(direction=direction), count=EIGHT_BITS))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=0))


@case("ORD-02", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_deleted_pieces_of_messages(lab: Lab, direction: Direction, nth: int) -> None:
    """Messages that are longer than a record travel in pieces, and one piece vanishes: a first, a middle or a last one.
    No message may be delivered with a hole in it, and none behind the hole."""
    directed(lab, direction)
    script = sequence(direction, "large", "large", "small")
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Drop(at=Selector(direction=direction, nth=nth)))
    lab.require(outcome, checks.delivered_prefix(direction, at_most=min(nth, 2)))


@case("ORD-02", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("count", [1, 2])
def test_deleted_before_the_end(lab: Lab, direction: Direction, count: int) -> None:
    """The last messages vanish, and only the protocol's own end of the stream follows. It must not be told as a regular
    end: whoever believes it believes that nothing is missing."""
    directed(lab, direction)
    script = sequence(direction, 3, close=True)
    closing_control(lab, script, direction, 3)
    outcome = lab.attack(script, Drop(at=Selector(direction=direction, nth=3 - count), count=count))
    lab.require(
        outcome,
        checks.delivered_prefix(direction, at_most=3 - count),
        checks.not_clean(receiver(direction)),
    )


@case("ORD-02", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_deleted_during_set_up(lab: Lab, direction: Direction) -> None:
    """Each record that belongs to the set-up of a session vanishes in its turn: what travels under the same protection as
    messages, before the first of them. Nothing that follows in that direction may be delivered."""
    directed(lab, direction)
    labels: list[list[str]] = []

    def script(session: Session) -> None:
        session.open(warm=False)
        if session.is_established(sender(direction)) and not session.is_over(sender(direction)):
            session.exchange(direction, 2)
        session.settle_delivery(direction)
        if session.link is not None:
            labels.append([frame.label for frame in session.link.frames(direction)])

    lab.control(script, checks.delivered_all(direction))
    # A session has as many frames as the control's; the last two are the messages.
    kind, early = labels[0][-1], labels[0][:-2]
    if kind not in early:
        raise NotApplicable("nothing is sent under protection before the first message")
    for nth in range(early.count(kind)):
        fault = Drop(at=Selector(direction=direction, nth=nth, label=kind, since_mark=False))
        outcome = lab.attack(script, fault)
        lab.require(outcome, checks.nothing_delivered(direction))


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
