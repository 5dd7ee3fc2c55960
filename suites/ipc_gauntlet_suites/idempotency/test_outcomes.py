"""A duplicate is answered with what the original was answered with, to the byte."""

import pytest

from ipc_gauntlet import Inconclusive, Lab, WirePeer, case
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

STATUS, BODY = 15, 14
_READER = "reader"


@case("IDEM-02", needs=KEYED, role="server", axes="each")
@pytest.mark.parametrize("size", [0, 1, 255, 5000])
def test_outcome_of_any_size(lab: Lab, size: int) -> None:
    """The operation answers with what it was given: nothing, one byte, bytes that are no text, several pages. Duplicates on
    two connections get the same bytes. An operation that is done at most once is done no more for that."""
    served = lab.listen()
    session, other = opened(lab, served), opened(lab, served)
    once(lab, session, lab.payload("control"), lab.key())
    key, payload = lab.key(), lab.rng.randbytes(size)
    first = session.ask("echo", payload, key=key)
    lab.require_control_that(first.ok and first.payload == payload, f"echo was answered {first}")
    for where in (session, other, session):
        same_outcome(lab, first, where.ask("echo", payload, key=key), "a duplicate of echo")


@case("IDEM-02", needs=(*KEYED, "authorization"), role="server", axes="each")
def test_outcome_of_the_time_it_was_asked(lab: Lab) -> None:
    """A keyed question about the number of entries is asked, more entries are made, and it is asked again with the same key.
    The duplicate is answered with the number of that time; with another key the new number is told."""
    served = lab.listen()
    name = served.deployment.client.name
    lab.configure("server", "grant", listener=served.listener, name=name, role=_READER)
    session, other = opened(lab, served), opened(lab, served)
    once(lab, session, lab.payload("append"), lab.key())
    key, question = lab.key(), b""
    first = session.ask("read", question, key=key)
    once(lab, session, lab.payload("append"), lab.key())
    fresh = session.ask("read", question, key=lab.key())
    lab.require_control_that(first.ok and fresh.ok and first.payload != fresh.payload, f"{first} and {fresh}")
    lab.did("asked for the number of entries, made one more, and asked again with the same key")
    for where in (session, other):
        same_outcome(lab, first, where.ask("read", question, key=key), "the question of that time")


@case("IDEM-02", needs=(*KEYED, "gate"), role="server", axes="each")
def test_outcome_of_what_took_time(lab: Lab) -> None:
    """The operation has waited before it answered. Its duplicates are answered with its outcome, at once, on both the
    connection of the original and a new one, and also when the original's connection is gone."""
    served = lab.listen()
    session = opened(lab, served)
    key, payload = lab.key(), lab.payload("gated")
    call = session.request("gated", payload, key=key)
    started(lab, payload)
    open_gate(lab, served)
    first = session.answer(call)
    lab.require_control_that(first.ok, f"gated was answered {first}")
    same_outcome(lab, first, session.ask("gated", payload, key=key), "a duplicate")
    session.close_end("client")
    same_outcome(
        lab, first, opened(lab, served).ask("gated", payload, key=key), "a duplicate on a new connection"
    )
    require_effects(lab, payload, 1, 1, operation="gated")


@case("IDEM-02", needs=(*KEYED, "durable"), role="server", axes="each")
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_outcome_after_a_restart(lab: Lab, how: str) -> None:
    """The server is killed or stopped after it has answered, and comes back with its store. Duplicates get that answer."""
    served = lab.listen(options={"store": lab.store_path()})
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, opened(lab, served), payload, key)
    lab.restart("server", kill=how == "killed")
    again = served.reopen()
    for _ in range(2):
        same_outcome(
            lab, first, opened(lab, again).ask("append", payload, key=key), "a duplicate after a restart"
        )
    require_effects(lab, payload, 1, 1)


@case("IDEM-02", needs=(*KEYED, "faults"), role="server", axes="each")
@pytest.mark.parametrize("operation", ["work", "append"])
def test_outcome_that_was_a_failure(lab: Lab, operation: str) -> None:
    """The first request fails behind its effect, where nobody can say any more that nothing has happened. Duplicates are
    told the same failure, or where the effect is recorded the one recorded outcome, and nothing is executed again."""
    if operation == "work":
        lab.need("work", "it has no operation that can fail half-way")
    served = lab.listen()
    session, other = opened(lab, served), opened(lab, served)
    once(lab, session, lab.payload("control"), lab.key())
    key, payload = lab.key(), b"1,0" if operation == "work" else lab.payload("append")
    lab.arm("server", "after-effect" if operation == "work" else "before-reply", "raise")
    first = session.ask(operation, payload, key=key)
    lab.require_control_that(not first.ok, "what was to fail did not fail")
    lab.require_that(
        first.executed != "no", "no claim that nothing was executed", f"{first}", "other-outcome"
    )
    answers = [where.ask(operation, payload, key=key) for where in (session, other, session)]
    lab.did("the first request failed behind its effect; sent 3 duplicates")
    effect = b"0" if operation == "work" else payload
    require_effects(lab, effect, 1, 1, operation=operation)
    if operation == "work":
        told = {(answer.ok, answer.payload, answer.code) for answer in answers}
        same = told == {(first.ok, first.payload, first.code)}
        lab.require_that(same, f"the same failure: {first}", f"{answers[0]}", "other-outcome")
        return
    lab.require_that(answers[0].ok, "the recorded outcome", f"{answers[0]}", "no-outcome")
    for answer in answers[1:]:
        same_outcome(lab, answers[0], answer, "every duplicate")


def _joined(lab: Lab, peer: WirePeer) -> WirePeer:
    if not peer.handshake():
        raise Inconclusive(f"no session with the server ({peer.ended})")
    return peer


@case("IDEM-02", needs=KEYED, wire="sipc/1", role="server", axes="each")
def test_response_to_a_duplicate(lab: Lab) -> None:
    """The case itself sends the request and its duplicates, with other numbers, deadlines, traces and lanes. Every response
    has the same fields as the first one, but for the numbers of the messages."""
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    seen: list[dict[int, object]] = []
    for connection in range(2):
        peer = _joined(lab, lab.wire_client(served))
        for budget in (30_000, 1_000, 600_000):
            extra = {7: budget} if connection == 0 else {7: budget, 12: b"lane", 13: bytes(25)}
            answer = peer.response_to(peer.request("append", payload, idem=key, extra=extra))
            if answer is None:
                raise Inconclusive("a request was never answered")
            seen.append({field: value for field, value in answer.fields.items() if field not in (2, 3)})
    lab.require_control_that(
        seen[0].get(STATUS) == 0 and effects(lab, payload) == 1, f"the first response is {seen[0]!r}"
    )
    lab.stage("established")
    lab.did("sent one request 6 times on 2 connections")
    different = [one for one in seen[1:] if one.get(STATUS) != seen[0].get(STATUS)]
    lab.require_that(not different, "the same status each time", f"{different[:1]!r}", "no-outcome")
    different = [one for one in seen[1:] if one != seen[0]]
    lab.require_that(not different, f"each time {seen[0]!r}", f"{different[:1]!r}", "other-outcome")
