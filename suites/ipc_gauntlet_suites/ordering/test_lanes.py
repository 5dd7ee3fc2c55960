"""Lanes: messages with one ordering key are handled in the order of their submission, others do not wait for them."""

import base64
from collections import defaultdict
from typing import TypedDict

import pytest

from ipc_gauntlet import Call, Cut, Direction, Lab, Selector, Session, case, receiver, sender
from ipc_gauntlet_suites.scripts import BOTH_WAYS, directed, open_or_stop

LANES = ("a", "b", "c", "")
PER_LANE = 12
TURNS = 6
NEEDS = ("ordering-keys", "request", "idempotency")


class InLane(TypedDict, total=False):
    """The members of a message that is in a lane."""

    lane: str


def _in_lane(lane: str) -> InLane:
    """The members of a message in a lane; the empty one is the common lane of those that name none."""
    return {"lane": lane} if lane else {}


def _order(lab: Lab, payloads: dict[bytes, str], operation: str) -> dict[str, list[bytes]]:
    """The payloads that were handled, lane by lane, in the order of their handling."""
    handled: dict[str, list[bytes]] = defaultdict(list)
    for one in lab.executed("server"):
        if one.operation == operation and one.payload in payloads:
            handled[payloads[one.payload]].append(one.payload)
    return handled


def _sizes(lab: Lab, shape: str) -> list[int]:
    """Sizes of the messages of a lane: a handling that looks at sizes shows in one of these orders."""
    rising = [40 + 300 * turn for turn in range(PER_LANE)]
    if shape == "shrinking":
        return rising[::-1]
    if shape == "mixed":
        lab.rng.shuffle(rising)
    return rising


@case("ORD-03", role="server", needs=(*NEEDS, "gate"), axes="each")
@pytest.mark.parametrize(
    ("blocked", "shape"),
    [("a", "growing"), ("b", "mixed"), ("", "shrinking")],
    ids=["a-growing", "b-mixed", "common-shrinking"],
)
def test_blocked_lane(lab: Lab, blocked: str, shape: str) -> None:
    """The first request of one lane takes its time; many others follow in all lanes, small and large. Those of other lanes
    must be handled meanwhile, those of the same lane must not; once the first one ends they follow in their order."""
    session = lab.session()
    open_or_stop(session)
    lab.stage("established")
    lab.require_control_that(
        session.ask("append", b"control", key=lab.key(), lane="a").ok, "append was not answered"
    )
    first = session.request("gated", b"first", **_in_lane(blocked))
    begun = lab.wait(lambda: any(one.payload == b"first" for one in lab.executed("server")))
    lab.require_control_that(begun, "the gated request did not begin")
    payloads, submitted, calls = _submit(lab, session, _sizes(lab, shape))
    free = [lane for lane in LANES if lane != blocked]
    # Until they are all done: on a busy machine a short silence is no sign that some never will be.
    lab.wait(lambda: all(call.done for lane in free for call in calls[lane]), 5.0)
    lab.did(f"held up lane {blocked or 'without a name'} and submitted {PER_LANE} requests in each of 4")
    meanwhile = _order(lab, payloads, "append")
    for lane in free:
        count = len(meanwhile[lane])
        lab.require_that(count == PER_LANE, f"all of lane {lane!r} handled", f"{count} were", "blocked")
    early = len(meanwhile[blocked])
    lab.require_that(
        early == 0, f"nothing of lane {blocked!r} handled behind its first", f"{early} were", "overtaken"
    )
    lab.configure("server", "open-gate", listener=session.served.listener if session.served else "")
    lab.wait(lambda: first.done and all(call.done for call in calls[blocked]))
    _require_order(_order(lab, payloads, "append"), submitted, lab)


def _submit(
    lab: Lab, session: Session, sizes: list[int]
) -> tuple[dict[bytes, str], dict[str, list[bytes]], dict[str, list[Call]]]:
    """Submit `append` requests to every lane in turn without waiting: lane by payload, payloads and calls by lane."""
    payloads: dict[bytes, str] = {}
    submitted: dict[str, list[bytes]] = defaultdict(list)
    calls: dict[str, list[Call]] = defaultdict(list)
    for size in sizes:
        for lane in LANES:
            payload = lab.payload("lane", size)
            payloads[payload] = lane
            submitted[lane].append(payload)
            calls[lane].append(session.request("append", payload, key=lab.key(), **_in_lane(lane)))
    return payloads, submitted, calls


def _require_order(handled: dict[str, list[bytes]], submitted: dict[str, list[bytes]], lab: Lab) -> None:
    for lane, expected in submitted.items():
        got = [expected.index(payload) for payload in handled[lane]]
        lab.require_that(
            got == list(range(len(expected))), f"lane {lane!r} in order of submission", f"{got}", "overtaken"
        )


@case("ORD-03", role="server", needs=NEEDS, axes="each")
@pytest.mark.parametrize("lanes", [1, 4])
def test_lanes_with_uneven_work(lab: Lab, lanes: int) -> None:
    """Requests that take different times are submitted in several lanes at once, the slow ones first. In each lane they must
    be handled in the order of their submission."""
    session = lab.session()
    open_or_stop(session)
    lab.stage("established")
    lab.require_control_that(session.ask("wait", b"0", lane="a").ok, "wait was not answered")
    submitted: dict[str, list[bytes]] = defaultdict(list)
    payloads: dict[bytes, str] = {}
    calls: list[Call] = []
    for turn in range(TURNS):
        for number in range(lanes):
            lane = f"lane-{number}"
            payload = b"%d" % ((TURNS - turn) * lanes - number)
            payloads[payload] = lane
            submitted[lane].append(payload)
            calls.append(session.request("wait", payload, lane=lane))
    lab.wait(lambda: all(call.done for call in calls))
    failed = sum(not session.answer(call).ok for call in calls)
    lab.require_control_that(failed == 0, f"{failed} requests failed")
    _require_order(_order(lab, payloads, "wait"), submitted, lab)


@case("ORD-03", needs=("ordering-keys",), axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
def test_lanes_of_events(lab: Lab, direction: Direction) -> None:
    """Events of several lanes and sizes pile up on the way and arrive at once. In each lane they must be delivered in the
    order of sending, and all of them."""
    directed(lab, direction)
    session = lab.session()
    open_or_stop(session)
    lab.stage("established")
    lab.require_control_that(
        session.send(direction, lab.payload(), lane="a"), "an event in a lane was not sent"
    )
    session.settle_delivery(direction)
    before = len(session.view(receiver(direction)).delivered)
    lab.require_control_that(before == 1, "an event in a lane was not delivered")
    session.the_link().stall(direction, reading=False)
    submitted: dict[str, list[bytes]] = defaultdict(list)
    calls: list[Call] = []
    for turn in range(PER_LANE):
        for lane in LANES:
            payload = lab.payload("lane", 500 if (turn + len(lane)) % 2 else 40)
            submitted[lane].append(payload)
            session.sent[direction].append(payload)
            text = base64.b64encode(payload).decode("ascii")
            calls.append(session.submit(sender(direction), "send", payload=text, **_in_lane(lane)))
    lab.wait(lambda: all(call.done for call in calls))
    session.the_link().resume(direction)
    session.settle_delivery(direction)
    delivered = session.view(receiver(direction)).delivered[before:]
    handled = {lane: [one for one in delivered if one in payloads] for lane, payloads in submitted.items()}
    _require_order(handled, submitted, lab)


@case("ORD-03", needs=(*NEEDS, "retries"), axes="each")
@pytest.mark.parametrize("lane", ["a", ""], ids=["named", "common"])
def test_retry_keeps_its_place(lab: Lab, lane: str) -> None:
    """The connection is cut under the first of several requests of one lane, and the client tries again by itself. No
    request that was submitted behind it may be handled before it."""
    retry = {"attempts": 6, "base_ms": 20, "cap_ms": 40}
    control = lab.session()
    open_or_stop(control)
    lab.stage("established")
    answer = control.ask("append", b"control", key=lab.key(), retry=retry, **_in_lane(lane))
    lab.require_control_that(answer.ok, f"a request that need not be repeated: {answer}")
    cut = Cut(at=Selector(direction="c2s", nth=0))
    session = lab.session(faults=(cut,))
    open_or_stop(session)
    submitted = [lab.payload("retried") for _ in range(4)]
    calls = [
        session.request("append", payload, key=lab.key(), retry=retry, deadline_ms=20_000, **_in_lane(lane))
        for payload in submitted
    ]
    lab.wait(lambda: all(call.done for call in calls))
    lab.record(session, "cut the connection under the first of 4 requests of one lane")
    answers = [session.answer(call) for call in calls]
    done = sum(answer.ok for answer in answers)
    lab.require_that(done == 4, "all repeated until they were answered", f"{done} of 4 were", "not-repeated")
    handled = _order(lab, dict.fromkeys(submitted, lane), "append")
    _require_order(handled, {lane: submitted}, lab)
