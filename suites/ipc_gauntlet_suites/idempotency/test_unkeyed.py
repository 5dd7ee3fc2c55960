"""Requests without a key, for operations that must not be done twice: nobody sends them again, nobody executes them."""

import pytest

from ipc_gauntlet import Answer, Cut, Inconclusive, Lab, Selector, Session, case
from ipc_gauntlet_suites.idempotency.effects import KEYED, effects, once, open_gate, opened, require_effects
from ipc_gauntlet_suites.idempotency.servers import MID, RETRY, Servers

FAILURES = ["reset", "end-of-stream", "half-closed", "close", "error"]


def _told(lab: Lab, answer: Answer, executed: tuple[str, ...] = ("unknown",)) -> None:
    lab.require_that(not answer.ok, "no success without an answer", f"{answer}", "false-success")
    fits = answer.executed in executed
    lab.require_that(fits, "the caller told that nobody knows", f"{answer}", "false-outcome")


@case("IDEM-09", needs=("request", "retries"), wire="sipc/1", role="client", axes="each")
@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("operation", ["append", "transfer"])
def test_server_fails_with_the_request(lab: Lab, operation: str, how: str) -> None:
    """The case's server reads a request without a key and fails, in one of five ways, and the client was told to try again.
    It must not send that request a second time, neither for an operation that it knows to be unrepeatable nor for one that it
    does not know. With a key it comes again."""
    control = Servers(lab)
    call = control.session.request(operation, lab.payload(), key=lab.key(), retry=RETRY)
    lab.require_control_that(control.request(call) is not None, "no request came")
    control.fail(how)
    lab.require_control_that(
        control.next_request(call) is not None, "a request with a key did not come again"
    )
    control.peer.respond(control.seen()[-1][MID], 0, b"done")
    control.session.answer(call)

    servers = Servers(lab)
    call = servers.session.request(operation, lab.payload(), retry=RETRY)
    if servers.request(call) is None:
        raise Inconclusive("the client never sent the request")
    servers.fail(how)
    lab.did(f"read a request without a key, then failed: {how}")
    again = servers.next_request(call)
    lab.require_that(again is None, "at most one copy of a request without a key", "it came again", "resent")
    _told(lab, servers.session.answer(call))
    count = len(servers.seen())
    lab.require_that(count == 1, "at most one copy of a request without a key", f"{count} copies", "resent")


@case("IDEM-09", needs=("request", "retries"), wire="sipc/1", role="client", axes="each")
@pytest.mark.parametrize("status", [7, 8, 12, 14])
def test_server_does_not_know(lab: Lab, status: int) -> None:
    """The server answers a request without a key with: deadline exceeded, cancelled, outcome unknown, internal error. In all
    of these something may have happened: the client does not send it again. After "busy" it may, and does."""
    servers = Servers(lab, 1)
    call = servers.session.request("append", lab.payload(), retry=RETRY)
    for nth in range(2):
        fields = servers.request(call, nth)
        if fields is None:
            raise Inconclusive("the client did not try again what was refused as busy")
        servers.peer.respond(fields[MID], 3 if nth == 0 else 0, ... if nth == 0 else b"done")
    answer = servers.session.answer(call)
    lab.require_control_that(answer.ok, f"what was busy once was answered {answer}")
    call = servers.session.request("append", lab.payload(), retry=RETRY)
    fields = servers.request(call, 2)
    if fields is None:
        raise Inconclusive("the client never sent the request")
    servers.peer.respond(fields[MID], status, ...)
    lab.did(f"answered a request without a key with status {status}")
    again = servers.request(call, 3)
    lab.require_that(again is None, "at most one copy after that", "it came again", "resent")
    _told(lab, servers.session.answer(call))


@case("IDEM-09", needs=("request", "retries"), wire="sipc/1", role="client", axes="each")
def test_server_is_silent(lab: Lab) -> None:
    """The server never answers. When the deadline has come the client does not send the request again: not a second time on
    this connection, nor on a new one."""
    servers = Servers(lab)
    call = servers.session.request("append", lab.payload(), retry=RETRY, deadline_ms=80)
    lab.require_control_that(servers.request(call) is not None, "the client never sent the request")
    again = servers.next_request(call) or servers.request(call, 1)
    lab.require_that(again is None, "at most one copy of a request without a key", "it came again", "resent")
    _told(lab, servers.session.answer(call))


@case("IDEM-09", needs=("request", "retries", "work"), role="client", axes="each")
@pytest.mark.parametrize("how", ["reply-lost", "inside-reply"])
@pytest.mark.parametrize("operation", ["work", "gated"])
def test_reply_is_lost(lab: Lab, operation: str, how: str) -> None:
    """The connection is cut before or in the reply to a request without a key, for an operation that adds to the ledger each
    time, and the client was told to try again. There is one entry, and the caller is told that nobody knows."""
    if operation == "gated":
        lab.need("gate", "it has no operation that can be held")
    inside = 10 if how == "inside-reply" else None
    cut = Cut(at=Selector(direction="s2c", nth=0), how="reset", inside=inside, link=0)
    served = lab.listen()
    if operation == "gated":
        open_gate(lab, served)

    def ask(session: Session) -> tuple[Answer, int]:
        payload = b"1,0" if operation == "work" else lab.payload("gated")
        effect = b"0" if operation == "work" else payload
        before = effects(lab, effect, operation)
        answer = session.ask(operation, payload, retry=RETRY)
        lab.settle(lambda: effects_moved(lab, effect, operation, before + 2))
        return answer, effects(lab, effect, operation) - before

    answer, count = ask(opened(lab, served))
    lab.require_control_that(answer.ok and count == 1, f"{operation} was answered {answer}, {count} effects")
    session = lab.session(served=served, faults=(cut,))
    if not session.open():
        raise Inconclusive("a good session did not open")
    answer, count = ask(session)
    lab.record(session)
    lab.stage("established")
    lab.did(f"the reply of a request without a key: {how}")
    lab.require_that(count <= 1, "at most one effect", f"{count} effects", "executed")
    _told(lab, answer)


def effects_moved(lab: Lab, payload: bytes, operation: str, count: int) -> bool:
    """Whether the server has told of so many effects, without asking it."""
    told = [one for one in lab.executed() if one.operation == operation and one.payload == payload]
    return len(told) >= count


@case("IDEM-09", needs=KEYED, role="server", axes="each")
@pytest.mark.parametrize("connections", ["same", "new"])
def test_unkeyed_however_often(lab: Lab, connections: str) -> None:
    """A request without a key comes five times for an operation that needs one, on a connection on which the same request with
    a key was executed, and on new ones. It is refused each time, as surely not executed."""
    served = lab.listen()
    session = opened(lab, served)
    payload = lab.payload("append")
    once(lab, session, payload, lab.key())
    for _ in range(5):
        if connections == "new":
            session = opened(lab, served)
        answer = session.ask("append", payload)
        lab.require_that(not answer.ok, "the unkeyed request refused", f"{answer}", "accepted")
        lab.require_that(
            answer.executed == "no", "the caller told that it was not done", f"{answer}", "false-outcome"
        )
    require_effects(lab, payload, 1, 1)


@case("IDEM-09", needs=KEYED, wire="sipc/1", role="server", axes="each")
@pytest.mark.parametrize("key", ["none", "empty", "15-bytes", "33-bytes", "text", "number", "null"])
def test_unkeyed_on_the_wire(lab: Lab, key: str) -> None:
    """The case itself calls an operation that needs a key, with no key, and with what is none: too short, too long, of another
    type. It is answered with status 9, or ends the session, and has no effect; the shortest and the longest key are good."""
    served = lab.listen()
    peer = lab.wire_client(served)
    if not peer.handshake():
        raise Inconclusive(f"no session with the server ({peer.ended})")
    lab.stage("established")
    for good in (lab.key(), lab.key() * 2):
        payload = lab.payload("append")
        answer = peer.response_to(peer.request("append", payload, idem=good))
        fine = answer is not None and answer.fields.get(15) == 0 and effects(lab, payload) == 1
        lab.require_control_that(fine, f"a request with a key of {len(good)} bytes was not executed")
    keys: dict[str, object] = {
        "none": ...,
        "empty": b"",
        "15-bytes": bytes(15),
        "33-bytes": bytes(33),
        "text": "0123456789abcdef",
        "number": 2**60,
        "null": None,
    }
    payload = lab.payload("append")
    mid = peer.request("append", payload, idem=keys[key])
    lab.settle(lambda: mid in peer.responses or peer.ended is not None, patient=True)
    lab.did(f"called an operation that needs a key, with the key: {key}")
    require_effects(lab, payload, 0, 0, what="a request without a key")
    status = peer.responses[mid][0].fields.get(15) if mid in peer.responses else None
    refused = status == 9 if key == "none" else status != 0
    lab.require_that(refused, "the request refused", f"status {status}", "accepted")
