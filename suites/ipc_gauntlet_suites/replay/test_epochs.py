"""Keys that follow from numbers: epochs of profile D, forged records in them, and timers that only the peer may move."""

import pytest

from ipc_gauntlet import Lab, Role, WirePeer, case
from ipc_gauntlet_suites.replay.datagrams import Numbered, Schedule, datagram_peer, renumbered, stream_peer
from ipc_gauntlet_suites.scripts import BOTH_ROLES

EPOCH_BITS = 6
EPOCH = 1 << EPOCH_BITS
#: docs/sipc1.md, section 20.
GRACE_MS = 30_000
IDLE_MS, PROBE_MS = 4000, 1000
STEP_MS = 500


@case("REPL-04", wire="sipc/1", needs=("datagram", "virtual-clock"), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_grace_of_an_epoch(lab: Lab, role: Role) -> None:
    """The peer goes on with the next epoch. Records of the one before must be taken for the documented 30 seconds, and
    never after that; records of the epoch before that one must not be taken at all."""
    peer = datagram_peer(lab, role, epoch_bits=EPOCH_BITS, options={"clock": "virtual"})
    schedule = Schedule(lab, peer, ahead=True)
    schedule.prepare(3, 4, 5, *range(EPOCH, EPOCH + 16), *range(2 * EPOCH, 2 * EPOCH + 16))
    schedule.expect(Numbered(EPOCH), Numbered(3), what="a record of the next epoch, then one of the first")
    lab.advance(GRACE_MS - 1)
    schedule.expect(Numbered(4), what="a record of the first epoch within its grace")
    lab.advance(1)
    schedule.refuse(Numbered(5), what="a record of the first epoch behind its grace")
    schedule.expect(Numbered(2 * EPOCH), Numbered(EPOCH + 15), what="the third epoch, and one of the second")
    schedule.refuse(Numbered(5), what="a record of two epochs ago, within the grace of the last one")


@case("REPL-06", wire="sipc/1", needs=("datagram",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("bits", [EPOCH_BITS, 64], ids=["short-epochs", "one-epoch"])
def test_forged_numbers(lab: Lab, role: Role, bits: int) -> None:
    """Forged records come between genuine ones: with the next number, with huge ones, with those of the next epochs, random
    bytes, too short. Every genuine record must still be taken, whatever the forged ones said."""
    schedule = Schedule(lab, datagram_peer(lab, role, epoch_bits=bits))
    schedule.prepare(*range(2, 40))
    model = schedule.frame(2)
    huge = (2**32, 2**63, 2**64 - 2, 2**64 - 1)
    nearby = (3, 4, 30, EPOCH, EPOCH + 1, 2 * EPOCH, 3 * EPOCH, 4 * EPOCH)
    forged = [renumbered(model, n) for n in (*nearby, *huge)]
    forged += [
        b"\x00\x58" + lab.rng.randbytes(88),
        b"\x00\x18" + lab.rng.randbytes(24),
        b"\x00\x17" + bytes(23),
    ]
    forged += [b"\x00\x00", b"\x00\x08" + bytes(8), model[:-1] + bytes([model[-1] ^ 1])]
    n = 2
    for bad in forged:
        schedule.peer.raw(bad, "a forged record")
        schedule.expect(Numbered(n), what=f"record {n} behind a forged one")
        n += 1
    lab.did(f"sent {len(forged)} forged records, a genuine one behind each")


@case("REPL-06", wire="sipc/1", needs=("virtual-clock",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("mode", ["stream", "datagram"])
def test_garbage_keeps_nobody_alive(lab: Lab, role: Role, mode: str) -> None:
    """The peer is silent, but bytes that nobody has authenticated keep coming: forged records where these are dropped, pieces
    of one where they are not. The silence must be noticed at its time all the same. In the control the same number of
    genuine records comes, and the session goes on."""
    options: dict[str, object] = {
        "clock": "virtual",
        "timeouts": {"idle_ms": IDLE_MS, "probe_ms": PROBE_MS, "request_ms": 60_000},
    }
    if mode == "datagram":
        lab.need("datagram", "it has no records that may be lost")
    steps = (IDLE_MS + PROBE_MS) // STEP_MS + 1
    over = _noise(lab, _silent(lab, role, mode, options), mode, steps, genuine=True)
    lab.require_control_that(not over, "genuine records did not keep the session alive")
    over = _noise(lab, _silent(lab, role, mode, options), mode, steps, genuine=False)
    lab.did(f"{steps * STEP_MS} ms passed with {steps} pieces of garbage, and nothing else")
    lab.require_that(over, "the silent peer to be noticed", "the session goes on", "kept-alive")


def _silent(lab: Lab, role: Role, mode: str, options: dict[str, object]) -> WirePeer:
    """A session in which the case's own side answers nothing."""
    make = datagram_peer if mode == "datagram" else stream_peer
    peer = make(lab, role, options=options)
    peer.by_hand()
    return peer


def _noise(lab: Lab, peer: WirePeer, mode: str, steps: int, *, genuine: bool) -> bool:
    """Send something in every step of virtual time; whether the implementation under test has given up at the end."""
    for turn in range(steps):
        if genuine:
            known = len(peer.heard)
            peer.ping(turn.to_bytes(8))
            peer.wait_for("PONG", after=known)
        elif mode == "stream":
            peer.raw(b"\x40" if turn == 0 else b"\0", "a piece of a record")
        else:
            peer.raw(b"\x00\x58" + (turn + 1).to_bytes(8) + lab.rng.randbytes(80), "a forged record")
        if not genuine:
            lab.settle(lambda: peer.ended is not None)
        lab.advance(STEP_MS)
    return lab.settle(lambda: bool(lab.iut_view(peer).endings))
