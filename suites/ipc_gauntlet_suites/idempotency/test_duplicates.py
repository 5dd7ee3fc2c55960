"""Duplicated requests: one effect, one answer, for one principal."""

import pytest

from ipc_gauntlet import Cut, Lab, Selector, Session, case, checks
from ipc_gauntlet_suites.scripts import fetch, open_or_stop, other_principal

KEYED = ("request", "idempotency")


def _append_once(lab: Lab) -> None:
    """The positive control: a keyed request takes effect, once, and is answered."""
    payload = lab.payload("control")

    def script(session: Session) -> None:
        open_or_stop(session)
        answer = fetch(session, "append", payload, lab.key())
        lab.require_control_that(answer.get("status") == "ok", f"append was answered {answer!r}")

    lab.control(script, checks.executed_times("append", payload, 1, 1))
    lab.stage("established")


@case("IDEM-01", needs=KEYED, role="server")
@pytest.mark.parametrize("where", ["same-connection", "new-connection"])
@pytest.mark.parametrize("when", ["after-completion", "together"])
def test_duplicate_takes_effect_once(lab: Lab, where: str, when: str) -> None:
    """The same keyed request arrives several times, on one connection or on new ones, one after the other or all at
    once. It must take effect once."""
    _append_once(lab)
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    sessions: list[Session] = []
    for _ in range(1 if where == "same-connection" else 3):
        sessions.append(lab.session(served=served))
        open_or_stop(sessions[-1])
    lab.did(f"sent the same keyed request 4 times, {where}, {when}")
    calls = []
    for attempt in range(4):
        session = sessions[attempt % len(sessions)]
        calls.append(session.request("append", payload, key=key))
        if when == "after-completion":
            lab.wait(lambda c=calls[-1]: c.done)  # type: ignore[misc]
    lab.wait(lambda: all(call.done for call in calls))
    outcome = sessions[0].whole_endpoint()
    lab.require(outcome, checks.executed_times("append", payload, 1, 1))


@case("IDEM-01", needs=KEYED, role="server")
def test_retry_after_lost_reply(lab: Lab) -> None:
    """The connection is cut after the request has passed and before its answer does. The client's retry with the
    same key, on a new connection, must not cause a second effect, and must be answered."""
    _append_once(lab)
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    cut = Cut(at=Selector(direction="s2c", nth=0), how="fin")
    first = lab.session(served=served, faults=(cut,))
    open_or_stop(first)
    lost = fetch(first, "append", payload, key)
    lab.record(first)
    retry = lab.session(served=served)
    open_or_stop(retry)
    answer = fetch(retry, "append", payload, key)
    outcome = retry.whole_endpoint()
    lab.require(outcome, checks.executed_times("append", payload, 1, 1))
    lab.require_that(
        lost.get("status") != "ok", "no success reported without an answer", f"{lost!r}", "false-success"
    )
    lab.require_that(
        answer.get("status") == "ok",
        "the retry answered with the original outcome",
        f"{answer!r}",
        "no-outcome",
    )


@case("IDEM-02", needs=KEYED, role="server")
def test_duplicate_gets_the_original_outcome(lab: Lab) -> None:
    """The operation answers with fresh random bytes each time it runs. Five duplicates on three connections must all
    be answered with the first answer: neither run again nor brushed off."""
    _append_once(lab)
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    answers: list[object] = []
    current = lab.session(served=served)
    open_or_stop(current)
    for attempt in range(6):
        if attempt in (2, 4):
            current = lab.session(served=served)
            open_or_stop(current)
        answer = fetch(current, "append", payload, key)
        lab.require_that(
            answer.get("status") == "ok", "every duplicate answered", f"{answer!r}", "no-outcome"
        )
        answers.append(answer.get("payload"))
    lab.did("sent one keyed request and 5 duplicates on 3 connections")
    different = len({str(answer) for answer in answers})
    lab.require_that(
        different == 1 and bool(answers[0]),
        "one and the same outcome",
        f"{different} different ones",
        "other-outcome",
    )
    lab.require(current.whole_endpoint(), checks.executed_times("append", payload, 1, 1))


@case("IDEM-03", needs=KEYED, role="server")
@pytest.mark.parametrize("field", ["payload", "payload-prefix", "operation"])
def test_key_reused_for_another_request(lab: Lab, field: str) -> None:
    """A key that was used comes back with a request that differs in one field. It must be refused without effect and
    must not disclose the first answer."""
    _append_once(lab)
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    session = lab.session(served=served)
    open_or_stop(session)
    first = fetch(session, "append", payload, key)
    operation = "echo" if field == "operation" else "append"
    changed = {"payload": lab.payload("append"), "payload-prefix": payload[:-1], "operation": payload}[field]
    second = fetch(session, operation, changed, key)
    lab.did(f"reused the key of a completed append with another {field}")
    outcome = session.whole_endpoint()
    lab.require(outcome, checks.executed_times("append", payload, 1, 1))
    if field != "operation":
        lab.require(outcome, checks.executed_times("append", changed, 0, 0))
    else:
        lab.require(outcome, checks.executed_times("echo", changed, 0, 0))
    lab.require_that(
        second.get("status") == "error", "the changed request refused", f"{second!r}", "accepted"
    )
    leaked = first.get("payload") is not None and first.get("payload") == second.get("payload")
    lab.require_that(not leaked, "the first answer not disclosed", "it was returned", "disclosed")


@case("IDEM-05", needs=KEYED, role="server")
def test_key_of_another_principal(lab: Lab) -> None:
    """Two authenticated principals happen to use the same key. Each must have its own effect and its own answer."""
    _append_once(lab)
    served, second_deployment = other_principal(lab)
    key, payload = lab.key(), lab.payload("append")
    first = lab.session(served=served)
    open_or_stop(first)
    mine = fetch(first, "append", payload, key)
    second = lab.session(served=served, deployment=second_deployment)
    open_or_stop(second)
    theirs = fetch(second, "append", payload, key)
    lab.did("two principals sent the same request under the same key")
    lab.require(first.whole_endpoint(), checks.executed_times("append", payload, 2, 2))
    both = mine.get("status") == theirs.get("status") == "ok"
    lab.require_that(both, "both answered", f"{mine!r} and {theirs!r}", "suppressed")
    lab.require_that(
        mine.get("payload") != theirs.get("payload"), "two outcomes", "the same one", "disclosed"
    )


@case("IDEM-09", needs=("request",), role="client")
@pytest.mark.parametrize("operation", ["append", "work"])
def test_unkeyed_request_is_not_repeated(lab: Lab, operation: str) -> None:
    """The connection is cut after a request without a key has passed. The client must not send it again by itself,
    and must tell its caller that the outcome is unknown."""
    if operation == "work":
        lab.need("work", "it has no operation that needs no key and has an effect each time")
    _append_once(lab)
    served = lab.listen()
    payload = b"1,0" if operation == "work" else lab.payload("append")
    effect = b"0" if operation == "work" else payload
    cut = Cut(at=Selector(direction="c2s", nth=0), how="fin", after=True)
    session = lab.session(served=served, faults=(cut,))
    open_or_stop(session)
    answer = fetch(session, operation, payload)
    session.settle()
    lab.record(session)
    outcome = session.whole_endpoint()
    lab.require(outcome, checks.executed_times(operation, effect, 0, 1))
    lab.stage("established")
    links = len(session.relay.links) if session.relay is not None else 0
    lab.require_that(links == 1, "no new connection made by itself", f"{links} connections", "reconnected")
    told = answer.get("status") == "error" and answer.get("executed") in ("unknown", "no")
    lab.require_that(told, "an error that does not claim an effect", f"{answer!r}", "false-success")
    if outcome.server.executed:
        unknown = answer.get("executed") == "unknown"
        lab.require_that(unknown, "the outcome called unknown", f"{answer!r}", "false-outcome")


@case("IDEM-09", needs=("request",), role="server")
def test_unkeyed_request_is_refused(lab: Lab) -> None:
    """A request without a key for an operation declared non-idempotent must be refused without effect."""
    _append_once(lab)
    payload = lab.payload("append")
    session = lab.session()
    open_or_stop(session)
    answer = fetch(session, "append", payload)
    lab.did("sent the non-idempotent operation without a key")
    lab.require(session.whole_endpoint(), checks.executed_times("append", payload, 0, 0))
    lab.require_that(
        answer.get("status") == "error", "the unkeyed request refused", f"{answer!r}", "accepted"
    )
