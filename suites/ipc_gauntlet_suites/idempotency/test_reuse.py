"""A key that comes back with another request is refused; what makes it another request, and what does not."""

from collections.abc import Mapping
from typing import Any

import pytest

from ipc_gauntlet import Answer, Inconclusive, Lab, case
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

STATUS, BODY, METHOD, IDEM, BUDGET = 15, 14, 4, 6, 7

Extras = Mapping[str, Any]

#: The same thing in JSON, or nearly: for a server that does not know what it means these are different bytes.
PAYLOADS: dict[str, tuple[bytes, bytes]] = {
    "members-in-another-order": (b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}'),
    "elements-in-another-order": (b'{"a": [1, 2]}', b'{"a": [2, 1]}'),
    "spaces": (b'{"a": 1}', b'{"a":1}'),
    "number-in-another-form": (b'{"a": 1}', b'{"a": 1.0}'),
    "text-in-another-form": (b'{"a": "e"}', b'{"a": "\\u0065"}'),
    "member-twice": (b'{"a": 2}', b'{"a": 1, "a": 2}'),
    "case": (b"transfer to Alice", b"transfer to alice"),
    "trailing-space": (b"transfer", b"transfer "),
    "trailing-zero": (b"transfer", b"transfer\x00"),
    "empty": (b"transfer", b""),
    "behind-64-bytes": (bytes(64) + b"1", bytes(64) + b"2"),
    "behind-4096-bytes": (bytes(4096) + b"1", bytes(4096) + b"2"),
    "same-length": (b"pay 100 to Bob", b"pay 900 to Bob"),
    "not-utf-8": (b"\xff\xff", b"\xfe\xfe"),
}


def _refused(lab: Lab, first: Answer, second: Answer, what: str) -> None:
    lab.require_that(not second.ok, f"a used key with {what} to be refused", f"{second}", "accepted")
    told = f"{second.payload!r} {second.code} {second.reason}".encode()
    hidden = first.payload not in told and not second.payload
    lab.require_that(hidden, "nothing of the first outcome told", f"{second.payload!r}", "disclosed")


@case("IDEM-03", needs=KEYED, role="server", axes="each")
@pytest.mark.parametrize("difference", PAYLOADS)
def test_another_payload(lab: Lab, difference: str) -> None:
    """A key comes back with a payload that differs a little, or that would mean the same as text, as JSON, or as a number.
    It is refused without effect, the first outcome stays that of its own request, and a fresh key is accepted."""
    session = opened(lab, lab.listen())
    first_payload, second_payload = PAYLOADS[difference]
    key = lab.key()
    first = once(lab, session, first_payload, key)
    second = session.ask("append", second_payload, key=key)
    lab.did(f"reused the key of {first_payload[-40:]!r} for {second_payload[-40:]!r}")
    require_effects(lab, second_payload, 0, 0, what="the other request")
    require_effects(lab, first_payload, 1, 1)
    _refused(lab, first, second, "another payload")
    same_outcome(
        lab, first, session.ask("append", first_payload, key=key), "the request that the key belongs to"
    )
    fresh = session.ask("append", second_payload, key=lab.key())
    lab.require_control_that(fresh.ok, f"the other payload under a key of its own was answered {fresh}")


#: What is said about a request besides its payload: first this, then that under the same key.
FIELDS: dict[str, tuple[Extras, Extras]] = {
    "label-lower": ({"label": 2}, {"label": 0}),
    "label-higher": ({"label": 0}, {"label": 1}),
    "label-default-or-lower": ({}, {"label": 2}),
    "label-public-or-default": ({"label": 0}, {}),
    "purpose": ({"purpose": "billing"}, {"purpose": "marketing"}),
    "purpose-added": ({}, {"purpose": "billing"}),
    "purpose-dropped": ({"purpose": "billing"}, {}),
    "purpose-case": ({"purpose": "billing"}, {"purpose": "Billing"}),
    "schema": ({"schema": 2}, {"schema": 1}),
    "schema-default-or-other": ({}, {"schema": 2}),
    "schema-other-or-default": ({"schema": 2}, {}),
}


@case("IDEM-03", needs=(*KEYED, "metadata"), role="server", axes="each")
@pytest.mark.parametrize("field", FIELDS)
def test_another_label_purpose_or_schema(lab: Lab, field: str) -> None:
    """A key comes back with the same payload and another label, purpose or schema, one of them at a time. What differs in
    one of these is another request: it is refused without effect."""
    session = opened(lab, lab.listen())
    key, payload = lab.key(), lab.payload("append")
    before, after = FIELDS[field]
    first = session.ask("append", payload, key=key, **before)
    count = effects(lab, payload)
    lab.require_control_that(first.ok and count == 1, f"append with {before} was answered {first}")
    second = session.ask("append", payload, key=key, **after)
    lab.did(f"sent it with {dict(before)}, then with {dict(after)} under the same key")
    require_effects(lab, payload, 1, 1)
    _refused(lab, first, second, f"another {field.split('-')[0]}")
    same_outcome(lab, first, session.ask("append", payload, key=key, **before), "the first request again")


#: Two ways to say the same.
EQUAL: dict[str, tuple[Extras, Extras]] = {
    "schema-default": ({}, {"schema": 1}),
    "schema-stated": ({"schema": 1}, {}),
    "label-default": ({}, {"label": 3}),
    "label-stated": ({"label": 3}, {}),
    "deadline": ({"deadline_ms": 30_000}, {"deadline_ms": 20_000}),
}


@case("IDEM-03", needs=(*KEYED, "metadata"), role="server", axes="each")
@pytest.mark.parametrize("field", EQUAL)
def test_the_same_in_other_words(lab: Lab, field: str) -> None:
    """What is left out and what is said as its default are the same, and how long a caller waits does not belong to what it
    asks for. Such a duplicate is the same request and gets its outcome."""
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    before, after = EQUAL[field]
    session = opened(lab, served)
    first = session.ask("append", payload, key=key, **before)
    lab.require_control_that(first.ok and effects(lab, payload) == 1, f"append was answered {first}")
    again = session.ask("append", payload, key=key, **after)
    lab.did(f"sent it with {dict(before)}, then with {dict(after)} under the same key")
    require_effects(lab, payload, 1, 1)
    same_outcome(lab, first, again, "the same request in other words")


@case("IDEM-03", needs=KEYED, role="server", axes="each")
@pytest.mark.parametrize("operations", [("append", "echo"), ("echo", "append"), ("echo", "wait")])
def test_another_operation(lab: Lab, operations: tuple[str, str]) -> None:
    """A key comes back with the same payload for another operation. It is refused and has no effect."""
    session = opened(lab, lab.listen())
    once(lab, session, lab.payload("control"), lab.key())
    before, after = operations
    key, payload = lab.key(), b"1"
    first = session.ask(before, payload, key=key)
    lab.require_control_that(first.ok, f"{before} was answered {first}")
    second = session.ask(after, payload, key=key)
    lab.did(f"reused the key of {before} for {after}")
    require_effects(lab, payload, 0, 0, operation=after, what=after)
    _refused(lab, first, second, "another operation")


@case("IDEM-03", needs=(*KEYED, "gate", "ordering-keys"), role="server", axes="each")
def test_another_request_while_the_first_runs(lab: Lab) -> None:
    """The first request under the key still runs when the key comes back with another payload, and with another operation.
    Both are refused without effect, and the first one's outcome is not touched."""
    served = lab.listen()
    session = opened(lab, served)
    key, payload, other = lab.key(), lab.payload("gated"), lab.payload("other")
    call = session.request("gated", payload, key=key)
    started(lab, payload)
    calls = [
        session.request("gated", other, key=key, lane="a"),
        session.request("append", payload, key=key, lane="b"),
    ]
    # A server may let them wait for the first to end.
    lab.settle(lambda: all(one.done for one in calls))
    open_gate(lab, served)
    first = session.answer(call)
    lab.require_control_that(first.ok, f"gated was answered {first}")
    answers = [session.answer(one) for one in calls]
    lab.did("reused the key of a running request")
    require_effects(lab, other, 0, 0, operation="gated", what="the other request")
    require_effects(lab, payload, 0, 0, what="the other operation")
    for answer in answers:
        _refused(lab, first, answer, "another request")
    same_outcome(lab, first, session.ask("gated", payload, key=key), "the first request again")


@case("IDEM-03", needs=(*KEYED, "durable"), role="server", axes="each")
def test_another_request_after_a_restart(lab: Lab) -> None:
    """The server is killed and comes back with its store. The key still belongs to its request, and to no other."""
    served = lab.listen(options={"store": lab.store_path()})
    key, payload, other = lab.key(), lab.payload("append"), lab.payload("other")
    first = once(lab, opened(lab, served), payload, key)
    lab.restart("server")
    session = opened(lab, served.reopen())
    second = session.ask("append", other, key=key)
    require_effects(lab, other, 0, 0, what="the other request")
    _refused(lab, first, second, "another payload")


@case("IDEM-03", needs=(*KEYED, "tokens"), role="server", axes="each")
@pytest.mark.parametrize("difference", ["operations", "purpose", "label", "issuer", "renewed"])
def test_another_token(lab: Lab, difference: str) -> None:
    """The request is the same, and the token that allows it is for something else than the first one's: more operations, a
    purpose, a lower label, another issuer. That is another request and refused. A renewed token for the same is none: the
    duplicate gets its outcome."""
    mint, second_mint = Mint(lab, "issuer"), Mint(lab, "second-issuer")
    options = {"issuers": [mint.option, second_mint.option], "require_token": ["append"]}
    session = opened(lab, lab.listen(options=options))
    key, payload = lab.key(), lab.payload("append")
    extras: Extras = {"purpose": "billing", "label": 0}
    first = session.ask("append", payload, key=key, token=mint.token("append", label=0), **extras)
    count = effects(lab, payload)
    lab.require_control_that(first.ok and count == 1, f"append with a token was answered {first}")
    tokens = {
        "operations": mint.token("append", "echo", label=0),
        "purpose": mint.token("append", label=0, purpose="billing"),
        "label": mint.token("append", label=1),
        "issuer": second_mint.token("append", label=0),
        "renewed": mint.token("append", label=0),
    }
    again = session.ask("append", payload, key=key, token=tokens[difference], **extras)
    lab.did(f"sent it again with another token: {difference}")
    require_effects(lab, payload, 1, 1)
    if difference == "renewed":
        same_outcome(lab, first, again, "the request with a renewed token")
    else:
        _refused(lab, first, again, "a token for something else")


@case("IDEM-03", needs=KEYED, wire="sipc/1", role="server", axes="each")
def test_refusal_tells_nothing(lab: Lab) -> None:
    """The case itself reuses a key, for another payload, operation, label and schema. Each is refused, with status 10
    if it could be executed otherwise, without a body, and no byte that comes holds the first result. What does not belong to the request may change."""
    served = lab.listen()
    peer = lab.wire_client(served)
    if not peer.handshake():
        raise Inconclusive(f"no session with the server ({peer.ended})")
    lab.stage("established")
    key, payload = lab.key(), lab.payload("append")

    def ask(operation: str = "append", body: object = payload, **fields: Any) -> Mapping[int, Any]:  # noqa: ANN401
        answer = peer.response_to(peer.request(operation, body, idem=key, **fields))
        if answer is None:
            raise Inconclusive("a request was never answered")
        return answer.fields

    first = ask()
    lab.require_control_that(first.get(STATUS) == 0 and effects(lab, payload) == 1, f"{first!r}")
    secret = first[BODY]
    heard = len(peer.records)
    others = {
        "another payload": ask(body=payload + b"x"),
        "a text": ask(body=payload.decode("ascii", "replace")),
        "a list": ask(body=[payload]),
        "no payload": ask(body=...),
        "another operation": ask("echo"),
        "another label": ask(label=0),
        "another schema": ask(schema=2),
        "a purpose": ask(purpose="marketing"),
    }
    lab.did(f"reused a key for {len(others)} other requests")
    require_effects(lab, payload, 1, 1)
    for what, answer in others.items():
        # What could not be executed in any case may be refused for that.
        right = (5, 10) if what in ("a text", "a list", "no payload") else (10,)
        lab.require_that(answer.get(STATUS) in right, f"status 10 to {what}", f"{answer!r}", "accepted")
        lab.require_that(BODY not in answer, f"no body to {what}", f"{answer!r}", "disclosed")
    told = [record for record in peer.records[heard:] if bytes(secret) in record.payload]
    lab.require_that(not told, "the first result in no record", f"{len(told)} records", "disclosed")
    equal = ask(okey=b"lane", trace=bytes(25), budget=1000, schema=1, label=3, extra={70: 1})
    lab.require_that(
        equal.get(BODY) == secret, "the first result for its own request", f"{equal!r}", "no-outcome"
    )
