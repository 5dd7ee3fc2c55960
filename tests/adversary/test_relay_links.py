"""The relay on real sockets: links that lead elsewhere or take from each other."""

import pytest
from relay_stage import Stage

from ipc_gauntlet.adversary import (
    Recorded,
    Redirect,
    Replace,
    Selector,
    Takeover,
)
from ipc_gauntlet.errors import HarnessError

START = {"since_mark": False}


def test_redirected_to_another_server(stage: Stage) -> None:
    """The link leads elsewhere; the next one leads to the right server again."""
    other = stage.listen()
    relay = stage.start(Redirect({**other.address}))  # type: ignore[arg-type]
    spliced, straight = stage.dial(), stage.dial()
    spliced.write(b"\x00\x00\x00\x01a")
    straight.write(b"\x00\x00\x00\x01b")
    assert stage.wait(lambda: other.received != b"" and stage.server.received != b"")
    assert (other.received[-1:], stage.server.received[-1:]) == (b"a", b"b")
    assert relay.unfired() == []


def test_a_new_client_on_the_old_connection(stage: Stage) -> None:
    """The server sees one connection, and bytes of two clients on it."""
    relay = stage.start(Takeover(of=0, link=1))
    old = stage.dial()
    old.write(stage.wrap(b"old"))
    assert stage.wait(lambda: stage.server.received == stage.wrap(b"old"))
    new = stage.dial()
    new.write(stage.wrap(b"new"))
    assert stage.wait(lambda: stage.server.received == stage.wrap(b"old") + stage.wrap(b"new"))
    old.write(stage.wrap(b"lost"))
    stage.server.write(stage.wrap(b"answer"))
    assert stage.wait(lambda: new.received == stage.wrap(b"answer"))
    assert stage.still(lambda: old.received != b"" or old.ended is not None)
    assert stage.server.refused == 0
    assert relay.unfired() == []
    with pytest.raises(HarnessError, match="no connection with a server"):
        relay.links[0].detach_server(2)
    new.finish()
    assert stage.wait(lambda: stage.server.ended == "fin")


def test_a_frame_of_another_link(stage: Stage) -> None:
    """A record moves from the first connection into the second, in place of the one at the same position."""
    at = Selector("c2s", 1, **START)
    relay = stage.start(Replace(at, Recorded(0, at), link=1))
    first = stage.dial()
    first.write(stage.wrap(b"a0") + stage.wrap(b"a1"))
    assert stage.wait(lambda: relay.links[0].count("c2s") == 2)
    target = stage.listen()
    relay.upstream = dict(target.address)
    second = stage.dial()
    second.write(stage.wrap(b"b0") + stage.wrap(b"b1"))
    assert stage.wait(lambda: target.received == stage.wrap(b"b0") + stage.wrap(b"a1"))
    assert relay.unfired() == []


def test_find_counts_like_a_selector(stage: Stage) -> None:
    """From the start or from the newest mark, by label; None for a frame that has not come."""
    relay = stage.start()
    client = stage.dial()
    client.write(stage.wrap(b"a"))
    assert stage.wait(lambda: relay.links[0].count("c2s") == 1)
    link = relay.links[0]
    assert link.find(Recorded(0, Selector("c2s", 0))) is None
    link.mark()
    client.write(stage.wrap(b"b"))
    assert stage.wait(lambda: link.count("c2s") == 2)
    assert link.find(Recorded(0, Selector("c2s", 0))) == stage.wrap(b"b")
    assert link.find(Recorded(0, Selector("c2s", 0, **START))) == stage.wrap(b"a")
    assert link.find(Recorded(0, Selector("c2s", 1, "frame", **START))) == stage.wrap(b"b")
    assert link.find(Recorded(0, Selector("c2s", 0, "record", **START))) is None


def test_a_recorded_frame_of_a_link_that_is_not_there(stage: Stage) -> None:
    """A schedule that names a link that cannot exist yet is an error, not a silent pass."""
    relay = stage.start(Replace(Selector("c2s", 0, **START), Recorded(5, Selector("c2s"))))
    client = stage.dial()
    client.write(stage.wrap(b"x"))
    with pytest.raises(HarnessError, match="no link 5"):
        stage.wait(lambda: stage.server.received != b"")
    assert relay.links[0].count("c2s") == 1
