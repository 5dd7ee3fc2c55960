"""A stored outcome is given out only to who may call the operation now."""

import pytest

from ipc_gauntlet import Answer, Inconclusive, Lab, Served, case
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
GUARDED = (*KEYED, "authorization")


def _guarded(lab: Lab, **options: object) -> Served:
    """An endpoint whose `append` needs a role, which the client has."""
    served = lab.listen(options={"roles": {"append": _WRITER, "gated": _WRITER}, **options})
    _permit(lab, served, "grant")
    return served


def _permit(lab: Lab, served: Served, action: str, role: str = _WRITER) -> None:
    name = served.deployment.client.name
    lab.configure("server", action, listener=served.listener, name=name, role=role)


def _denied(lab: Lab, first: Answer, again: Answer, payload: bytes, why: str) -> None:
    """Demand that a duplicate was refused and told nothing, and that nothing was done."""
    lab.require_that(not again.ok, f"a duplicate denied: {why}", f"{again}", "disclosed")
    lab.require_that(
        first.payload not in again.payload and not again.payload,
        "nothing of the outcome",
        "it was told",
        "disclosed",
    )
    lab.require_that(again.executed == "no", "a refusal", f"{again}", "not-denied")
    require_effects(lab, payload, 1, 1)


@case("IDEM-10", needs=GUARDED, role="server", axes="each")
@pytest.mark.parametrize("connection", ["same", "open", "new"])
@pytest.mark.parametrize("asked_before", [0, 2])
def test_role_is_withdrawn(lab: Lab, connection: str, asked_before: int) -> None:
    """A request was executed, and its duplicates answered. Then its caller loses the role: duplicates are denied, on the same
    connection, on another one that was open, and on a new one. With the role given back they are answered again."""
    served = _guarded(lab)
    session, other = opened(lab, served), opened(lab, served)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    for _ in range(asked_before):
        same_outcome(lab, first, session.ask("append", payload, key=key), "a duplicate while it is permitted")
    _permit(lab, served, "withdraw")
    asking = {"same": session, "open": other}.get(connection) or opened(lab, served)
    for _ in range(2):
        _denied(lab, first, asking.ask("append", payload, key=key), payload, "the role was withdrawn")
    lab.did(f"took the role away and asked again on {connection} connection")
    _permit(lab, served, "grant", "reader")
    _denied(lab, first, asking.ask("append", payload, key=key), payload, "another role was given")
    _permit(lab, served, "grant")
    same_outcome(lab, first, asking.ask("append", payload, key=key), "a duplicate that is permitted again")
    require_effects(lab, payload, 1, 1)


@case("IDEM-10", needs=(*GUARDED, "durable"), role="server", axes="each")
def test_role_is_not_given_after_a_restart(lab: Lab) -> None:
    """The server is killed and comes back with its records, and the caller has no role any more. Its duplicate is denied."""
    served = _guarded(lab, store=lab.store_path())
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, opened(lab, served), payload, key)
    lab.restart("server")
    served = served.reopen()
    session = opened(lab, served)
    _denied(lab, first, session.ask("append", payload, key=key), payload, "no role after the restart")
    _permit(lab, served, "grant")
    same_outcome(lab, first, session.ask("append", payload, key=key), "a duplicate that is permitted again")


@case("IDEM-10", needs=(*KEYED, "revocation"), role="server", axes="each")
def test_principal_is_revoked(lab: Lab) -> None:
    """The caller is revoked. Its open connection ends, a new one is refused, and no duplicate of it is answered."""
    served = lab.listen()
    session = opened(lab, served)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    same_outcome(lab, first, session.ask("append", payload, key=key), "a duplicate before")
    name = served.deployment.client.name
    lab.configure("server", "revoke", listener=served.listener, name=name)
    again = session.ask("append", payload, key=key)
    lab.require_that(not again.ok, "no outcome on the open connection", f"{again}", "disclosed")
    late = lab.session(served=served)
    if late.open(warm=False):
        again = late.ask("append", payload, key=key)
        lab.require_that(not again.ok, "no outcome on a new connection", f"{again}", "disclosed")
    require_effects(lab, payload, 1, 1)


@case("IDEM-10", needs=(*KEYED, "tokens", "virtual-clock"), role="server", axes="each")
def test_token_expires(lab: Lab) -> None:
    """The request was allowed by a token. When that has expired, in virtual time, its duplicate is denied; with a renewed one
    for the same it is answered."""
    mint = Mint(lab)
    options = {"issuers": [mint.option], "require_token": ["append"], "clock": "virtual"}
    served = lab.listen(options=options)
    session = opened(lab, served, virtual=True)
    key, payload = lab.key(), lab.payload("append")
    token = mint.token("append", life_s=20)
    first = session.ask("append", payload, key=key, token=token)
    lab.require_control_that(
        first.ok and effects(lab, payload) == 1, f"append with a token was answered {first}"
    )
    again = session.ask("append", payload, key=key, token=token)
    same_outcome(lab, first, again, "a duplicate in time")
    lab.advance(40_000)
    lab.did("let the token expire")
    _denied(
        lab, first, session.ask("append", payload, key=key, token=token), payload, "its token has expired"
    )
    renewed = mint.token("append", life_s=60)
    lab.advance(1000)
    again = session.ask("append", payload, key=key, token=renewed)
    same_outcome(lab, first, again, "a duplicate with a renewed token")


@case("IDEM-10", needs=(*KEYED, "tokens"), role="server", axes="each")
@pytest.mark.parametrize("defect", ["missing", "other-operation", "broken", "foreign"])
def test_duplicate_without_its_token(lab: Lab, defect: str) -> None:
    """The duplicate of a request that was allowed by a token comes without one, with one for another operation, one that was
    changed, one of another issuer. It is denied."""
    mint = Mint(lab)
    session = opened(lab, lab.listen(options={"issuers": [mint.option], "require_token": ["append"]}))
    key, payload = lab.key(), lab.payload("append")
    good = mint.token("append")
    first = session.ask("append", payload, key=key, token=good)
    lab.require_control_that(
        first.ok and effects(lab, payload) == 1, f"append with a token was answered {first}"
    )
    if defect == "missing":
        again = session.ask("append", payload, key=key)
    else:
        token = {
            "other-operation": mint.token("echo"),
            "broken": good[:-1] + bytes([good[-1] ^ 1]),
            "foreign": Mint(lab, "somebody").token("append"),
        }[defect]
        again = session.ask("append", payload, key=key, token=token)
    lab.did(f"sent a duplicate, its token: {defect}")
    _denied(lab, first, again, payload, f"token {defect}")
    same_outcome(
        lab, first, session.ask("append", payload, key=key, token=good), "a duplicate with its token"
    )


@case("IDEM-10", needs=(*GUARDED, "faults"), role="server", axes="each")
@pytest.mark.parametrize("what", ["raise", "none"])
def test_who_decides_fails(lab: Lab, what: str) -> None:
    """What decides about permissions fails, or says nothing, when a duplicate comes. It is denied, and the next answered."""
    session = opened(lab, _guarded(lab))
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    lab.arm("server", "policy", what)
    _denied(lab, first, session.ask("append", payload, key=key), payload, f"the decision: {what}")
    same_outcome(lab, first, session.ask("append", payload, key=key), "the next duplicate")


@case("IDEM-10", needs=(*GUARDED, "gate"), role="server", axes="each")
def test_role_is_withdrawn_while_it_runs(lab: Lab) -> None:
    """The role is withdrawn while the execution runs. Duplicates are denied then and after its end; whether it runs is not
    told."""
    served = _guarded(lab)
    session, other = opened(lab, served), opened(lab, served)
    key, payload = lab.key(), lab.payload("gated")
    call = session.request("gated", payload, key=key)
    started(lab, payload)
    lab.require_control_that(effects(lab, payload, "gated") == 1, "gated did not start once")
    _permit(lab, served, "withdraw")
    during = other.ask("gated", payload, key=key)
    unused = other.ask("gated", lab.payload("gated"), key=lab.key())
    open_gate(lab, served)
    session.answer(call)
    after = other.ask("gated", payload, key=key)
    for answer in (during, after):
        lab.require_that(not answer.ok, "duplicates denied", f"{answer}", "disclosed")
        same = (answer.reason, answer.code) == (unused.reason, unused.code)
        lab.require_that(
            same, f"the refusal of a key that was never used: {unused}", f"{answer}", "not-denied"
        )
    require_effects(lab, payload, 1, 1, operation="gated")


@case("IDEM-10", needs=GUARDED, wire="sipc/1", role="server", axes="each")
def test_denial_tells_nothing(lab: Lab) -> None:
    """The case is a client whose role was withdrawn. The denial of a duplicate has status 4 and no body, whether the request
    is the same or another one, and for a key that was never used; and no record that comes holds the stored result."""
    served = _guarded(lab)
    peer = lab.wire_client(served)
    if not peer.handshake():
        raise Inconclusive(f"no session with the server ({peer.ended})")
    lab.stage("established")
    key, payload = lab.key(), lab.payload("append")

    def ask(idem: bytes, body: bytes) -> dict[int, object]:
        answer = peer.response_to(peer.request("append", body, idem=idem))
        if answer is None:
            raise Inconclusive("a request was never answered")
        return {field: value for field, value in answer.fields.items() if field not in (2, 3)}

    first = ask(key, payload)
    lab.require_control_that(first.get(15) == 0 and effects(lab, payload) == 1, f"{first!r}")
    heard = len(peer.records)
    _permit(lab, served, "withdraw")
    denials = [ask(lab.key(), payload), ask(key, payload), ask(key, payload + b"x")]
    for denial in denials:
        lab.require_that(denial.get(15) == 4 and 14 not in denial, "a denial", f"{denial!r}", "disclosed")
    lab.require_that(
        len({str(sorted(denial)) for denial in denials}) == 1,
        "denials of one shape",
        f"{denials!r}",
        "not-denied",
    )
    told = [one for one in peer.records[heard:] if bytes(first[14]) in one.payload]  # type: ignore[call-overload]
    lab.require_that(not told, "the stored result in no record", f"{len(told)} records with it", "disclosed")
    require_effects(lab, payload, 1, 1)
