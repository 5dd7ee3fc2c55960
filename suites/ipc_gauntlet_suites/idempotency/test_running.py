"""While the first execution under a key runs, there is no second one."""

import pytest

from ipc_gauntlet import Answer, Call, Lab, Served, Session, case
from ipc_gauntlet_suites.idempotency.effects import (
    KEYED,
    all_answers,
    effects,
    once,
    open_gate,
    opened,
    require_effects,
    started,
)

_HORIZON_MS = 600_000
_STEP_MS = 40_000


def _running(lab: Lab, served: Served, session: Session, **extras: int) -> tuple[bytes, bytes, Call]:
    """Start an execution that goes on until the gate is opened; returns its key and payload."""
    key, payload = lab.key(), lab.payload("gated")
    call = session.request("gated", payload, key=key, **extras)  # type: ignore[arg-type]
    started(lab, payload)
    count = effects(lab, payload, "gated")
    lab.require_control_that(count == 1, f"gated started {count} times")
    return key, payload, call


def _judged(lab: Lab, payload: bytes, answers: list[Answer]) -> None:
    require_effects(lab, payload, 1, 1, operation="gated")
    for answer in answers:
        good = answer.payload == b"done" if answer.ok else answer.executed != "no" or answer.reason == "limit"
        lab.require_that(
            good, "the outcome of the first, or a word that it runs", f"{answer}", "other-outcome"
        )


@case("IDEM-04", needs=(*KEYED, "gate", "ordering-keys"), role="server", axes="each")
@pytest.mark.parametrize("connections", [1, 4])
def test_duplicates_of_what_runs(lab: Lab, connections: int) -> None:
    """16 duplicates come at once, on one connection or on four, while the first execution waits at its gate. None of them
    starts, none is answered as if it were done, and afterwards all get the one outcome."""
    served = lab.listen()
    sessions = [opened(lab, served) for _ in range(connections)]
    key, payload, first = _running(lab, served, sessions[0])
    calls = [
        sessions[turn % connections].request("gated", payload, key=key, lane=f"{turn}") for turn in range(16)
    ]
    lab.settle(lambda: all(call.done for call in calls))
    early = [call for call in calls if call.done and sessions[0].answer(call).ok]
    lab.require_that(not early, "no success before the first has ended", f"{len(early)}", "false-success")
    require_effects(lab, payload, 1, 1, operation="gated")
    open_gate(lab, served)
    done = sessions[0].answer(first)
    lab.require_control_that(done.ok, f"gated was answered {done}")
    _judged(lab, payload, all_answers(lab, sessions[0], calls))
    after = sessions[-1].ask("gated", payload, key=key)
    lab.require_that(after.ok, "the outcome for a duplicate that comes later", f"{after}", "no-outcome")
    require_effects(lab, payload, 1, 1, operation="gated")


@case("IDEM-04", needs=KEYED, role="server", axes="each")
def test_duplicates_at_the_same_moment(lab: Lab) -> None:
    """16 equal requests arrive together on four connections, in 12 rounds, and nothing came before them. One of each round
    is executed, all that succeed have its outcome."""
    served = lab.listen()
    sessions = [opened(lab, served) for _ in range(4)]
    once(lab, sessions[0], lab.payload("control"), lab.key())
    for _ in range(12):
        key, payload = lab.key(), lab.payload("append")
        calls = [sessions[turn % 4].request("append", payload, key=key) for turn in range(16)]
        answers = all_answers(lab, sessions[0], calls)
        require_effects(lab, payload, 1, 1)
        results = {answer.payload for answer in answers if answer.ok}
        lab.require_that(len(results) == 1, "one outcome", f"{len(results)} outcomes", "other-outcome")


@case("IDEM-04", needs=(*KEYED, "gate", "ordering-keys"), role="server", axes="each")
def test_first_ones_at_the_same_moment(lab: Lab) -> None:
    """The same with an operation that takes time: 12 equal requests arrive together on four connections in 3 rounds. One
    starts."""
    served = lab.listen()
    sessions = [opened(lab, served) for _ in range(4)]
    calls: list[Call] = []
    for turn in range(3):
        key, payload = lab.key(), lab.payload("gated")
        calls += [
            sessions[one % 4].request("gated", payload, key=key, lane=f"{turn} {one}") for one in range(12)
        ]
        started(lab, payload)
        lab.require_control_that(effects(lab, payload, "gated") >= 1, "gated did not start")
        lab.settle(lambda: False, limit_s=0.1)
        require_effects(lab, payload, 1, 1, operation="gated")
    open_gate(lab, served)
    all_answers(lab, sessions[0], calls)


@case("IDEM-04", needs=(*KEYED, "gate"), role="server", axes="each")
@pytest.mark.parametrize("how", ["connection-cut", "connection-closed", "deadline"])
def test_nobody_waits_for_the_first_any_more(lab: Lab, how: str) -> None:
    """The caller of the first request is gone, with its connection, or because its deadline came, and the execution goes on.
    A duplicate on another connection must not start a second one."""
    served = lab.listen()
    session, other = opened(lab, served), opened(lab, served)
    extras = {"deadline_ms": 40} if how == "deadline" else {}
    key, payload, call = _running(lab, served, session, **extras)
    if how == "connection-cut":
        session.the_link().cut()
    elif how == "connection-closed":
        session.close_end("client", "abort")
    lab.wait(lambda: call.done)
    lab.did(f"the first caller waits no more: {how}")
    during = [other.request("gated", payload, key=key)]
    lab.settle(lambda: during[0].done)
    require_effects(lab, payload, 1, 1, operation="gated")
    open_gate(lab, served)
    after = [other.request("gated", payload, key=key) for _ in range(2)]
    _judged(lab, payload, all_answers(lab, other, [*during, *after]))


@case("IDEM-04", needs=(*KEYED, "gate", "virtual-clock"), role="server", axes="each")
def test_first_runs_very_long(lab: Lab) -> None:
    """The first execution runs for longer than its record would be kept, in virtual time. A duplicate does not start it
    again."""
    served = lab.listen(options={"clock": "virtual"})
    session = opened(lab, served, virtual=True)
    key, payload, call = _running(lab, served, session, deadline_ms=_HORIZON_MS)
    for _ in range(_HORIZON_MS // _STEP_MS + 1):
        lab.advance(_STEP_MS)
    lab.wait(lambda: call.done)
    other = opened(lab, served, virtual=True)
    # Whatever comes may have old records swept out.
    other.ask("append", lab.payload("sweep"), key=lab.key())
    during = other.request("gated", payload, key=key)
    lab.settle(lambda: during.done)
    require_effects(lab, payload, 1, 1, operation="gated")
    open_gate(lab, served)
    _judged(lab, payload, all_answers(lab, other, [during]))
