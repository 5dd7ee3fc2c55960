"""How long a record is kept: as long as retries may come, whatever else comes, and whatever a wall clock shows."""

import pytest

from ipc_gauntlet import Answer, Lab, Served, Session, case
from ipc_gauntlet_suites.idempotency.effects import (
    KEYED,
    all_answers,
    effects,
    once,
    open_gate,
    opened,
    require_effects,
    same_outcome,
    started,
)

_HORIZON_MS = 600_000
_STEP_MS = 40_000
_DAY_MS = 86_400_000
_ROOM = 4


def _filled(lab: Lab, session: Session) -> list[tuple[bytes, bytes, Answer]]:
    """Use as many keys as there is room for."""
    found = []
    for _ in range(_ROOM):
        key, payload = lab.key(), lab.payload("append")
        found.append((key, payload, once(lab, session, payload, key)))
    return found


def _still_known(lab: Lab, session: Session, known: list[tuple[bytes, bytes, Answer]]) -> None:
    for key, payload, first in known:
        again = session.ask("append", payload, key=key)
        require_effects(lab, payload, 1, 1)
        same_outcome(lab, first, again, "a duplicate within the time that records are kept")


@case("IDEM-06", needs=KEYED, role="server", axes="each")
@pytest.mark.parametrize("connections", ["same", "new"])
def test_no_room_for_another_key(lab: Lab, connections: str) -> None:
    """There is room for four records, and all of it is used. Every further key is refused without effect, as busy, the four
    are kept, also after many tries, and requests that need no key are served."""
    served = lab.listen(options={"store_capacity": _ROOM})
    session = opened(lab, served)
    known = _filled(lab, session)
    if connections == "new":
        session = opened(lab, served)
    for turn in range(3 * _ROOM):
        payload = lab.payload("one too many")
        answer = session.ask("append", payload, key=lab.key())
        require_effects(lab, payload, 0, 0, what=f"key {_ROOM + turn + 1} of {_ROOM}")
        lab.require_that(not answer.ok, "a refusal where there is no room", f"{answer}", "accepted")
        busy = answer.executed == "no" and answer.reason == "limit"
        lab.require_that(busy, "a refusal that may be tried again later", f"{answer}", "not-busy")
    lab.did(f"used {_ROOM} keys, as many as there is room for, and tried {3 * _ROOM} more")
    _still_known(lab, session, known)
    plain = session.ask("echo", b"no key")
    lab.require_that(plain.ok, "requests without a key served", f"{plain}", "not-busy")


@case("IDEM-06", needs=(*KEYED, "gate", "ordering-keys"), role="server", axes="each")
def test_no_room_while_they_run(lab: Lab) -> None:
    """The room is used by executions that still run. Further keys are refused, and the running ones are not forgotten."""
    served = lab.listen(options={"store_capacity": _ROOM})
    session = opened(lab, served)
    running = []
    for turn in range(_ROOM):
        key, payload = lab.key(), lab.payload("gated")
        running.append((key, payload, session.request("gated", payload, key=key, lane=f"{turn}")))
        started(lab, payload)
    lab.require_control_that(all(effects(lab, one[1], "gated") == 1 for one in running), "not all started")
    more = [lab.payload("one too many") for _ in range(4)]
    calls = [
        session.request("gated", body, key=lab.key(), lane=f"more {turn}") for turn, body in enumerate(more)
    ]
    lab.settle(lambda: all(call.done for call in calls), patient=True)
    for body in more:
        require_effects(lab, body, 0, 0, operation="gated", what="a key for which there is no room")
    answers = all_answers(lab, session, calls)
    lab.require_that(not any(one.ok for one in answers), "refusals", f"{answers}", "accepted")
    again = [session.request("gated", body, key=key, lane="again") for key, body, _ in running]
    lab.settle(lambda: all(call.done for call in again))
    for _, body, _ in running:
        require_effects(lab, body, 1, 1, operation="gated")
    open_gate(lab, served)
    all_answers(lab, session, [*again, *(call for *_, call in running)])
    for _, body, _ in running:
        require_effects(lab, body, 1, 1, operation="gated")


@case("IDEM-06", needs=KEYED, role="server", axes="each")
def test_many_other_keys(lab: Lab) -> None:
    """300 other keys are used, by the usual capacity. Then the very first and one in the middle come again."""
    served = lab.listen()
    session = opened(lab, served)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    for _ in range(6):
        calls = [session.request("append", lab.payload("other"), key=lab.key()) for _ in range(50)]
        all_answers(lab, session, calls)
    lab.did("used 300 other keys")
    _still_known(lab, session, [(key, payload, first)])


def _virtual(lab: Lab, *, store: bool = False) -> Served:
    options: dict[str, object] = {"clock": "virtual"}
    return lab.listen(options={**options, "store": lab.store_path()} if store else options)


def _wait_virtually(lab: Lab, milliseconds: int) -> None:
    """Let time pass, in steps that do not end what is idle at once."""
    while milliseconds > 0:
        lab.advance(min(_STEP_MS, milliseconds))
        milliseconds -= _STEP_MS


@case("IDEM-06", needs=(*KEYED, "virtual-clock"), role="server", axes="each")
@pytest.mark.parametrize("fraction", ["half", "just-before"])
def test_until_retries_may_come_no_more(lab: Lab, fraction: str) -> None:
    """Duplicates come half-way through the ten minutes for which records are kept, and one millisecond before their end; new
    keys in between have old records swept out. They get the first outcome. Asking again does not matter."""
    served = _virtual(lab)
    session = opened(lab, served, virtual=True)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    _wait_virtually(lab, _HORIZON_MS // 2 if fraction == "half" else _HORIZON_MS - 1)
    lab.did(f"let virtual time pass: {fraction}")
    session = opened(lab, served, virtual=True)
    session.ask("append", lab.payload("sweep"), key=lab.key())
    _still_known(lab, session, [(key, payload, first)])


@case("IDEM-06", needs=(*KEYED, "virtual-clock"), role="server", axes="each")
@pytest.mark.parametrize("days", [1, 4000, -1, -4000])
def test_wall_clock_is_set(lab: Lab, days: int) -> None:
    """The wall clock is set, by a day or by years, forwards or back, and no time passes. No record is forgotten."""
    served = _virtual(lab)
    session = opened(lab, served, virtual=True)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    lab.step_wall(days * _DAY_MS, "server")
    session.ask("append", lab.payload("sweep"), key=lab.key())
    lab.did(f"set the server's wall clock by {days} days")
    _still_known(lab, session, [(key, payload, first)])


@case("IDEM-06", needs=(*KEYED, "virtual-clock", "durable"), role="server", axes="each")
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_half_before_and_half_after_a_restart(lab: Lab, how: str) -> None:
    """Half of the time passes, the server is killed or stopped and comes back, and the other half passes but for a
    millisecond. The record is still there."""
    served = _virtual(lab, store=True)
    session = opened(lab, served, virtual=True)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    _wait_virtually(lab, _HORIZON_MS // 2)
    lab.restart("server", kill=how == "killed")
    served = served.reopen()
    _wait_virtually(lab, _HORIZON_MS // 2 - 1)
    lab.did(f"half of the time passed before the server was {how}, half but a millisecond after it")
    session = opened(lab, served, virtual=True)
    session.ask("append", lab.payload("sweep"), key=lab.key())
    _still_known(lab, session, [(key, payload, first)])


@case("IDEM-06", needs=(*KEYED, "durable"), role="server", axes="each")
def test_no_room_after_a_restart(lab: Lab) -> None:
    """The store is full when the server is killed. After its restart it is as full, and knows the same keys."""
    served = lab.listen(options={"store_capacity": _ROOM, "store": lab.store_path()})
    known = _filled(lab, opened(lab, served))
    lab.restart("server")
    session = opened(lab, served.reopen())
    payload = lab.payload("one too many")
    answer = session.ask("append", payload, key=lab.key())
    require_effects(lab, payload, 0, 0, what="a key too many")
    lab.require_that(not answer.ok, "a refusal where there is no room", f"{answer}", "accepted")
    _still_known(lab, session, known)
