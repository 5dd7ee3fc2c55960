"""Whose key it is: nobody's key gets in the way of another principal, or lets it see something."""

import pytest

from ipc_gauntlet import Deployment, Inconclusive, Lab, NotApplicable, Served, case
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

#: Names of two clients that a careless comparison takes for one.
NAMES: dict[str, tuple[str, str]] = {
    "unlike": ("client", "second-client"),
    "prefix": ("client", "client2"),
    "case": ("client", "Client"),
    "path": ("client", "client/a"),
    "last-part": ("a/client", "b/client"),
}


def _both(lab: Lab, names: tuple[str, str]) -> tuple[Served, Deployment, Deployment]:
    first, second = lab.issuer.good(names[0]), lab.issuer.good(names[1])
    trust = lab.issuer.trust_both(first, second)
    return lab.listen(first.replace("server", first.server.but(trust=trust))), first, second


@case("IDEM-05", needs=KEYED, role="server")
@pytest.mark.parametrize("names", NAMES)
def test_names_that_look_alike(lab: Lab, names: str) -> None:
    """Two principals whose names differ little use one key for one request, and then the second another request under it.
    The second has an effect and an outcome of its own, and both find their own outcome again."""
    served, first, second = _both(lab, NAMES[names])
    key, payload = lab.key(), lab.payload("append")
    one, two = opened(lab, served, first), opened(lab, served, second)
    mine = once(lab, one, payload, key)
    theirs = two.ask("append", payload, key=key)
    lab.did(f"sent the same request as {first.client.name} and as {second.client.name}, under one key")
    lab.require_that(theirs.ok, "the second principal served", f"{theirs}", "suppressed")
    lab.require_that(theirs.payload != mine.payload, "an outcome of its own", "the first one's", "disclosed")
    require_effects(lab, payload, 2, 2)
    for session, answer in ((one, mine), (two, theirs)):
        again = session.ask("append", payload, key=key)
        lab.require_that(
            again.payload == answer.payload, "each its own outcome again", f"{again}", "disclosed"
        )


@case("IDEM-05", needs=KEYED, role="server", axes="each")
def test_another_request_of_another_principal(lab: Lab) -> None:
    """Another principal uses the key for another payload and another operation. Both are executed: to be refused would tell
    that the key is in use."""
    served, first, second = _both(lab, NAMES["unlike"])
    key, payload, other = lab.key(), lab.payload("append"), lab.payload("other")
    mine = once(lab, opened(lab, served, first), payload, key)
    theirs = opened(lab, served, second).ask("append", other, key=key)
    lab.require_that(theirs.ok, "another payload of another principal executed", f"{theirs}", "suppressed")
    lab.require_that(theirs.payload != mine.payload, "an outcome of its own", "the first one's", "disclosed")
    require_effects(lab, other, 1, 1)


@case("IDEM-05", needs=KEYED, role="server", axes="each")
def test_name_and_key_are_not_one_text(lab: Lab) -> None:
    """One principal's name with its key behind is the same text as another's name with another key. They are two keys."""
    served, first, second = _both(lab, ("client", "clientx"))
    tail = lab.key()
    payload = lab.payload("append")
    mine = once(lab, opened(lab, served, first), payload, b"x" + tail)
    theirs = opened(lab, served, second).ask("append", payload, key=tail)
    lab.require_that(
        theirs.ok and theirs.payload != mine.payload, "an outcome of its own", f"{theirs}", "disclosed"
    )
    require_effects(lab, payload, 2, 2)


@case("IDEM-05", needs=(*KEYED, "gate"), role="server", axes="each")
def test_key_of_another_that_runs(lab: Lab) -> None:
    """The first principal's execution under the key still runs. The second principal's request with that key starts: it is
    neither held up nor told that anything runs."""
    served, first, second = _both(lab, NAMES["unlike"])
    key, payload = lab.key(), lab.payload("gated")
    one, two = opened(lab, served, first), opened(lab, served, second)
    call = one.request("gated", payload, key=key)
    started(lab, payload)
    lab.require_control_that(effects(lab, payload, "gated") == 1, "gated did not start once")
    theirs = two.request("gated", payload, key=key)
    lab.settle(lambda: theirs.done or effects_told(lab, payload) == 2, patient=True)
    require_effects(lab, payload, 2, 2, operation="gated")
    open_gate(lab, served)
    answers = [one.answer(call), two.answer(theirs)]
    lab.require_that(all(answer.ok for answer in answers), "both served", f"{answers[1]}", "suppressed")


def effects_told(lab: Lab, payload: bytes) -> int:
    """How often the server has told that a payload took effect, without asking it."""
    return sum(one.payload == payload for one in lab.executed())


@case("IDEM-05", needs=(*KEYED, "durable"), role="server", axes="each")
def test_principals_after_a_restart(lab: Lab) -> None:
    """The records are in a file and the server was killed. They still belong to whose they were."""
    first, second = lab.issuer.good(), lab.issuer.good("second-client")
    trust = lab.issuer.trust_both(first, second)
    given = first.replace("server", first.server.but(trust=trust))
    served = lab.listen(given, {"store": lab.store_path()})
    key, payload = lab.key(), lab.payload("append")
    mine = once(lab, opened(lab, served, first), payload, key)
    lab.restart("server")
    served = served.reopen()
    theirs = opened(lab, served, second).ask("append", payload, key=key)
    lab.require_that(
        theirs.ok and theirs.payload != mine.payload, "an outcome of its own", f"{theirs}", "disclosed"
    )
    require_effects(lab, payload, 2, 2)


@case("IDEM-05", needs=(*KEYED, "durable"), role="server", credentials=("x509",), axes="each")
def test_same_name_by_another_credential(lab: Lab) -> None:
    """A certificate and a pre-shared key prove the same name, at two endpoints that keep their records in one place. Who has
    the one need not have the other: they are two principals."""
    other_kind = lab.issuer_of("psk")
    options = {"store": lab.store_path()}
    certified, keyed = lab.issuer.good(), other_kind.good()
    if certified.client.name != keyed.client.name:
        raise NotApplicable("its certificates and its pre-shared keys have different names")
    key, payload = lab.key(), lab.payload("append")
    first = opened(lab, lab.listen(certified, options), certified)
    mine = once(lab, first, payload, key)
    theirs = opened(lab, lab.listen(keyed, options), keyed).ask("append", payload, key=key)
    lab.did("sent the same request by a certificate and by a pre-shared key for the same name, under one key")
    lab.require_that(
        theirs.ok and theirs.payload != mine.payload, "an outcome of its own", f"{theirs}", "disclosed"
    )
    require_effects(lab, payload, 2, 2)
    same_outcome(lab, mine, first.ask("append", payload, key=key), "the first principal")


@case("IDEM-05", needs=KEYED, wire="sipc/1", role="server", axes="each")
def test_no_word_about_anothers_key(lab: Lab) -> None:
    """The case is the second principal. What it gets for a key that the first has used, for the same and for another
    request, looks like what it gets for a fresh key, and holds nothing of the first result."""
    served, first, second = _both(lab, NAMES["unlike"])
    key, payload = lab.key(), lab.payload("append")
    mine = once(lab, opened(lab, served, first), payload, key)
    peer = lab.wire_client(served, deployment=second)
    if not peer.handshake():
        raise Inconclusive(f"no session with the server ({peer.ended})")
    lab.stage("established")
    shapes = []
    for one in (lab.key(), key):
        answer = peer.response_to(peer.request("append", payload, idem=one))
        if answer is None:
            raise Inconclusive("a request was never answered")
        shapes.append({field: value for field, value in answer.fields.items() if field in (1, 8, 15, 16)})
    lab.require_that(
        shapes[0] == shapes[1], f"the same answer: {shapes[0]!r}", f"{shapes[1]!r}", "suppressed"
    )
    told = [record for record in peer.records if mine.payload in record.payload]
    lab.require_that(not told, "nothing of the first result", f"{len(told)} records with it", "disclosed")
