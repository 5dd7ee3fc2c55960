"""Deadlines of requests by virtual time: the caller's, the responder's, and what is left of one for the next attempt."""

import pytest

from ipc_gauntlet import Call, Lab, Session, case
from ipc_gauntlet_suites.scripts import open_or_stop
from ipc_gauntlet_suites.timeouts.virtual import LONGEST_MS, exactly, virtual

DEADLINE_MS = 1613
HOUR_MS = 3_600_000
BUDGET = 7
UNAVAILABLE = 13
NEEDS = ("request", "virtual-clock")


def opened(lab: Lab, **timeouts_ms: int) -> Session:
    """An open session on virtual time in which nobody probes, after one request that worked: the control."""
    session = lab.session(options=virtual(idle_ms=LONGEST_MS, **timeouts_ms), virtual=True)
    open_or_stop(session)
    answer = session.ask("echo", b"hello")
    lab.require_control_that(answer.ok and answer.payload == b"hello", f"echo gave {answer}")
    return session


def under_way(session: Session, call: Call) -> Call:
    """Wait until a request has reached the server and nothing moves any more."""
    session.settle(lambda: call.done)
    return call


@case("TIME-05", needs=NEEDS, role="client")
@pytest.mark.parametrize("source", ["explicit", "configured", "default"])
def test_deadline_by_the_tick(lab: Lab, source: str) -> None:
    """The responder never answers: its clock stands still. With the last tick of the deadline, whether it came with the
    request, from the configuration or from nobody, the caller is told that the time is over, and not before."""
    session = opened(lab, request_ms=DEADLINE_MS) if source == "configured" else opened(lab)
    deadline = DEADLINE_MS if source == "explicit" else None
    call = under_way(session, session.request("wait", b"60000", deadline_ms=deadline))
    limit_ms = round(lab.timeouts.get("request_ms", 0)) if source == "default" else DEADLINE_MS
    lab.did(f"the responder does not answer; the deadline is {source}")
    lab.record(session)
    lab.stage("established")
    lab.require_that(limit_ms > 0, "a default for deadlines", "none is declared", "no-timeout")
    exactly(lab, lambda: call.done, limit_ms, "client", what="the caller to be told")
    answer = session.answer(call)
    lab.require_that(answer.reason == "timeout", "an error of class timeout", f"{answer}", "other-error")


@case("TIME-05", needs=NEEDS, role="client")
@pytest.mark.parametrize("reply", ["in-pieces", "one-tick-early", "with-the-tick"])
def test_replies_around_the_deadline(lab: Lab, reply: str) -> None:
    """A reply that has come in time is the outcome; one of which only the beginning has come does not move the deadline,
    however many pieces still come; one that comes after it is nobody's, and the session goes on."""
    session = opened(lab)
    link = session.the_link()
    call = under_way(session, session.request("wait", b"5", deadline_ms=DEADLINE_MS))
    heard = link.count("s2c")
    link.stall("s2c", reading=True)
    lab.advance(5, "server")
    session.settle(lambda: link.count("s2c") > heard)
    frame = link.recording("s2c")[-1]
    lab.record(session)
    lab.stage("established")
    lab.did(f"the reply came {reply}")
    if reply == "in-pieces":
        lab.advance(DEADLINE_MS - 400, "client")
        for index in range(2):
            link.inject("s2c", frame[index : index + 1])
            session.settle(lambda: call.done)
        exactly(lab, lambda: call.done, 400, "client", what="the caller to be told")
        lab.require_that(
            session.answer(call).reason == "timeout", "a time-out", f"{session.answer(call)}", "other-error"
        )
        return
    lab.advance(DEADLINE_MS - (reply == "one-tick-early"), "client")
    if reply == "with-the-tick":
        lab.wait(lambda: call.done, 4.0)
    link.inject("s2c", frame)
    link.resume("s2c")
    answer = session.answer(call, 4.0)
    if reply == "one-tick-early":
        lab.require_that(answer.ok, "the reply that came in time", f"{answer}", "early")
    else:
        lab.require_that(answer.reason == "timeout", "a time-out", f"{answer}", "late")


@case("TIME-05", needs=NEEDS, role="client", wire="sipc/1")
def test_every_deadline_is_finite(lab: Lab) -> None:
    """The caller asks for a deadline of a thousand years. It is cut to the longest there is, ten minutes, and the caller
    is told when they are over."""
    session = opened(lab)
    call = under_way(session, session.request("wait", b"60000", deadline_ms=1000 * 365 * 86_400_000))
    lab.record(session)
    lab.stage("established")
    exactly(lab, lambda: call.done, 600_000, "client", what="the caller to be told")


@case("TIME-06", needs=(*NEEDS, "gate", "idempotency"), role="server")
@pytest.mark.parametrize("operation", ["echo", "append"])
@pytest.mark.parametrize("passed", ["in-time", "expired", "wall-forward", "wall-back"])
def test_queued_until_expired(lab: Lab, operation: str, passed: str) -> None:
    """A request waits behind another one that a gate holds up, until its budget is over by the responder's own clock. Then
    the gate opens: the request is not executed. With one tick left it is, whatever the wall clock says meanwhile."""
    session = opened(lab)
    listener = session.served.listener if session.served is not None else ""
    session.request("gated", b"first", deadline_ms=HOUR_MS // 10)
    lab.wait(lambda: any(one.operation == "gated" for one in lab.executed()), 4.0)
    payload = lab.payload("queued")
    key = lab.key() if operation == "append" else None
    call = under_way(session, session.request(operation, payload, key=key, deadline_ms=DEADLINE_MS))
    expired = passed in ("expired", "wall-back")
    if passed.startswith("wall"):
        lab.step_wall(HOUR_MS if passed == "wall-forward" else -HOUR_MS, "server")
    lab.advance(DEADLINE_MS - (not expired), "server")
    session.settle(lambda: call.done)
    lab.did(f"a request waits in the queue, {passed}; then the gate opens")
    lab.configure("server", "open-gate", listener=listener)
    session.settle(lambda: call.done and not expired)
    if passed.startswith("wall"):
        lab.step_wall(-HOUR_MS if passed == "wall-forward" else HOUR_MS, "server")
    ran = any(one.payload == payload for one in [*lab.executed(), *lab.ledger()])
    lab.record(session)
    lab.stage("established")
    if expired:
        lab.require_that(not ran, "expired work not to be executed", "it was executed", "expired-executed")
    else:
        lab.require_that(ran, "work with time left to be executed", "it was refused", "refused-in-time")


@case("TIME-06", needs=(*NEEDS, "work"), role="server")
def test_started_work_stops(lab: Lab) -> None:
    """Work of ten checkpoints has a budget for three and a half. It stops at the next checkpoint behind it: the budget
    counts on the responder's own clock, whether its caller has given up or not."""
    session = opened(lab)
    call = under_way(session, session.request("work", b"10,100", deadline_ms=350))
    for _ in range(10):
        lab.advance(100, "server")
        session.settle()
    done = sum(one.operation == "work" for one in lab.executed())
    lab.did("let all ten steps' time pass at the responder")
    lab.record(session)
    lab.stage("established")
    lab.require_control_that(done >= 3, f"{done} checkpoints before the deadline")
    lab.require_that(done == 3, "three checkpoints, then an end", f"{done} checkpoints", "went-on")
    lab.require_that(call.done and not session.answer(call).ok, "a refusal", "none", "no-refusal")


@case("TIME-06", needs=(*NEEDS, "retries"), role="client", wire="sipc/1")
@pytest.mark.parametrize("wall_ms", [0, HOUR_MS, -HOUR_MS])
def test_attempts_share_the_budget(lab: Lab, wall_ms: int) -> None:
    """A server calls itself unavailable at every attempt. What is written into each attempt as its budget is what is left
    of the one deadline, a duration and no date; and when the deadline has come, the caller has its outcome."""
    peer = lab.wire_server()
    conn = lab.attempt_to(peer, options=virtual(idle_ms=LONGEST_MS))
    lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
    peer.pilot.serve = lambda fields: (UNAVAILABLE, None)
    retry = {"attempts": 50, "base_ms": 400, "cap_ms": 400}
    ask = {
        "conn": conn,
        "kind": "request",
        "operation": "echo",
        "payload": "eA==",
        "deadline_ms": DEADLINE_MS,
        "retry": retry,
    }
    call = lab.submit("client", "send", ask)
    passed, seen = 0, 0
    if wall_ms:
        lab.step_wall(wall_ms, "client")
    lab.stage("established")
    while True:
        peer.settle()
        for one in peer.messages[seen:]:
            budget = one.fields.get(BUDGET)
            left = DEADLINE_MS - passed
            right = isinstance(budget, int) and 0 < budget <= left
            lab.require_that(right, f"a budget of at most {left} ms", f"{budget}", "budget-not-shared")
        seen = len(peer.messages)
        if passed == DEADLINE_MS:
            break
        step = min(400, DEADLINE_MS - passed)
        lab.advance(step, "client")
        passed += step
    if wall_ms:
        lab.step_wall(-wall_ms, "client")
    lab.did(f"{seen} attempts within {DEADLINE_MS} ms of virtual time")
    lab.require_control_that(seen > 1, f"{seen} attempts")
    lab.require_that(lab.wait(lambda: call.done, 4.0), "an outcome at the deadline", "none", "late")


@case("TIME-06", needs=(*NEEDS, "retries"), role="client")
def test_a_new_connection_brings_no_new_time(lab: Lab) -> None:
    """After a third of the deadline the connection is cut; the client repeats its request over another one, and again
    nobody answers. All attempts together end with the last tick of the one deadline."""
    session = opened(lab)
    retry = {"attempts": 8, "base_ms": 1, "cap_ms": 1}
    call = under_way(session, session.request("wait", b"60000", deadline_ms=DEADLINE_MS, retry=retry))
    lab.advance(500, "client")
    session.the_link().cut("reset")
    session.settle(lambda: call.done)
    lab.advance(5, "client")
    session.settle(lambda: call.done)
    links = len(session.relay.links) if session.relay else 0
    lab.record(session)
    lab.did(f"cut the connection after 500 ms; there were {links} connections")
    lab.require_control_that(links > 1, "the client connected again")
    lab.stage("established")
    exactly(lab, lambda: call.done, DEADLINE_MS - 505, "client", what="the caller to be told")
