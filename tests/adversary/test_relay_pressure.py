"""The relay on real sockets: peers that do not read, stalls, and what is held back."""

import os
import sys

import pytest
from relay_stage import Stage

from ipc_gauntlet.adversary import (
    Cut,
    Hold,
    Limits,
    RawPeer,
    Selector,
    Stall,
)
from ipc_gauntlet.errors import HarnessError

START = {"since_mark": False}


def test_a_receiver_that_does_not_read_slows_its_sender(stage: Stage) -> None:
    """Memory is bounded: the relay stops reading, and goes on when the receiver does."""
    relay = stage.start(limits=Limits(buffered=256 * 1024, capture=1024 * 1024))
    slow = RawPeer.listen(stage.reactor, stage.transport, stage.directory, reading=False)
    stage.own.append(slow)
    relay.upstream = dict(slow.address)
    client = stage.dial()
    frame = stage.wrap(os.urandom(60_000))
    for _ in range(400):
        client.write(frame)
    client.finish()
    link = relay.links[0]
    stage.jam(link, "c2s")
    seen = link.bytes_seen("c2s")
    assert seen < 400 * len(frame)
    assert client.buffered > 0
    assert link._outlets["server"].buffered < 256 * 1024 + 2 * 65536 + len(frame)
    slow.resume()
    assert stage.wait(lambda: slow.ended == "fin")
    assert slow.bytes_seen == 400 * len(frame)
    with pytest.raises(HarnessError, match="not complete"):
        link.recording("c2s")


def test_a_reset_comes_behind_what_waits(stage: Stage) -> None:
    """Bytes that the receiver has no room for yet are not lost by the cut behind them."""
    if stage.transport == "tcp" and sys.platform != "linux":
        pytest.skip("only Linux tells how many bytes a reset of TCP would lose")
    cut = Cut(Selector("c2s", 99, **START), how="reset", after=True, toward="receiver")
    relay = stage.start(cut, limits=Limits(buffered=64 << 20))
    slow = RawPeer.listen(stage.reactor, stage.transport, stage.directory, reading=False)
    stage.own.append(slow)
    relay.upstream = dict(slow.address)
    client = stage.dial()
    frame = stage.wrap(os.urandom(60_000))
    for _ in range(100):
        client.write(frame)
    assert stage.wait(lambda: relay.unfired() == [])
    assert slow.received == b""
    slow.resume()
    assert stage.wait(lambda: slow.ended is not None)
    assert slow.received == frame * 100


@pytest.mark.parametrize("buffered", [1 << 20, 64 << 20], ids=["paused", "all read"])
def test_a_receiver_that_leaves_while_bytes_wait_for_it(stage: Stage, buffered: int) -> None:
    """The link does not wait for ever to get rid of them, whether or not it has read everything."""
    relay = stage.start(limits=Limits(buffered=buffered))
    client = stage.dial(reading=False)
    stage.server.write(os.urandom(16 << 20))
    stage.server.finish()
    link = relay.links[0]
    stage.jam(link, "s2c")
    client.finish()
    assert stage.wait(lambda: link.ended("c2s") == "fin")
    assert not link.closed
    client.abort()
    assert stage.wait(lambda: link.closed)


def test_a_stall_without_reading_fills_the_senders_buffers(stage: Stage) -> None:
    """The sender cannot get rid of its bytes; in a black hole it can."""
    relay = stage.start(Stall("c2s", reading=False), Stall("c2s", link=1))
    blocked = stage.dial()
    relay.upstream = dict(stage.listen().address)  # the first server by hand takes one client only
    swallowed = stage.dial()
    data = os.urandom(8 << 20)
    blocked.write(data)
    swallowed.write(data)
    assert stage.wait(lambda: swallowed.buffered == 0)
    assert stage.wait(lambda: relay.links[1].bytes_seen("c2s") == len(data))
    assert blocked.buffered > 1 << 20
    assert relay.links[0].bytes_seen("c2s") == 0
    assert stage.server.received == b""


def test_stalled_by_hand_and_resumed(stage: Stage) -> None:
    """Nothing is lost when reading was stopped."""
    relay = stage.start()
    client = stage.dial()
    link = relay.links[0]
    link.stall("c2s", reading=False)
    client.write(stage.wrap(b"x"))
    assert stage.still(lambda: stage.server.received != b"")
    link.resume()
    assert stage.wait(lambda: stage.server.received == stage.wrap(b"x"))


def test_held_and_released_by_hand(stage: Stage) -> None:
    """A frame is withheld while later ones pass."""
    relay = stage.start(Hold(Selector("c2s", 0, **START)))
    client = stage.dial()
    client.write(stage.wrap(b"a") + stage.wrap(b"b"))
    assert stage.wait(lambda: stage.server.received == stage.wrap(b"b"))
    link = relay.links[0]
    assert link.held("c2s") == [stage.wrap(b"a")]
    link.release()
    assert stage.wait(lambda: stage.server.received == stage.wrap(b"b") + stage.wrap(b"a"))
    link.inject("s2c", b"!")
    assert stage.wait(lambda: client.received == b"!")
    link.cut("fin")
    assert stage.wait(lambda: client.ended == "fin" and stage.server.ended == "fin")
