"""Time-outs of an established session: silence, a peer that stops reading, closing, and requests."""

import pytest

from ipc_gauntlet import Direction, Hold, Lab, NotApplicable, Role, Selector, Session, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, answer_of, fetch, is_payload, numbered, open_or_stop
from ipc_gauntlet_suites.timeouts.limits import Timer, require_in_bounds, timer, wait_limit

CHUNK = 48 * 1024
FLOOD_LIMIT = 24 * 1024 * 1024
MEMORY_LIMIT = 96 * 1024 * 1024
# More than kernels keep for a reader that has stopped, and the shortest wait that is one.
TAKEN_LIMIT = 4 * 1024 * 1024
LEAST_BLOCKED_S = 0.05
SOON_S = 0.3
TIMED_OUT_REQUESTS = 20


@case("TIME-04", timing=True)
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_dead_peer(lab: Lab, role: Role) -> None:
    """Everything vanishes in both directions. This end must notice within its idle and probe times that nobody is
    there, and must not call that a clean end."""
    lab.judge(role)
    idle = timer(lab, idle_ms=600, probe_ms=300)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), options=idle.options)
    session = lab.session(options=idle.options)
    start = lab.reactor.now()
    open_or_stop(session)
    session.the_link().stall("both", reading=True)
    noticed = lab.wait(lambda: session.is_over(role), wait_limit(lab, idle))
    elapsed = lab.reactor.now() - start if noticed else None
    lab.did("all bytes in both directions vanish from one moment on")
    outcome = session.finish()
    lab.record(session)
    require_in_bounds(lab, idle, elapsed, f"the {role} to notice that its peer is gone")
    lab.require(outcome, checks.not_clean(role))
    lab.advise(outcome, checks.refused_for(role, "timeout"))


@case("TIME-04", timing=True, control=False)
def test_idle_session_survives(lab: Lab) -> None:
    """Nobody says anything for five times the idle time, but both ends are there. The session must survive."""
    idle = timer(lab, idle_ms=300, probe_ms=300)
    if idle.seconds is None:
        raise NotApplicable("the implementation declares no idle timer that could end a live session")
    session = lab.session(options=idle.options)
    open_or_stop(session)
    lab.pause(5 * idle.seconds)
    session.exchange("c2s", 2)
    session.settle_delivery("c2s")
    lab.did("left a good session alone for five times its idle time")
    lab.require(session.finish(), checks.delivered_all("c2s"))


@case("TIME-05", timing=True, needs=("request",), role="client")
@pytest.mark.parametrize("source", ["explicit", "default"])
def test_request_deadline(lab: Lab, source: str) -> None:
    """The responder takes far longer than the request's deadline. The caller must be told that the time is over, not
    before the deadline and not much later; also when it set no deadline of its own."""
    limit = timer(lab, request_ms=300) if source == "default" else Timer("deadline_ms", 0.3)
    session = lab.session(options=limit.options)
    open_or_stop(session)
    lab.require_control_that(fetch(session, "echo", b"hello").get("status") == "ok", "echo was not answered")
    start = lab.reactor.now()
    deadline = 300 if source == "explicit" else None
    call = session.request("wait", b"60000", deadline_ms=deadline)
    finished = lab.wait(lambda: call.done, wait_limit(lab, limit))
    elapsed = lab.reactor.now() - start if finished else None
    lab.did(f"asked for an operation of 60 s with a deadline of 0.3 s ({source})")
    lab.stage("established")
    require_in_bounds(lab, limit, elapsed, "the caller to be told that the deadline has passed")
    answer = answer_of(call)
    told = answer.get("status") == "error" and answer.get("reason") == "timeout"
    lab.require_that(told, "an error of class timeout", f"{answer!r}", "other-error")


@case("TIME-09", timing=True, needs=("request",), role="client")
def test_late_replies_reach_nobody(lab: Lab) -> None:
    """Requests time out and their replies come late. No later request may be answered with them, the caller must be
    told that the outcome is unknown, and nothing may be left behind."""
    session = lab.session()
    open_or_stop(session)
    lab.require_control_that(fetch(session, "echo", b"hello").get("status") == "ok", "echo was not answered")
    lab.stage("established")
    before = lab.resources("client")
    late = [session.request("wait", b"150", deadline_ms=30) for _ in range(TIMED_OUT_REQUESTS)]
    lab.wait(lambda: all(call.done for call in late))
    for call in late:
        answer = answer_of(call)
        told = answer.get("status") == "error" and answer.get("executed") in ("unknown", "no")
        lab.require_that(told, "a time-out that leaves the outcome open", f"{answer!r}", "false-outcome")
    for _ in range(5):
        payload = lab.payload("echo")
        answer = fetch(session, "echo", payload)
        lab.require_that(
            answer.get("status") == "ok" and is_payload(answer.get("payload"), payload),
            "a later request answered with its own reply",
            f"{answer!r}",
            "cross-talk",
        )
        lab.pause(0.04)
    lab.did(f"{TIMED_OUT_REQUESTS} requests timed out and were answered late, 5 others ran meanwhile")
    lab.require_resources("client", before)


@case("TIME-09", timing=True)
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_stalled_in_mid_record(lab: Lab, role: Role) -> None:
    """Half a record arrives, then nothing for a while, then the rest. The message must be delivered whole or the
    session must end; nothing may be mis-framed."""
    lab.judge(role)
    direction: Direction = "c2s" if role == "server" else "s2c"
    if direction == "s2c":
        lab.need("push", "its servers cannot send unasked")

    def script(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, 1)
        session.send(direction)
        for frame in session.the_link().held(direction):
            session.the_link().inject(direction, frame[:7])
            lab.pause(0.4)
            session.the_link().inject(direction, frame[7:])
        session.exchange(direction, 2)
        session.settle_delivery(direction)

    lab.control(script, checks.delivered_all(direction))
    hold = Hold(at=Selector(direction=direction, nth=1))
    outcome = lab.attack(script, hold, what="the second record stopped after 7 bytes for 0.4 s, then went on")
    lab.stage("established")
    lab.require(outcome, checks.delivered_prefix(direction), checks.delivered_only_sent(direction))


@case("TIME-10", timing=True)
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("peer", ["silent", "not-reading"])
def test_close_is_bounded(lab: Lab, role: Role, peer: str) -> None:
    """The peer neither reads nor answers. Closing must return within its drain time all the same."""
    lab.judge(role)
    drain = timer(lab, drain_ms=400, write_ms=400)

    def good(session: Session) -> None:
        open_or_stop(session)
        lab.require_control_that(session.close_end(role), "closing did not return in a good session")

    lab.control(good, options=drain.options)
    session = lab.session(options=drain.options)
    open_or_stop(session)
    session.the_link().stall("both", reading=peer == "silent")
    if peer == "not-reading":
        session.flood("c2s" if role == "client" else "s2c", CHUNK, FLOOD_LIMIT)
    start = lab.reactor.now()
    limit = wait_limit(lab, drain)
    returned = session.close_end(role, timeout_s=limit)
    elapsed = lab.reactor.now() - start
    lab.did(f"the peer is {peer}, then the {role} closes")
    lab.record(session)
    lab.stage("closing")
    lab.require_that(returned, f"close to return within {limit:.1f} s", "it did not return", "no-timeout")
    lab.note(f"close returned after {elapsed:.2f} s")


@case("TIME-11", timing=True, role="client")
def test_peer_that_stops_reading(lab: Lab) -> None:
    """The peer stops reading while this end keeps sending. Sending must block and then fail with its write time-out;
    memory must not grow without bound, and other sessions must not suffer."""
    # Long enough for a sender that never waits to swallow what no good one takes, on a busy machine, too.
    write = timer(lab, write_ms=1500)
    served = lab.listen(options=write.options)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served, options=write.options)
    session = lab.session(served=served, options=write.options)
    open_or_stop(session)
    other = lab.session(served=served)
    open_or_stop(other)
    before = lab.memory("client")
    start = lab.reactor.now()
    session.the_link().stall("c2s", reading=False)
    flood = session.flood("c2s", CHUNK, FLOOD_LIMIT, timeout_s=wait_limit(lab, write))
    stalled_s = lab.reactor.now() - start
    grown = lab.memory("client") - before
    lab.did(f"stopped reading; the client sent {flood.sent_bytes >> 20} MiB before {flood.how}")
    lab.record(session)
    lab.stage("established")
    # A sender that never waits sees its session end by the write time-out, too: of what it has swallowed by then. One
    # that refuses instead of waiting does so long before the end.
    waited = flood.blocked_s >= LEAST_BLOCKED_S or not lab.wait(lambda: session.is_over("client"), SOON_S)
    lab.require_that(
        flood.blocked and (waited or flood.sent_bytes < TAKEN_LIMIT),
        "sending to block or to be refused",
        f"{flood.sent_bytes >> 20} MiB were swallowed, the last call took {flood.blocked_s:.3f} s",
        "unbounded",
    )
    lab.require_that(grown < MEMORY_LIMIT, "bounded memory", f"it grew by {grown >> 20} MiB", "memory")
    other.exchange("c2s", 2)
    other.settle_delivery("c2s")
    went_on = checks.delivered_all("c2s")(other.outcome())
    lab.require_that(
        went_on is None, "the other session to go on", went_on.seen if went_on else "it did", "starved"
    )
    require_in_bounds(
        lab, write, flood.blocked_s if flood.failed else None, "the blocked sending to fail", stalled_s
    )
