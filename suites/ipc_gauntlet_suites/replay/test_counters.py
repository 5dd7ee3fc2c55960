"""Counters near their limits: what an implementation sends and takes when its numbers run out."""

import pytest

from ipc_gauntlet import Direction, Inconclusive, Lab, ReadyValues, Role, WirePeer, case, checks
from ipc_gauntlet_suites.replay.datagrams import LAST, RESERVED, datagram_peer, stream_peer
from ipc_gauntlet_suites.scripts import BOTH_ROLES, open_or_stop, other

MODES = ["stream", "datagram"]
NARROW = [2**16 - 2, 2**31 - 2, 2**32 - 2]


def _peer(lab: Lab, role: Role, mode: str) -> WirePeer:
    if mode == "datagram":
        lab.need("datagram", "it has no records that may be lost")
        return datagram_peer(lab, role)
    return stream_peer(lab, role)


def _set(lab: Lab, role: Role, peer: WirePeer, direction: str, value: int) -> None:
    """Set a counter of the implementation under test, and the case's own one of the same direction."""
    lab.configure(role, "set-counter", conn=lab.iut_conn(peer), direction=direction, value=value)
    sealer, opener = peer.peer.sealer, peer.peer.opener
    if sealer is None or opener is None:
        raise Inconclusive("there are no keys")
    (opener if direction == "send" else sealer).state.n = value


def _send(lab: Lab, role: Role, peer: WirePeer, count: int) -> int:
    """Have the implementation send so many messages; how many it says it has sent."""
    conn, sent = lab.iut_conn(peer), 0
    for _ in range(count):
        call = lab.submit(role, "send", {"conn": conn, "payload": "aGVsbG8="})
        lab.wait(lambda call=call: call.done)  # type: ignore[misc]
        sent += call.error is None
    peer.settle()
    return sent


def _require_unique(lab: Lab, peer: WirePeer, known: int) -> None:
    """Demand that everything sent since then was decrypted under a number of its own, none of them the reserved one."""
    sealed = peer.labels().count("sealed") + peer.labels().count("garbage")
    lab.require_that(
        sealed == 0, "every record under the number that was next", f"{sealed} were not", "number"
    )
    used = [one.n for one in peer.records[known:]]
    lab.require_that(len(set(used)) == len(used), "each number used once", f"{used}", "repeated")
    lab.require_that(all(n < RESERVED for n in used), "the reserved number not used", f"{used}", "reserved")


@case("REPL-07", wire="sipc/1", needs=("debug",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", NARROW, ids=["16-bits", "31-bits", "32-bits"])
def test_sending_beyond_narrow_counters(lab: Lab, role: Role, mode: str, start: int) -> None:
    """The implementation sends across the end of a narrower counter. Each record must be under the next number of 64 bits:
    the case decrypts them all."""
    peer = _peer(lab, role, mode)
    _set(lab, role, peer, "send", start)
    known = len(peer.records)
    lab.require_control_that(_send(lab, role, peer, 1) == 1, "a record in front of the edge was not sent")
    sent = 1 + _send(lab, role, peer, 4)
    lab.did(f"had 5 records sent from number {start} on")
    _require_unique(lab, peer, known)
    if peer.ended is None:
        got = len(peer.records) - known
        lab.require_that(got == sent == 5, "5 records decrypted", f"{sent} sent, {got} decrypted", "number")


@case("REPL-07", wire="sipc/1", needs=("debug",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("mode", MODES)
def test_sending_at_the_end(lab: Lab, role: Role, mode: str) -> None:
    """The implementation has two numbers left. It may use them, once each, and must then say that it cannot go on, or take
    a new key; it must not use the reserved number, nor any number again."""
    peer = _peer(lab, role, mode)
    _set(lab, role, peer, "send", LAST - 1)
    known = len(peer.records)
    lab.require_control_that(_send(lab, role, peer, 1) == 1, "a record with numbers to spare was not sent")
    sent = 1 + _send(lab, role, peer, 6)
    lab.did("had 7 records sent where 2 numbers were left")
    _require_unique(lab, peer, known)
    got = len(peer.messages)
    lab.require_that(sent <= got, "nothing called sent that was not", f"{sent} sent, {got} came", "number")
    lab.require_that(sent <= 2 or peer.ended is None, "an end, or a new key", f"{sent} sent", "repeated")


@case("REPL-07", wire="sipc/1", needs=("debug",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("beyond", ["reserved", "again", "zero"])
def test_receiving_at_the_end(lab: Lab, role: Role, mode: str, beyond: str) -> None:
    """The peer uses the last legal number, which must be taken, and then goes on: with the reserved number, with the last
    one again, from zero on. None of these may be taken."""
    peer = _peer(lab, role, mode)
    _set(lab, role, peer, "receive", LAST)
    first, second = lab.payload(), lab.payload()
    peer.event(first)
    lab.settle(lambda: first in lab.iut_view(peer).delivered or peer.ended is not None)
    lab.require_control_that(first in lab.iut_view(peer).delivered, "the last legal number was not taken")
    sealer = peer.peer.sealer
    if sealer is not None:
        sealer.state.n = {"reserved": RESERVED, "again": LAST, "zero": 0}[beyond]
    frame = b"".join(one.data for one in peer.peer.event(second))
    peer.raw(frame, f"a record beyond the last number ({beyond})")
    lab.settle(lambda: second in lab.iut_view(peer).delivered or peer.ended is not None)
    delivered = lab.iut_view(peer).delivered
    lab.require_that(second not in delivered, "a number beyond the last refused", "it was taken", "delivered")


@case("REPL-07", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("limit", [2, 3, 8])
def test_key_is_not_used_too_often(lab: Lab, role: Role, limit: int) -> None:
    """The peer says for how many records it lets a key be used. The implementation must rekey before a key has protected
    more than that."""
    peer = stream_peer(lab, role, own={"ready": ReadyValues(rekey_after_records=limit)})
    lab.require_control_that(_send(lab, role, peer, 1) == 1, "a first record was not sent")
    _send(lab, role, peer, 2 * limit)
    lab.did(f"had {2 * limit + 1} records sent to a peer that lets a key be used for {limit}")
    run = longest = 0
    for one in peer.records:
        run = 0 if one.label == "REKEY" else run + 1
        longest = max(longest, run + 1)
    _require_unique(lab, peer, 0)
    lab.require_that(longest <= limit, f"{limit} records of a key", f"{longest} at least", "key-overused")


@case("REPL-07", needs=("debug",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_both_ends_at_the_end(lab: Lab, role: Role) -> None:
    """Both ends of a session have two numbers left in one direction, and the adversary plays every record once more behind
    the last one. Only what was called sent may be delivered, and nothing twice: no number is good for a second record."""
    lab.judge(role)
    direction: Direction = "c2s" if role == "client" else "s2c"
    if role == "server":
        lab.need("push", "its servers cannot send unasked")
    session = lab.session()
    open_or_stop(session)
    session.configure(role, "set-counter", direction="send", value=LAST - 1)
    session.configure(other(role), "set-counter", direction="receive", value=LAST - 1)
    session.send(direction)
    session.settle_delivery(direction)
    lab.require_control(session.outcome(), checks.delivered_all(direction))
    accepted = [session.send(direction) for _ in range(4)]
    session.settle_delivery(direction)
    link = session.the_link()
    for frame in link.since_mark(direction)[::-1]:
        link.inject(direction, frame)
    session.settle(lambda: session.is_over(other(role)))
    lab.did(f"had 5 messages sent where 2 numbers were left; {sum(accepted)} of the last 4 were accepted")
    outcome = session.outcome()
    lab.require(outcome, checks.delivered_at_most_once(direction), checks.delivered_prefix(direction))
