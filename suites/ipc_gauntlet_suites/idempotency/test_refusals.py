"""What was refused before it was executed has not used its key."""

import pytest

from ipc_gauntlet import Answer, Inconclusive, Lab, Served, Session, case
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
from ipc_gauntlet_suites.idempotency.minting import Mint

_WRITER = "writer"
_HORIZON_MS = 600_000
_STEP_MS = 40_000


def _was_refused(lab: Lab, answer: Answer, payload: bytes) -> None:
    """The positive control for what follows: the first attempt was refused and had no effect."""
    count = effects(lab, payload)
    lab.require_control_that(
        not answer.ok and not count, f"the attempt to be refused: {answer}, {count} effects"
    )


def _is_free(lab: Lab, session: Session, payload: bytes, key: bytes, why: str) -> None:
    """Demand that the key is executed now, once, and then has that outcome."""
    answer = session.ask("append", payload, key=key)
    lab.did(f"sent it again under the same key after it had been refused: {why}")
    lab.require_that(answer.ok, f"the key free after a refusal ({why})", f"{answer}", "key-consumed")
    require_effects(lab, payload, 1, 1)
    same_outcome(lab, answer, session.ask("append", payload, key=key), "a duplicate of the execution")
    require_effects(lab, payload, 1, 1)


def _permit(lab: Lab, served: Served, action: str = "grant") -> None:
    name = served.deployment.client.name
    lab.configure("server", action, listener=served.listener, name=name, role=_WRITER)


@case("IDEM-08", needs=(*KEYED, "authorization"), role="server", axes="each")
@pytest.mark.parametrize("connection", ["same", "new"])
@pytest.mark.parametrize("times", [1, 5])
def test_refused_for_permission(lab: Lab, connection: str, times: int) -> None:
    """A caller without permission is refused, once or often. Then it is given the role, and the same request under the same
    key is executed, on the connection of the refusal and on a new one."""
    served = lab.listen(options={"roles": {"append": _WRITER}})
    session = opened(lab, served)
    key, payload = lab.key(), lab.payload("append")
    for _ in range(times):
        _was_refused(lab, session.ask("append", payload, key=key), payload)
    _permit(lab, served)
    session = session if connection == "same" else opened(lab, served)
    _is_free(lab, session, payload, key, "permission")


@case("IDEM-08", needs=(*KEYED, "authorization"), role="server", axes="each")
def test_another_request_after_a_refusal(lab: Lab) -> None:
    """A key with which a caller was refused is free for any request, for there is nothing that it belongs to; and the room
    for records is not used up by refusals."""
    served = lab.listen(options={"roles": {"append": _WRITER}, "store_capacity": 2})
    session = opened(lab, served)
    keys = [lab.key() for _ in range(6)]
    for key in keys:
        payload = lab.payload("denied")
        _was_refused(lab, session.ask("append", payload, key=key), payload)
    _permit(lab, served)
    for key in keys[:2]:
        payload = lab.payload("other")
        answer = session.ask("append", payload, key=key)
        lab.require_that(answer.ok, "the key free for any request", f"{answer}", "key-consumed")
        require_effects(lab, payload, 1, 1)


@case("IDEM-08", needs=(*KEYED, "tokens"), role="server", axes="each")
@pytest.mark.parametrize("defect", ["missing", "other-operation", "expired"])
def test_refused_for_a_token(lab: Lab, defect: str) -> None:
    """A request without the token it needs, or with one for something else, or one that is over, is refused. With a good
    token it is executed under the same key."""
    mint = Mint(lab)
    session = opened(lab, lab.listen(options={"issuers": [mint.option], "require_token": ["append"]}))
    key, payload = lab.key(), lab.payload("append")
    if defect == "missing":
        first = session.ask("append", payload, key=key)
    else:
        token = mint.token("echo") if defect == "other-operation" else mint.token("append", life_s=-1)
        first = session.ask("append", payload, key=key, token=token)
    _was_refused(lab, first, payload)
    answer = session.ask("append", payload, key=key, token=mint.token("append"))
    lab.require_that(answer.ok, "the key free after a refusal for the token", f"{answer}", "key-consumed")
    require_effects(lab, payload, 1, 1)


@case("IDEM-08", needs=(*KEYED, "metadata"), role="server", axes="each")
def test_refused_for_its_schema(lab: Lab) -> None:
    """A request in a version of the schema that the server does not take is refused. In the right version it is executed under
    the same key."""
    session = opened(lab, lab.listen())
    key, payload = lab.key(), lab.payload("append")
    refused = session.ask("append", payload, key=key, schema=3)
    _was_refused(lab, refused, payload)
    answer = session.ask("append", payload, key=key)
    lab.require_that(answer.ok, "the right one executed", f"{answer}", "key-consumed")
    require_effects(lab, payload, 1, 1)


@case("IDEM-08", needs=(*KEYED, "gate", "virtual-clock"), role="server", axes="each")
def test_deadline_before_its_turn(lab: Lab) -> None:
    """A request waits behind another one until its deadline has come: it is never executed. With time enough it is executed
    under the same key."""
    served = lab.listen(options={"clock": "virtual"})
    session = opened(lab, served, virtual=True)
    blocker = lab.payload("gated")
    waiting = session.request("gated", blocker, deadline_ms=60_000)
    started(lab, blocker)
    key, payload = lab.key(), lab.payload("append")
    call = session.request("append", payload, key=key, deadline_ms=1000)
    # Behind it in the same connection: once this is answered, the request above has arrived, too.
    session.exchange("c2s", 1)
    session.settle_delivery("c2s")
    lab.advance(1001)
    first = session.answer(call)
    open_gate(lab, served)
    session.answer(waiting)
    _was_refused(lab, first, payload)
    _is_free(lab, session, payload, key, "deadline")


@case("IDEM-08", needs=(*KEYED, "gate", "cancel"), role="server", axes="each")
def test_cancelled_before_its_turn(lab: Lab) -> None:
    """A request is given up while it waits behind another one. Later it is executed under the same key."""
    served = lab.listen()
    session = opened(lab, served)
    blocker = lab.payload("gated")
    waiting = session.request("gated", blocker)
    started(lab, blocker)
    key, payload = lab.key(), lab.payload("append")
    call = session.request("append", payload, key=key, tag="waits")
    # The server has it when it has what came behind; a request that is given up before it is sent is none.
    session.exchange("c2s", 1)
    session.settle_delivery("c2s")
    session.cancel("waits")
    first = session.answer(call)
    # The server has heard of it when it has answered what came behind.
    session.exchange("c2s", 1)
    session.settle_delivery("c2s")
    open_gate(lab, served)
    session.answer(waiting)
    _was_refused(lab, first, payload)
    _is_free(lab, session, payload, key, "cancelled")


@case("IDEM-08", needs=(*KEYED, "virtual-clock"), role="server", axes="each")
def test_refused_for_want_of_room(lab: Lab) -> None:
    """There was no room for another record, and the request was refused as busy. When old records have been forgotten it is
    executed under the same key."""
    served = lab.listen(options={"clock": "virtual", "store_capacity": 1})
    session = opened(lab, served, virtual=True)
    once(lab, session, lab.payload("first"), lab.key())
    key, payload = lab.key(), lab.payload("append")
    _was_refused(lab, session.ask("append", payload, key=key), payload)
    for _ in range(_HORIZON_MS // _STEP_MS + 1):
        lab.advance(_STEP_MS)
    _is_free(lab, opened(lab, served, virtual=True), payload, key, "busy")


@case("IDEM-08", needs=(*KEYED, "faults"), role="server", axes="each")
@pytest.mark.parametrize(
    ("point", "what"),
    [("policy", "raise"), ("policy", "none"), ("before-effect", "raise"), ("after-effect", "raise")],
)
def test_failed_for_a_moment(lab: Lab, point: str, what: str) -> None:
    """Something that the server depends on fails once, before the effect or so that the effect is taken back. The request is
    refused or fails, and the next one with its key is executed: once."""
    session = opened(lab, lab.listen())
    key, payload = lab.key(), lab.payload("append")
    lab.arm("server", point, what)
    _was_refused(lab, session.ask("append", payload, key=key), payload)
    _is_free(lab, session, payload, key, f"{what} at {point}")


@case("IDEM-08", needs=(*KEYED, "gate"), wire="sipc/1", role="server", axes="each")
@pytest.mark.parametrize("defect", ["body-of-another-type", "schema", "unknown-critical-key", "too-many"])
def test_refused_on_the_wire(lab: Lab, defect: str) -> None:
    """The case itself sends what must be refused: a body of another type, a schema that is not known, a critical key that is
    not understood, one request more than is served at a time. Corrected, it is executed under the same key."""
    served = lab.listen()
    peer = lab.wire_client(served)
    if not peer.handshake():
        raise Inconclusive(f"no session with the server ({peer.ended})")
    lab.stage("established")
    key, payload = lab.key(), lab.payload("append")

    def status(body: object = payload, **fields: object) -> int:
        answer = peer.response_to(peer.request("append", body, idem=key, **fields))
        if answer is None:
            raise Inconclusive(f"a request was never answered ({peer.ended})")
        return int(answer.fields[15])

    if defect == "too-many":
        for turn in range(64):
            peer.request("gated", b"x", okey=b"%d" % turn)
        lab.wait(lambda: len(lab.executed()) >= 64)
    spoiled: dict[str, tuple[object, dict[str, object]]] = {
        "body-of-another-type": ("text", {}),
        "schema": (payload, {"schema": 3}),
        "unknown-critical-key": (payload, {"extra": {70: 1, 17: [70]}}),
        "too-many": (payload, {"okey": b"one more"}),
    }
    body, fields = spoiled[defect]
    first = status(body, **fields)
    lab.require_control_that(first != 0 and effects(lab, payload) == 0, f"{defect} was answered {first}")
    if defect == "too-many":
        open_gate(lab, served)
        lab.wait(lambda: len(peer.responses) > 64)
    second = status()
    lab.did(f"sent a request with {defect}, refused with {first}, then the right one under its key")
    lab.require_that(second == 0, "the key free", f"status {second}", "key-consumed")
    require_effects(lab, payload, 1, 1)
