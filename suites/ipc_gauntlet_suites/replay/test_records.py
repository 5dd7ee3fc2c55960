"""Replay within a session: duplicated, reflected, transplanted and forged records."""

import pytest

from ipc_gauntlet import (
    Delay,
    Direction,
    Duplicate,
    Lab,
    Reflect,
    Replace,
    Selector,
    Session,
    case,
    checks,
    receiver,
    sender,
)
from ipc_gauntlet_suites.scripts import BOTH_WAYS, HEADER_BYTES, Script, directed, numbered, opposite


@case("REPL-01")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("nth", [0, 3], ids=["first", "later"])
@pytest.mark.parametrize("delay", [0, 1], ids=["adjacent", "delayed"])
def test_duplicated_record(lab: Lab, direction: Direction, nth: int, delay: int) -> None:
    """The adversary sends one protected record twice; its message must reach the application at most once."""
    directed(lab, direction)
    script = numbered(direction)
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Duplicate(at=Selector(direction=direction, nth=nth), delay_frames=delay))
    lab.require(outcome, checks.delivered_at_most_once(direction), checks.delivered_only_sent(direction))
    end = receiver(direction)
    lab.advise(outcome, checks.ended(end), checks.refused_for(end, "integrity", "replay"))


@case("REPL-03")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_reflected_record(lab: Lab, direction: Direction) -> None:
    """A protected record is sent back to the end it came from; that end must not take it for its peer's."""
    directed(lab, direction)
    victim = sender(direction)
    lab.judge(victim)
    script = numbered(direction)
    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Reflect(at=Selector(direction=direction, nth=1)))
    lab.require(outcome, checks.nothing_delivered(opposite(direction)), checks.delivered_prefix(direction))
    lab.advise(outcome, checks.ended(victim))


@case("REPL-03")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_record_of_another_connection(lab: Lab, direction: Direction) -> None:
    """A record of one connection takes the place of the record at the same position of another connection of the
    same two peers; it must not be delivered there."""
    directed(lab, direction)
    source: list[bytes] = []

    def first(session: Session) -> None:
        if session.open():
            session.exchange(direction, 3)
            session.settle_delivery(direction)
            source.extend(session.the_link().since_mark(direction))

    donor = lab.control(first, checks.delivered_all(direction))
    lab.control(numbered(direction), checks.delivered_all(direction))
    swapped = Replace(at=Selector(direction=direction, nth=1), data=source[1])
    outcome = lab.attack(numbered(direction), swapped)
    lab.require(
        outcome,
        *(checks.never_delivered(payload, receiver(direction)) for payload in donor.sent[direction]),
        checks.delivered_prefix(direction, at_most=1),
    )
    lab.advise(outcome, checks.ended(receiver(direction)))


def _with_rekey(direction: Direction) -> Script:
    def script(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, 2)
        session.configure(sender(direction), "rekey")
        session.exchange(direction, 3)
        session.settle_delivery(direction)

    return script


@case("REPL-04", needs=("rekey",))
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_record_of_the_old_key(lab: Lab, direction: Direction) -> None:
    """A record sealed under the old key is held back and released after the rekey; it must not be delivered."""
    directed(lab, direction)
    script = _with_rekey(direction)
    lab.control(script, checks.delivered_all(direction))
    held = Delay(at=Selector(direction=direction, nth=1), frames=2)
    outcome = lab.attack(script, held)
    lab.require(outcome, checks.delivered_prefix(direction, at_most=1))
    lab.advise(outcome, checks.ended(receiver(direction)))


@case("REPL-04", needs=("rekey",))
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_replayed_rekey(lab: Lab, direction: Direction) -> None:
    """The record that announces the new key is sent twice; keys must change once, and nothing may be delivered
    under a key that was installed again."""
    directed(lab, direction)
    script = _with_rekey(direction)
    lab.control(script, checks.delivered_all(direction))
    replayed = Duplicate(at=Selector(direction=direction, nth=2), delay_frames=0)
    outcome = lab.attack(script, replayed)
    lab.require(outcome, checks.delivered_prefix(direction, at_most=2))
    lab.advise(outcome, checks.ended(receiver(direction)))


@case("REPL-06")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("form", ["random-body", "flipped-copy"])
def test_forged_record(lab: Lab, direction: Direction, form: str) -> None:
    """A record nobody sealed is slipped in between genuine ones. It must not be delivered, must not make anything
    else be delivered wrongly, and a later connection to the same endpoint must work as ever."""
    directed(lab, direction)
    served = lab.listen()
    lab.control(numbered(direction), checks.delivered_all(direction), served=served)

    def forging(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, 2)
        session.settle_delivery(direction)
        genuine = session.the_link().since_mark(direction)[-1]
        header = HEADER_BYTES.get(lab.framing, 0)
        body = bytearray(genuine[header:])
        if form == "random-body":
            body[:] = lab.rng.randbytes(len(body))
        else:
            body[lab.rng.randrange(len(body))] ^= 0x01
        session.the_link().inject(direction, genuine[:header] + bytes(body))
        session.exchange(direction, 2)
        session.settle_delivery(direction)

    outcome = lab.attack(
        forging, what=f"injected one forged record ({form}) after 2 genuine ones", served=served
    )
    lab.require(
        outcome,
        checks.delivered_only_sent(direction),
        checks.delivered_prefix(direction),
        checks.not_clean(receiver(direction)),
    )
    after = lab.attack(numbered(direction), what="connected again, undisturbed", served=served, patient=True)
    lab.require(after, checks.delivered_all(direction))
