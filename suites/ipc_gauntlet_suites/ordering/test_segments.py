"""Segmentation says nothing: whatever pieces the bytes come in, both ends report the same."""

import pytest

from ipc_gauntlet import Check, Direction, Finding, Lab, Outcome, Rechunk, Session, case, checks
from ipc_gauntlet_suites.ordering.sequences import poured, settled, sized_payload
from ipc_gauntlet_suites.scripts import BOTH_WAYS, directed, fetch, is_payload

# How many first bytes travel in pieces: the adversary waits until each has been read.
PIECEMEAL = 2500
PIECEMEAL_TCP = 300
LARGE_ONES = 6
PILED = 40


@case("ORD-09", axes="each")
@pytest.mark.parametrize(
    "sizes",
    [(1, 200), (81,), (82, 1), (83,), (1, 1, 4000)],
    ids=["1-200", "81", "82-1", "83", "1-1-4000"],
)
def test_pieces_of_given_sizes(lab: Lab, sizes: tuple[int, ...]) -> None:
    """A session with small and large messages each way, requests if there are any, and a regular end. Its bytes come in
    pieces of given sizes, which end within lengths, around the ends of records, and just behind them. Everything must go
    as it does undisturbed."""

    def script(session: Session) -> None:
        if not session.open():
            return
        for direction in session.directions():
            session.exchange(direction, 2)
            session.send(direction, lab.payload("medium", 1500))
            session.exchange(direction, 1)
            session.settle_delivery(direction)
        if lab.has("request"):
            payload = lab.payload("echo")
            answer = fetch(session, "echo", payload)
            answered.append(is_payload(answer.get("payload"), payload))
        session.close_end("client")
        session.settle_end("server")
        session.settle_end("client")

    answered: list[bool] = []
    every = [
        checks.delivered_all(direction) for direction in (BOTH_WAYS if lab.has("push") else BOTH_WAYS[:1])
    ]
    control = lab.control(script, *every)
    limit = PIECEMEAL_TCP if lab.transport == "tcp" else PIECEMEAL
    outcome = lab.attack(script, Rechunk(direction="both", sizes=sizes, limit=limit), patient=True)
    lab.require(outcome, *every, checks.same_endings(control), checks.same_views(control))
    lab.require_that(all(answered), "every request answered", "one was not", "not-answered")


@case("ORD-09", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_all_at_once(lab: Lab, direction: Direction) -> None:
    """Many messages pile up on the way and then come in one piece, more than one read takes. Every one of them must be
    delivered, in order."""
    directed(lab, direction)
    piled: list[bool] = [False]

    def script(session: Session) -> None:
        if not session.open():
            return
        if piled[0]:
            session.the_link().stall(direction, reading=False)
            poured(session, direction, [lab.payload() for _ in range(PILED)])
            session.the_link().resume(direction)
        else:
            session.exchange(direction, PILED)
        settled(session, direction)

    lab.control(script, checks.delivered_all(direction))
    piled[0] = True
    outcome = lab.attack(script, what="held everything back, then let it go at once", patient=True)
    lab.require(outcome, checks.delivered_all(direction))


@case("ORD-09", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_reader_that_is_slow(lab: Lab, direction: Direction) -> None:
    """The reader stands still while large messages are sent, so that the sender's system takes parts of them and then
    nothing; then it reads again. Every message must arrive whole, once."""
    directed(lab, direction)
    slow: list[bool] = [False]

    def script(session: Session) -> None:
        if not session.open():
            return
        if slow[0]:
            session.the_link().stall(direction, reading=False)
        payloads = [sized_payload(lab, "large") for _ in range(LARGE_ONES)]
        calls = poured(session, direction, payloads, waits=not slow[0])
        if slow[0]:
            session.settle()
            session.the_link().resume(direction)
        lab.wait(lambda: all(call.done for call in calls))
        settled(session, direction)

    lab.control(script, _all_arrived(direction))
    slow[0] = True
    outcome = lab.attack(script, what="did not read for a while", patient=True)
    lab.require(outcome, _all_arrived(direction))


def _all_arrived(direction: Direction) -> Check:
    """Everything was delivered once; calls that wait at the same time for a slow reader have no order among them."""

    def check(outcome: Outcome) -> Finding | None:
        sent, got = sorted(outcome.sent[direction]), sorted(outcome.delivered(direction))
        if sent and got == sent:
            return None
        return Finding(
            f"{len(sent)} messages delivered, each once", f"{len(got)} were, or others", "not-delivered"
        )

    return check
