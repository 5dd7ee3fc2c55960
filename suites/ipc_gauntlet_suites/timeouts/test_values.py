"""Times that the peer says: every extreme value has a defined result, none of them means for ever."""

import math

import pytest

from ipc_gauntlet import Lab, Quirks, RecordQuirks, Role, WirePeer, case, cbor
from ipc_gauntlet_suites.scripts import BOTH_ROLES
from ipc_gauntlet_suites.timeouts.virtual import LONGEST_MS, exactly, virtual

BUDGET = 7
NAN = cbor.floating(math.nan)
INFINITE = cbor.floating(math.inf)
MOST_MS = 600_000
BAD_BUDGETS = {
    "zero": 0,
    "negative": -1,
    "one-more": MOST_MS + 1,
    "2^31": 1 << 31,
    "2^63": 1 << 63,
    "2^64-1": (1 << 64) - 1,
    "-2^63": -(1 << 63),
    "nan": NAN,
    "infinite": INFINITE,
    "text": "500",
    "absent": ...,
}
BAD_READY = {
    "idle-zero": (3, 0),
    "idle-negative": (3, -1),
    "idle-one-more": (3, LONGEST_MS + 1),
    "idle-2^63": (3, 1 << 63),
    "idle-2^64-1": (3, (1 << 64) - 1),
    "idle-nan": (3, NAN),
    "idle-absent": (3, ...),
    "rekey-zero": (2, 0),
    "rekey-one": (2, 1),
    "rekey-2^63": (2, 1 << 63),
    "rekey-absent": (2, ...),
}
BAD_PAUSES = {"negative": -1, "one-more": MOST_MS + 1, "2^63": 1 << 63, "2^64-1": (1 << 64) - 1, "nan": NAN}


def connected(lab: Lab, role: Role, quirks: Quirks = Quirks()) -> WirePeer:  # noqa: B008 - it is frozen
    """A peer of an implementation in a role, on virtual time; nothing has been said yet."""
    options = virtual(idle_ms=LONGEST_MS)
    if role == "server":
        return lab.wire_client(lab.listen(options=options), quirks=quirks)
    peer = lab.wire_server(quirks=quirks)
    lab.attempt_to(peer, options=options)
    return peer


def usable(lab: Lab, role: Role) -> None:
    """Demand that the implementation is alive and has a good session with the next peer."""
    peer = connected(lab, role)
    lab.require_that(peer.handshake(), "the next session to work", f"{peer.ended}", "unusable")


@case("TIME-08", wire="sipc/1", needs=("virtual-clock", "request"), role="server")
@pytest.mark.parametrize("name", BAD_BUDGETS)
def test_budgets_that_are_none(lab: Lab, name: str) -> None:
    """A request carries a budget that is none. It is not executed, the session ends with an error as the protocol says,
    and the next one works. The smallest and the largest budget there are do no harm."""
    for good in (1, MOST_MS):
        peer = connected(lab, "server")
        lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
        answer = peer.response_to(peer.request("echo", b"control", budget=good))
        lab.require_control_that(
            answer is not None and answer.fields[15] == 0, f"a budget of {good} ms was refused"
        )
    peer = connected(lab, "server")
    lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
    peer.request("echo", b"attack", budget=BAD_BUDGETS[name])
    end = peer.wait_end(4.0)
    lab.did(f"a request with the budget {name}")
    lab.stage("established")
    executed = any(one.payload == b"attack" for one in lab.executed())
    lab.require_that(not executed, "the request not to be executed", "it was", "accepted")
    lab.require_that(end == "error", "the session to end with an error", f"{end}", "undefined")
    usable(lab, "server")


@case("TIME-08", wire="sipc/1", needs=("virtual-clock", "request", "gate"), role="server")
@pytest.mark.parametrize("budget", [1, 1777, MOST_MS])
def test_budgets_are_milliseconds(lab: Lab, budget: int) -> None:
    """The smallest, the largest and some budget: the server answers that the deadline is exceeded with exactly that many
    milliseconds, neither a thousand times later nor never."""
    peer = connected(lab, "server")
    lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
    answer = peer.response_to(peer.request("echo", b"control", budget=budget))
    lab.require_control_that(answer is not None and answer.fields[15] == 0, "echo was refused")
    mid = peer.request("gated", b"x", budget=budget)
    lab.wait(lambda: any(one.operation == "gated" for one in lab.executed()), 4.0)
    lab.did(f"a request that is never answered, with a budget of {budget} ms")
    lab.stage("established")
    exactly(
        lab, lambda: mid in peer.responses, budget, "server", what="the answer that the deadline is exceeded"
    )
    status = peer.responses[mid][0].fields[15]
    lab.require_that(status == 7, "status 7", f"{status}", "undefined")


@case("TIME-08", wire="sipc/1", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("name", BAD_READY)
def test_ready_with_times_that_are_none(lab: Lab, role: Role, name: str) -> None:
    """The peer announces an idle time or a limit for its keys out of range. No session comes about, and the next one
    works. At the ends of the range one does."""
    lab.judge(role)
    for idle, rekey in ((1, 2), (LONGEST_MS, 1 << 32)):
        good = connected(lab, role, Quirks(record=RecordQuirks(ready=_ready({2: rekey, 3: idle}))))
        lab.require_control_that(
            good.handshake(), f"READY at the ends of the range was refused: {good.ended}"
        )
    key, value = BAD_READY[name]
    peer = connected(lab, role, Quirks(record=RecordQuirks(ready=_ready({key: value}))))
    peer.handshake(0.3)
    end = peer.wait_end(4.0)
    lab.did(f"READY with {name}")
    lab.stage("handshake")
    told = [one.method for one in lab.iut_told(peer)]
    lab.require_that("established" not in told, "no session", "it was established", "accepted")
    lab.require_that(end is not None, "the attempt to end", "it stays open", "undefined")
    usable(lab, role)


def _ready(changed: dict[int, object]) -> bytes:
    fields: dict[int, object] = {0: 1 << 20, 1: 64, 2: 1 << 20, 3: 60_000, 4: []}
    fields.update(changed)
    return cbor.encode({key: value for key, value in fields.items() if value is not ...})


@case("TIME-08", wire="sipc/1", role="client")
@pytest.mark.parametrize("pause_ms", [0, 65_535])
def test_reject_with_any_pause(lab: Lab, pause_ms: int) -> None:
    """A server refuses because it is busy and names the shortest or the longest pause. The attempt has failed at once, as a
    refusal on its merits; the next one is not held up by what nobody has authenticated."""
    good = connected(lab, "client")
    lab.require_control_that(good.handshake(), f"no session: {good.ended}")
    peer = connected(lab, "client")
    peer.expect("offer")
    peer.reject(3, pause_ms)
    peer.wait_end(4.0)
    failed = lab.wait(lambda: bool(lab.iut_view(peer).refusals or lab.iut_view(peer).endings), 4.0)
    lab.did(f"refused with retry_after {pause_ms} ms")
    lab.stage("negotiation")
    lab.require_that(failed, "the attempt to have failed", "it goes on", "undefined")
    usable(lab, "client")


@case("TIME-08", wire="sipc/1", needs=("virtual-clock", "request"), role="client")
@pytest.mark.parametrize("name", BAD_PAUSES)
def test_answers_with_pauses_that_are_none(lab: Lab, name: str) -> None:
    """A server refuses a request and names a pause that is none. The caller has an outcome at once, the session ends with
    an error, and the next one works. The shortest and the longest pause are taken."""
    for value in (0, MOST_MS, BAD_PAUSES[name]):
        good = isinstance(value, int) and 0 <= value <= MOST_MS
        peer = connected(lab, "client")
        lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
        peer.by_hand()
        conn = lab.iut_conn(peer)
        heard = len(peer.messages)
        call = lab.submit(
            "client", "send", {"conn": conn, "kind": "request", "operation": "echo", "payload": "eA=="}
        )
        lab.wait(lambda: len(peer.messages) > heard, 4.0)  # noqa: B023 - waited for at once
        peer.message({1: 1, 3: peer.messages[-1].fields[2], 15: 13, 16: {1: True, 2: value}})
        told = lab.wait(lambda: call.done, 4.0)  # noqa: B023 - waited for at once
        if good:
            lab.require_control_that(
                told and peer.goes_on(), f"a pause of {value} ms was refused: {peer.ended}"
            )
            continue
        lab.did(f"answered with the pause {name}")
        lab.stage("established")
        lab.require_that(told, "an outcome", "none", "undefined")
        end = peer.wait_end(4.0)
        lab.require_that(end == "error", "the session to end with an error", f"{end}", "accepted")
    usable(lab, "client")


@case("TIME-08", wire="sipc/1", needs=("virtual-clock", "request", "retries"), role="client")
def test_a_pause_is_no_deadline(lab: Lab) -> None:
    """A server refuses a request that may be repeated and names a pause far longer than the caller's deadline. The caller
    has its outcome with the last tick of its own deadline at the latest."""
    peer = connected(lab, "client")
    lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
    peer.by_hand()
    conn = lab.iut_conn(peer)
    retry = {"attempts": 3, "base_ms": 100, "cap_ms": 100}
    ask = {
        "conn": conn,
        "kind": "request",
        "operation": "echo",
        "payload": "eA==",
        "deadline_ms": 1777,
        "retry": retry,
    }
    call = lab.submit("client", "send", ask)
    peer.wait_for("message", 4.0)
    peer.message({1: 1, 3: peer.messages[-1].fields[2], 15: 13, 16: {1: True, 2: MOST_MS}})
    peer.settle()
    lab.advance(1777, "client")
    lab.did(f"named a pause of {MOST_MS} ms to a caller with a deadline of 1777 ms")
    lab.stage("established")
    lab.require_that(lab.wait(lambda: call.done, 4.0), "an outcome at the deadline", "none", "undefined")
