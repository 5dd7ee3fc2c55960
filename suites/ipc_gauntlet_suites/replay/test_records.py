"""Replay within a session: duplicated, reflected, transplanted and forged records."""

import pytest

from ipc_gauntlet import (
    Delay,
    Direction,
    Duplicate,
    Finding,
    Lab,
    Outcome,
    Reflect,
    Replace,
    Selector,
    Session,
    case,
    checks,
    receiver,
    sender,
)
from ipc_gauntlet_suites.ordering.sequences import kept_or_ended, settled
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


@case("REPL-01", needs=("request", "work"), role="server")
@pytest.mark.parametrize("nth", [0, 2], ids=["first", "later"])
def test_duplicated_request(lab: Lab, nth: int) -> None:
    """The adversary sends the record of a request twice. The request has no key that would show it; it must be executed
    once all the same."""
    count = 3

    def script(session: Session) -> None:
        if not session.open():
            return
        for _ in range(count):
            session.answer(session.request("work", b"1,1"))
        session.send("c2s")
        session.settle_delivery("c2s")

    lab.control(script, checks.delivered_all("c2s"), checks.executed_times("work", b"0", count, count))
    outcome = lab.attack(script, Duplicate(at=Selector(direction="c2s", nth=nth), delay_frames=0))
    lab.require(
        outcome,
        checks.executed_times("work", b"0", 0, count),
        checks.delivered_at_most_once("c2s"),
    )
    lab.advise(outcome, checks.ended("server"))


@case("REPL-03")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_reflected_record(lab: Lab, direction: Direction) -> None:
    """A protected record is sent back to the end it came from; that end must not take it for its peer's. Both ends have
    said something before, and records of several positions are tried, so that one of them is the next one in the
    opposite direction, too."""
    directed(lab, direction)
    victim = sender(direction)
    lab.judge(victim)

    def script(session: Session) -> None:
        if not session.open():
            return
        if lab.has("push"):
            session.exchange(opposite(direction), 1)
            session.settle_delivery(opposite(direction))
        session.exchange(direction, 4)
        session.settle_delivery(direction)

    lab.control(script, checks.delivered_all(direction))
    for nth in (0, 1, 2):
        outcome = lab.attack(script, Reflect(at=Selector(direction=direction, nth=nth)))
        lab.require(
            outcome, checks.delivered_only_sent(opposite(direction)), checks.delivered_prefix(direction)
        )
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
@pytest.mark.parametrize("form", ["held-back", "copied"])
def test_record_of_the_old_key(lab: Lab, direction: Direction, form: str) -> None:
    """A record sealed under the old key, or a copy of one, is held back and released after the rekey; it must not be
    delivered."""
    directed(lab, direction)
    script = _with_rekey(direction)
    lab.control(script, checks.delivered_all(direction))
    at = Selector(direction=direction, nth=1)
    if form == "copied":
        outcome = lab.attack(script, Duplicate(at=at, delay_frames=2))
        lab.require(outcome, checks.delivered_at_most_once(direction), checks.delivered_prefix(direction))
    else:
        outcome = lab.attack(script, Delay(at=at, frames=2))
        lab.require(outcome, checks.delivered_prefix(direction, at_most=1))
    lab.advise(outcome, checks.ended(receiver(direction)))


@case("REPL-04", needs=("rekey",))
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_replayed_rekey(lab: Lab, direction: Direction) -> None:
    """The record that announces the new key is sent twice. It is a record of the old key: the receiver ends the session,
    or passes over it and takes everything that follows. Keys that moved on once more would do neither."""
    directed(lab, direction)
    role = receiver(direction)
    ended_at_once: list[bool] = []

    def script(session: Session) -> None:
        ended_at_once.clear()
        if not session.open():
            return
        session.exchange(direction, 2)
        session.configure(sender(direction), "rekey")
        session.settle_delivery(direction)
        session.settle(lambda: session.is_over(role), patient=True)
        ended_at_once.append(session.is_over(role))
        session.exchange(direction, 3)
        session.settle_delivery(direction)

    lab.control(script, checks.delivered_all(direction))
    outcome = lab.attack(script, Duplicate(at=Selector(direction=direction, nth=2), delay_frames=0))
    lab.require(outcome, checks.delivered_prefix(direction))
    lab.stage("established")
    if not all(ended_at_once):
        got, sent = outcome.delivered(direction), outcome.sent[direction]
        seen = f"{len(got)} of {len(sent)} delivered"
        lab.require_that(
            got == sent, "the session ended over it, or nothing changed by it", seen, "keys-moved"
        )


@case("REPL-04", needs=("rekey",))
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("part", ["rekey-and-behind", "between-rekeys", "before-rekey"])
def test_records_replayed_around_rekey(lab: Lab, direction: Direction, part: str) -> None:
    """Records are played again after a change of keys: the rekey itself and all that came behind it, what came between
    two rekeys behind the second one, what came before the first one behind it. Nothing may be delivered twice: neither
    is a key installed again, nor does a count start over."""
    directed(lab, direction)
    playing: list[bool] = [False]

    def script(session: Session) -> None:
        if not session.open():
            return
        link = session.the_link()

        def new_key() -> None:
            known = link.count(direction)
            session.configure(sender(direction), "rekey")
            lab.wait(lambda: link.count(direction) > known)

        if part == "before-rekey":
            session.exchange(direction, 3)
        else:
            new_key()
            session.exchange(direction, 3)
        session.settle_delivery(direction)
        again = link.since_mark(direction)
        if part == "between-rekeys":
            again = again[-3:]
        if part != "rekey-and-behind":
            new_key()
        if playing[0]:
            link.inject(direction, b"".join(again))
            session.settle(lambda: session.is_over(receiver(direction)))
        else:
            session.exchange(direction, 2)
            session.settle_delivery(direction)

    lab.control(script, checks.delivered_all(direction))
    playing[0] = True
    outcome = lab.attack(script, what=f"played records again: {part}")
    lab.require(outcome, checks.delivered_at_most_once(direction), checks.delivered_prefix(direction))
    lab.advise(outcome, checks.ended(receiver(direction)))


@case("REPL-06")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("form", ["random-body", "flipped-copy"])
def test_forged_record(lab: Lab, direction: Direction, form: str) -> None:
    """A record nobody sealed is slipped in between genuine ones. It must not be delivered, must not make anything
    else be lost or delivered wrongly unless it ends the session, and a later connection to the same endpoint must work as ever."""
    directed(lab, direction)
    served = lab.listen()
    lab.control(numbered(direction), checks.delivered_all(direction), served=served)
    closed_wire: list[bool] = []

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
        settled(session, direction)
        closed_wire.append(session.the_link().ended(opposite(direction)) is not None)

    def kept_or_closed(outcome: Outcome) -> Finding | None:
        """Who ends the connection over it need not have told: it shows on the wire."""
        return None if any(closed_wire) else kept_or_ended(direction)(outcome)

    outcome = lab.attack(
        forging, what=f"injected one forged record ({form}) after 2 genuine ones", served=served
    )
    lab.require(
        outcome,
        checks.delivered_only_sent(direction),
        checks.delivered_prefix(direction),
        checks.not_clean(receiver(direction)),
        kept_or_closed,
    )
    after = lab.attack(numbered(direction), what="connected again, undisturbed", served=served, patient=True)
    lab.require(after, checks.delivered_all(direction))
