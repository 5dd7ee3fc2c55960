"""After a time-out: nothing is left behind, and the caller is told the truth about the effect."""

import pytest

from ipc_gauntlet import Lab, Role, Session, case
from ipc_gauntlet_suites.scripts import BOTH_ROLES, open_or_stop
from ipc_gauntlet_suites.timeouts.test_budgets import DEADLINE_MS, NEEDS, opened
from ipc_gauntlet_suites.timeouts.virtual import virtual

IDLE_MS = 613
PROBE_MS = 307
SESSIONS = 6


@case("TIME-09", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("form", ["between-records", "mid-record"])
def test_timeouts_leave_nothing(lab: Lab, role: Role, form: str) -> None:
    """Several sessions lose their peer, between two records or in the middle of one, and end by their time-outs. When they
    have, this end holds as many descriptors, threads and connections as before, though the peer still holds its own."""
    lab.judge(role)
    options = virtual(idle_ms=IDLE_MS, probe_ms=PROBE_MS)
    served = lab.listen(options=options)
    first = lab.session(served=served, options=options, virtual=True)
    open_or_stop(first)
    first.close_end("client")
    lab.wait(lambda: first.is_over("server") and first.is_over("client"), 4.0)
    first.close()
    before = lab.resources(role)
    inward = "s2c" if role == "client" else "c2s"
    sessions: list[Session] = []
    for _ in range(SESSIONS):
        session = lab.session(served=served, options=options, virtual=True)
        open_or_stop(session)
        link = session.the_link()
        link.stall("both", reading=True)
        if form == "mid-record":
            link.inject(inward, link.recording(inward)[-1][:7])  # type: ignore[arg-type]
        sessions.append(session)
    lab.settle()
    lab.require_control_that(bool(before) and lab.resources(role) != before, "open sessions are counted")
    lab.advance(IDLE_MS, role)
    lab.settle()
    lab.advance(PROBE_MS, role)
    lab.wait(lambda: all(session.is_over(role) for session in sessions), 4.0)
    lab.did(f"{SESSIONS} sessions of the {role} lost their peer ({form}) and timed out")
    lab.record(sessions[-1])
    lab.stage("established")
    over = sum(session.is_over(role) for session in sessions)
    lab.require_that(over == SESSIONS, f"{SESSIONS} sessions to end", f"{over} did", "no-timeout")
    lab.require_resources(role, before)


@case("TIME-09", needs=(*NEEDS, "idempotency"), role="client")
@pytest.mark.parametrize("key", [True, False], ids=["keyed", "plain"])
def test_executed_but_not_answered(lab: Lab, key: bool) -> None:
    """The server executes a request, its reply is lost, and the caller's deadline passes. The caller is not told that
    nothing happened, nor that it surely did: what was sent has an unknown outcome."""
    session = opened(lab)
    session.the_link().stall("s2c", reading=True)
    payload = lab.payload("executed")
    operation = "append" if key else "echo"
    call = session.request(operation, payload, key=lab.key() if key else None, deadline_ms=DEADLINE_MS)
    executed = lab.wait(lambda: any(one.payload == payload for one in lab.executed()), 4.0)
    lab.require_control_that(executed, "the server executes the request")
    lab.advance(DEADLINE_MS, "client")
    answer = session.answer(call)
    lab.did("the server executed a request, and its reply was lost")
    lab.record(session)
    lab.stage("established")
    lab.require_that(not answer.ok, "a failure", f"{answer}", "false-outcome")
    lab.require_that(answer.executed == "unknown", "an unknown outcome", f"{answer}", "false-outcome")


@case("TIME-09", needs=NEEDS, role="client")
def test_certainly_not_sent(lab: Lab) -> None:
    """The peer does not read, so that nothing more can be sent, and a request's deadline passes before it has left. The
    caller is told in time, and that it was not executed; it is not executed later either."""
    session = opened(lab, write_ms=100_000)
    link = session.the_link()
    link.stall("c2s", reading=False)
    flood = session.flood("c2s", 48 * 1024, 24 * 1024 * 1024, timeout_s=0.3)
    lab.require_control_that(flood.blocked, "sending blocks")
    payload = lab.payload("late")
    call = session.request("echo", payload, deadline_ms=DEADLINE_MS)
    session.settle(lambda: call.done)
    lab.advance(DEADLINE_MS, "client")
    told = lab.wait(lambda: call.done, 4.0)
    lab.did("a request waited behind a peer that does not read until its deadline had passed")
    lab.record(session)
    lab.stage("established")
    lab.require_that(told, "the caller to be told at its deadline", "it still waits", "no-timeout")
    answer = session.answer(call)
    lab.require_that(
        answer.executed == "no", "a request that never left not to be executed", f"{answer}", "false-outcome"
    )
    link.resume("c2s")
    session.settle()
    ran = any(one.payload == payload for one in lab.executed())
    lab.require_that(not ran, "it not to be executed", "it was", "false-outcome")
