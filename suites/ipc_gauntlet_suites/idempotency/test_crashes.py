"""The server dies: before, in or behind the effect, its record and its reply, or whenever. What a duplicate gets then."""

import pytest

from ipc_gauntlet import Answer, Call, Lab, Served, Session, case
from ipc_gauntlet_suites.idempotency.effects import (
    KEYED,
    effects,
    once,
    open_gate,
    opened,
    require_effects,
    same_outcome,
    started,
)

DURABLE = (*KEYED, "durable")
# An operation whose effect is in the store, at every point; others where it matters that theirs is not.
CRASHES = [
    ("append", "before-effect"),
    ("append", "after-effect"),
    ("append", "after-record"),
    ("append", "before-reply"),
    ("gated", "after-effect"),
    ("work", "after-effect"),
]


def _honest(lab: Lab, payload: bytes, answers: list[Answer], operation: str, before: int) -> None:
    """Judge what duplicates were told after a crash."""
    require_effects(lab, payload, 0, 1, operation=operation)
    count = effects(lab, payload, operation)
    for answer in answers:
        if answer.ok:
            lab.require_that(count == 1, "success only with an effect", "it has none", "false-success")
            same_outcome(lab, answers[0], answer, "every duplicate")
            continue
        honest = answer.executed != "no" or not count
        lab.require_that(honest, "no claim that nothing was executed", f"{answer}", "no-outcome")
        open_ended = answer.code == "in_progress"
        lab.require_that(not open_ended, "no waiting for what died", f"{answer}", "no-outcome")
        lab.require_that(count == before, "nothing executed for an error", f"{count} effects", "executed")


@case("IDEM-07", needs=(*DURABLE, "faults"), role="server", axes="each")
@pytest.mark.parametrize(("operation", "point"), CRASHES)
def test_killed_at_a_point(lab: Lab, operation: str, point: str) -> None:
    """The server is killed by itself at a point of a keyed request, and comes back with its store. However many duplicates
    come then, there is one effect and its outcome, or none that was not there before and the word that nobody knows."""
    for feature in ({"gated": "gate", "work": "work"}.get(operation),):
        if feature is not None:
            lab.need(feature, "it has no operation whose effect is outside of its store")
    served = lab.listen(options={"store": lab.store_path()})
    session = opened(lab, served)
    once(lab, session, lab.payload("control"), lab.key())
    _ready(lab, served, operation)
    key, payload = lab.key(), b"1,0" if operation == "work" else lab.payload(operation)
    effect = b"0" if operation == "work" else payload
    lab.arm("server", point, "kill")
    with lab.expect_death("server"):
        session.request(operation, payload, key=key)
    lab.restart("server")
    served = served.reopen()
    _ready(lab, served, operation)
    before = effects(lab, effect, operation)
    first, second = opened(lab, served), opened(lab, served)
    answers = [one.ask(operation, payload, key=key) for one in (first, first, second)]
    lab.did(f"killed at {point} of {operation}, restarted, sent 3 duplicates: {answers[0]}")
    lab.stage("established")
    _honest(lab, effect, answers, operation, before)
    if point != "before-effect" and operation == "append":
        lab.require_that(
            answers[0].ok, "the outcome of what is recorded with its effect", f"{answers[0]}", "no-outcome"
        )


def _ready(lab: Lab, served: Served, operation: str) -> None:
    if operation == "gated":
        open_gate(lab, served)


@case("IDEM-07", needs=(*DURABLE, "faults"), role="server", axes="each")
def test_killed_twice(lab: Lab) -> None:
    """The server dies in the request and once more in its duplicate, and then answers. There is one effect."""
    served = lab.listen(options={"store": lab.store_path()})
    once(lab, opened(lab, served), lab.payload("control"), lab.key())
    key, payload = lab.key(), lab.payload("append")
    for turn in range(2):
        session = opened(lab, served)
        lab.arm("server", "after-effect" if turn == 0 else "before-reply", "kill")
        with lab.expect_death("server"):
            session.request("append", payload, key=key)
        lab.restart("server")
        served = served.reopen()
    answer = opened(lab, served).ask("append", payload, key=key)
    require_effects(lab, payload, 1, 1)
    lab.require_that(answer.ok, "the one outcome", f"{answer}", "no-outcome")


@case("IDEM-07", needs=DURABLE, role="server", axes="each")
def test_killed_after_the_answer(lab: Lab) -> None:
    """The server is killed without warning as soon as it has answered. What was answered is known."""
    served = lab.listen(options={"store": lab.store_path()})
    session = opened(lab, served)
    known = []
    for _ in range(5):
        key, payload = lab.key(), lab.payload("append")
        answer = session.ask("append", payload, key=key)
        known.append((key, payload, answer))
    lab.restart("server")
    lab.require_control_that(all(one[2].ok for one in known), "append was not answered")
    session = opened(lab, served.reopen())
    for key, payload, answer in known:
        again = session.ask("append", payload, key=key)
        require_effects(lab, payload, 1, 1)
        same_outcome(lab, answer, again, "a duplicate of what was answered before the kill")


@case("IDEM-07", needs=DURABLE, role="server", axes="each")
def test_killed_among_many(lab: Lab) -> None:
    """The server is killed somewhere in the middle of 40 requests, and all of them are sent again. Each has one effect, and
    each that was answered gets the same answer."""
    served = lab.listen(options={"store": lab.store_path()})
    session = opened(lab, served)
    once(lab, session, lab.payload("control"), lab.key())
    asked = [(lab.key(), lab.payload("append")) for _ in range(40)]
    calls = [session.request("append", payload, key=key) for key, payload in asked]
    some = lab.rng.randrange(3, 20)
    lab.wait(lambda: sum(call.done for call in calls) >= some)
    lab.restart("server")
    lab.wait(lambda: all(call.done for call in calls))
    before = [_told(session, call) for call in calls]
    session = opened(lab, served.reopen())
    lab.did(f"killed the server when {some} of 40 requests had been answered, and sent all of them again")
    for (key, payload), first in zip(asked, before, strict=True):
        again = session.ask("append", payload, key=key)
        require_effects(lab, payload, 1, 1)
        lab.require_that(again.ok, "every one answered in the end", f"{again}", "no-outcome")
        if first is not None:
            same_outcome(lab, first, again, "what was answered before the kill")


def _told(session: Session, call: Call) -> Answer | None:
    answer = session.answer(call) if call.done else None
    return answer if answer is not None and answer.ok else None


@case("IDEM-07", needs=(*DURABLE, "gate"), role="server", axes="each")
def test_killed_while_it_runs(lab: Lab) -> None:
    """The server is killed while an execution waits, long after it has begun. After the restart nobody knows what has become
    of it: that is what duplicates are told, as often as they ask, and it is not begun again."""
    served = lab.listen(options={"store": lab.store_path()})
    session = opened(lab, served)
    key, payload = lab.key(), lab.payload("gated")
    session.request("gated", payload, key=key)
    started(lab, payload)
    lab.require_control_that(effects(lab, payload, "gated") == 1, "gated did not start once")
    lab.restart("server")
    served = served.reopen()
    open_gate(lab, served)
    session, other = opened(lab, served), opened(lab, served)
    answers = [one.ask("gated", payload, key=key) for one in (session, other, session)]
    _honest(lab, payload, answers, "gated", 1)
    for answer in answers:
        lab.require_that(not answer.ok, "the word that nobody knows", f"{answer}", "false-success")
