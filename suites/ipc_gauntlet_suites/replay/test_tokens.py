"""Tokens that may be used so often and not more, whoever asks at the same moment."""

import pytest

from ipc_gauntlet import Inconclusive, Lab, Served, WirePeer, case
from ipc_gauntlet_suites.idempotency.minting import Mint

#: Sessions that present one token at the same moment.
CROWD = 8
ROUNDS = 4
OK = 0


def _session(lab: Lab, served: Served) -> WirePeer:
    peer = lab.wire_client(served)
    if not peer.handshake():
        raise Inconclusive(f"no session ({peer.ended})")
    lab.stage("established")
    return peer


def _ask(
    peer: WirePeer, token: bytes, operation: str = "append", body: bytes = b"used", key: bytes = b""
) -> int:
    """Present a token; the request's number."""
    fields: dict[str, object] = {"cap": token, "budget": 10_000}
    if key:
        fields["idem"] = key
    return peer.request(operation, body, **fields)


def _status(peer: WirePeer, mid: int) -> int:
    """The status of an answer; -1 without one."""
    answer = peer.response_to(mid)
    return -1 if answer is None else int(answer.fields[15])


@case("REPL-09", wire="sipc/1", needs=("tokens", "request"), role="server", axes="each")
@pytest.mark.parametrize("uses", [1, 3])
@pytest.mark.parametrize("operation", ["append", "echo"])
def test_uses_at_the_same_moment(lab: Lab, uses: int, operation: str) -> None:
    """Many sessions present the same token at the same moment, round after round. Exactly as many requests get through as
    the token is for, and as many effects are in the ledger."""
    mint = Mint(lab)
    served = lab.listen(options={"issuers": [mint.option], "require_token": [operation]})
    peers = [_session(lab, served) for _ in range(CROWD)]
    free = mint.token(operation)
    statuses = [_status(peer, _ask(peer, free, operation, key=lab.key())) for peer in peers]
    lab.require_control_that(statuses == [OK] * CROWD, f"a token for any number of uses: {statuses}")
    for _ in range(ROUNDS):
        token, payload = mint.token(operation, uses=uses), lab.payload("used")
        asked = [(peer, _ask(peer, token, operation, payload, lab.key())) for peer in peers]
        got = sum(_status(peer, mid) == OK for peer, mid in asked)
        lab.require_that(got == uses, f"{uses} of {CROWD} requests", f"{got} got through", "uses")
        if operation == "append":
            made = sum(one.payload == payload for one in lab.executed("server"))
            lab.require_that(made <= uses, f"{uses} effects", f"{made}", "uses")
    lab.did(f"{ROUNDS} times, {CROWD} sessions presented a token for {uses} use(s) at once")


@case("REPL-09", wire="sipc/1", needs=("tokens", "request"), role="server", axes="each")
def test_uses_one_after_the_other(lab: Lab) -> None:
    """A token for two uses is presented in one session and in the next ones, for two operations. Two requests get through."""
    mint = Mint(lab)
    served = lab.listen(options={"issuers": [mint.option], "require_token": ["append", "echo"]})
    token = mint.token("append", "echo", uses=2)
    statuses = []
    for turn in range(4):
        peer = _session(lab, served)
        statuses.append(_status(peer, _ask(peer, token, "append" if turn % 2 else "echo", key=lab.key())))
        peer.close()
    lab.require_control_that(statuses[0] == OK, f"the first use was answered with {statuses[0]}")
    got = statuses.count(OK)
    lab.did("presented a token for 2 uses in 4 sessions")
    lab.require_that(got == 2, "2 of 4 requests", f"{got} got through", "uses")


@case("REPL-09", wire="sipc/1", needs=("tokens", "request"), role="server", axes="each")
def test_failed_requests_give_nothing_back(lab: Lab) -> None:
    """Requests with a token for two uses fail, because of their content, their key, or because no use is left. However that
    is counted, no more than two requests may get through."""
    mint = Mint(lab)
    served = lab.listen(options={"issuers": [mint.option], "require_token": ["append", "wait"]})
    peer = _session(lab, served)
    key = lab.key()
    token = mint.token("append", "wait", uses=2)
    other = mint.token("append", "wait")
    first = _status(peer, _ask(peer, other, "append", b"first", key))
    lab.require_control_that(first == OK, f"a good token was answered with {first}")
    failed = [
        _status(peer, _ask(peer, token, "wait", b"not a number")),
        _status(peer, _ask(peer, token, "append", b"another body", key)),
    ]
    lab.require_control_that(OK not in failed, f"requests that cannot succeed: {failed}")
    statuses = [_status(peer, _ask(peer, token, "append", b"x", lab.key())) for _ in range(5)]
    lab.did("2 requests with the token failed, then 5 good ones were made")
    got = statuses.count(OK)
    lab.require_that(got <= 2, "2 requests at most", f"{got} got through", "uses")
    statuses = [_status(peer, _ask(peer, token, "wait", b"1")) for _ in range(3)]
    lab.require_that(got + statuses.count(OK) <= 2, "no use given back", f"{statuses}", "uses")
