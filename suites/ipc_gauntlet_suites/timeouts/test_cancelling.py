"""A handler that nobody waits for any more: it is told, stops at its next checkpoint, and is counted until then."""

import pytest

from ipc_gauntlet import Lab, Session, case
from ipc_gauntlet_suites.timeouts.test_budgets import opened

STEP_MS = 1000
CALL = 3
CANCELLED = 8
BUSY = 3
MOST = 64
CANCEL_KIND = 3
NEEDS = ("request", "virtual-clock", "work")


def checkpoints(lab: Lab) -> int:
    """How many checkpoints `work` has passed."""
    return sum(one.operation == "work" for one in lab.executed())


def let_work(lab: Lab, session: Session, steps: int) -> None:
    """Let the time of some checkpoints pass at the server, and wait until they are passed."""
    for _ in range(steps):
        before = checkpoints(lab)
        lab.advance(STEP_MS, "server")
        if not lab.wait(lambda: checkpoints(lab) > before, 4.0):  # noqa: B023 - asked before it changes
            lab.require_control_that(False, "a checkpoint was not passed in its time")
    session.settle()


def running(lab: Lab) -> int | None:
    """How many handlers run, where the server's driver counts."""
    return lab.metrics("server")["running"] if lab.has("metrics") else None


@case("TIME-13", needs=NEEDS, role="server")
@pytest.mark.parametrize("how", ["cancel", "abort", "cut", "revoke", "deadline"])
def test_work_ends_at_its_next_checkpoint(lab: Lab, how: str) -> None:
    """Work is half done when its caller cancels it, goes away, is cut off or shut out, or its time is over. It counts as
    running until its next checkpoint, ends there, and has no further effect; what waits behind it is not begun."""
    needed = {"cancel": "cancel", "revoke": "revocation"}
    if how in needed:
        lab.need(needed[how], f"it cannot {how}")
    session = opened(lab)
    tag = {"tag": "work"} if how == "cancel" else {}
    deadline = 2 * STEP_MS + STEP_MS // 2 if how == "deadline" else 500_000
    call = session.request("work", b"10,1000", deadline_ms=deadline, **tag)  # type: ignore[arg-type]
    session.settle()
    behind = lab.payload("behind")
    if how in ("abort", "cut", "revoke"):
        session.request("echo", behind, deadline_ms=500_000)
        session.settle()
    let_work(lab, session, 2)
    lab.require_control_that(checkpoints(lab) == 2, f"{checkpoints(lab)} checkpoints passed in their time")
    passed = _stop(lab, session, how)
    lab.wait(lambda: call.done or session.is_over("server"), 4.0)
    session.settle()
    lab.did(f"work of ten steps was stopped after two: {how}")
    lab.record(session)
    lab.stage("established")
    if running(lab) is not None:
        lab.require_that(
            running(lab) == 1, "work to count until it ends", f"{running(lab)} running", "uncounted"
        )
    lab.advance(STEP_MS - passed, "server")
    if lab.has("metrics"):
        lab.require_that(
            lab.poll(lambda: running(lab) == 0, 4.0),
            "work to end at its next checkpoint",
            "it still runs",
            "went-on",
        )
    for _ in range(3):
        lab.advance(STEP_MS, "server")
        session.settle()
    lab.require_that(
        checkpoints(lab) == 2, "no effect any more", f"{checkpoints(lab)} checkpoints", "went-on"
    )
    begun = any(one.payload == behind for one in lab.executed())
    lab.require_that(not begun, "what waits behind it not to begin", "it was executed", "queued-executed")


def _stop(lab: Lab, session: Session, how: str) -> int:
    """Have nobody wait for the work any more; returns how much of the server's time that took."""
    if how == "cancel":
        session.cancel("work")
    elif how == "abort":
        session.close_end("client", "abort")
    elif how == "cut":
        session.the_link().cut("reset")
    elif how == "revoke":
        served = session.served
        if served is not None:
            lab.configure("server", "revoke", listener=served.listener, name=served.deployment.client.name)
    else:
        lab.advance(STEP_MS // 2)
        return STEP_MS // 2
    return 0


@case("TIME-13", needs=(*NEEDS, "cancel", "idempotency"), role="server")
def test_half_done_work_is_settled(lab: Lab) -> None:
    """Work with an idempotency key is cancelled half-way. After it has ended, a duplicate is told that the outcome is not
    known: it neither executes again nor waits for ever behind something that is not there any more."""
    session = opened(lab)
    key = lab.key()
    call = session.request("work", b"10,1000", key=key, deadline_ms=500_000, tag="work")
    session.settle()
    let_work(lab, session, 2)
    session.cancel("work")
    session.settle(lambda: call.done)
    # The caller may hear of it a moment before the handler does.
    lab.pause_until_quiet(lambda: False)
    lab.advance(STEP_MS, "server")
    session.settle()
    lab.did("cancelled work with a key after two of ten steps, then sent its duplicate")
    again = session.request("work", b"10,1000", key=key, deadline_ms=500_000)
    lab.wait(lambda: again.done, 4.0)
    lab.record(session)
    lab.stage("established")
    lab.require_that(again.done, "an answer to the duplicate", "none", "unsettled")
    answer = session.answer(again)
    lab.require_that(answer.executed == "unknown", "an unknown outcome", f"{answer}", "false-outcome")
    lab.require_that(
        answer.code != "in_progress", "work that is over not to be in progress", f"{answer}", "unsettled"
    )
    lab.require_that(
        checkpoints(lab) == 2, "no second execution", f"{checkpoints(lab)} checkpoints", "went-on"
    )


@case("TIME-13", needs=("request", "gate"), role="server", wire="sipc/1", axes="each")
def test_cancelling_makes_no_room(lab: Lab) -> None:
    """A client fills the server with requests and cancels each one as soon as it runs. Each is answered once, as cancelled;
    but what cannot be stopped at once still counts: there is no room for more until it has ended, and then there is."""
    served = lab.listen()
    peer = lab.wire_client(served)
    lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
    first = peer.request("echo", b"x", okey=b"echo", budget=60_000)
    answered = peer.response_to(first)
    lab.require_control_that(answered is not None and answered.fields[15] == 0, "echo was not answered")
    mids = [peer.request("gated", b"%d" % n, okey=b"%d" % n, budget=60_000) for n in range(MOST)]
    filled = lab.wait(lambda: sum(one.operation == "gated" for one in lab.executed()) == MOST, 10.0)
    lab.require_control_that(filled, "the server takes that many requests at once")
    for mid in mids:
        peer.message({1: CANCEL_KIND, CALL: mid})
    for mid in mids:
        peer.response_to(mid, 4.0)
    lab.did(f"{MOST} requests were cancelled while they ran")
    lab.stage("established")
    told = {tuple(one.fields[15] for one in peer.responses.get(mid, [])) for mid in mids}
    lab.require_that(told == {(CANCELLED,)}, "each request answered once, as cancelled", f"{told}", "reply")
    more = peer.response_to(peer.request("gated", b"more", okey=b"more", budget=60_000), 2.0)
    status = None if more is None else more.fields[15]
    lab.require_that(status == BUSY, "no room for more", f"status {status}", "uncounted")
    lab.configure("server", "open-gate", listener=served.listener)
    peer.settle()
    after = peer.response_to(peer.request("echo", b"x", okey=b"echo", budget=60_000))
    status = None if after is None else after.fields[15]
    lab.require_that(status == 0, "room again when all have ended", f"status {status}", "never-freed")
    replies = {len(peer.responses.get(mid, [])) for mid in mids}
    lab.require_that(replies == {1}, "no reply after the cancellation", f"{replies} replies", "reply")
