"""What keeping track of numbers costs: neither time nor memory may depend on how far they jump."""

import statistics
import time

import pytest

from ipc_gauntlet import Inconclusive, Lab, Role, WirePeer, case
from ipc_gauntlet_suites.replay.datagrams import LAST, datagram_peer
from ipc_gauntlet_suites.scripts import BOTH_ROLES

TRIES = 3
USUAL = 9
#: How many times as long as the usual answer one behind a jump may take, in the best of the tries.
RATIO = 25.0
MANY = 12_000
BATCH = 500
#: What may be left behind, in bytes for each record: a fraction of what any set of numbers takes.
PER_RECORD = 24
MIB = 1 << 20


def _answered(peer: WirePeer, n: int) -> float:
    """How long the answer to a PING takes that has this number, in seconds.

    Raises:
        Inconclusive: There are no keys.
    """
    sealer = peer.peer.sealer
    if sealer is None:
        raise Inconclusive("there are no keys")
    sealer.state.n = n
    known = len(peer.heard)
    start = time.perf_counter()
    peer.ping(n.to_bytes(8))
    peer.wait_for("PONG", after=known)
    return time.perf_counter() - start


@case("REPL-12", wire="sipc/1", needs=("datagram",), axes="each", timing=True)
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("jump", [2**32, 2**63], ids=hex)
def test_time_of_a_jump(lab: Lab, role: Role, jump: int) -> None:
    """A record's number is very far ahead of all before it. The answer to it must come about as soon as the answer to any
    other, and no memory may be taken for what was passed over."""
    ratios: list[float] = []
    grown: list[int] = []
    for _ in range(TRIES):
        peer = datagram_peer(lab, role)
        usual = statistics.median(_answered(peer, n) for n in range(1, USUAL))
        lab.require_control_that(
            peer.labels().count("PONG") == USUAL - 1, "records in order were not answered"
        )
        before = lab.memory(role)
        taken = _answered(peer, jump)
        grown.append(lab.memory(role) - before)
        lab.require_control_that(
            peer.labels().count("PONG") == USUAL, "the record that is ahead was not answered"
        )
        ratios.append(taken / usual)
        peer.hang_up()
    lab.did(
        f"sent a record {jump} ahead, {TRIES} times; answers took {', '.join(f'{one:.1f}' for one in ratios)}"
    )
    best = min(ratios)
    lab.require_that(best < RATIO, "about the usual time", f"{best:.0f} times as long", "slow")
    lab.require_that(min(grown) < MIB, "no memory", f"{min(grown) >> 10} KiB more", "memory")


@case("REPL-12", wire="sipc/1", needs=("datagram",), axes="each", timing=True)
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_memory_of_many_records(lab: Lab, role: Role) -> None:
    """Very many records come, each of them far ahead of the last one. Their numbers must not be remembered for ever."""
    peer = datagram_peer(lab, role)
    step = LAST // (3 * MANY)
    number = step
    number = _records(peer, number, step, MANY // 2)
    before = lab.memory(role)
    number = _records(peer, number, step, MANY)
    grown = lab.memory(role) - before
    lab.did(f"sent {MANY} records, each {step} ahead of the last one; memory grew by {grown >> 10} KiB")
    lab.require_control_that(peer.ended is None, "the session ended")
    lab.require_that(grown < MANY * PER_RECORD, "memory that stays", f"{grown >> 10} KiB more", "memory")


def _records(peer: WirePeer, number: int, step: int, count: int) -> int:
    """Send so many records that mean nothing, in pieces, each with an answer behind it."""
    sealer = peer.peer.sealer
    for at in range(count):
        if sealer is None:
            raise Inconclusive("there are no keys")
        sealer.state.n = number
        peer.raw_peer.write(peer.peer.record(0x80, b"").data)
        number += step
        if at % BATCH == BATCH - 1:
            _answered(peer, number)
            number += step
    return number
