"""The relay on real sockets: what passes, faults, ends, and nothing left behind."""

import pytest
from relay_stage import WAIT_S, Stage
from systems import reset_of

from ipc_gauntlet.adversary import (
    Cut,
    Drop,
    Duplicate,
    Flip,
    InjectOnOpen,
    Limits,
    RawPeer,
    Rechunk,
    Redirect,
    Relay,
    Selector,
)
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor

START = {"since_mark": False}


def test_a_conversation_passes_and_is_recorded(stage: Stage) -> None:
    """Both directions, ends included; the relay's side is closed when both have ended."""
    relay = stage.start()
    client = stage.dial()
    client.write(stage.wrap(b"hello") + stage.wrap(b"world"))
    if stage.transport == "pipe":  # without halves, the server says its word before the client ends
        stage.server.write(stage.wrap(b"bye"))
        assert stage.wait(lambda: client.received == stage.wrap(b"bye"))
        assert stage.wait(lambda: len(stage.server.received) == 18)
        client.finish()
    else:
        client.finish()
        assert stage.wait(lambda: stage.server.ended == "fin")
        stage.server.write(stage.wrap(b"bye"))
        stage.server.finish()
    assert stage.wait(lambda: stage.server.ended == "fin" and client.ended == "fin")
    link = relay.links[0]
    assert stage.server.received == stage.wrap(b"hello") + stage.wrap(b"world")
    assert client.received == stage.wrap(b"bye")
    assert link.recording("c2s") == [stage.wrap(b"hello"), stage.wrap(b"world")]
    assert (link.count("c2s"), link.bytes_seen("c2s"), link.count("s2c")) == (2, 18, 1)
    assert (link.ended("c2s"), link.ended("s2c")) == ("fin", "fin")
    assert stage.wait(lambda: link.closed)
    assert link.quiet_for() >= 0


def test_the_mark_and_what_came_since(stage: Stage) -> None:
    """After one message in each direction the mark separates set-up from attack."""
    relay = stage.start(Drop(Selector("c2s", 1)))
    client = stage.dial()
    client.write(stage.wrap(b"greeting"))
    assert stage.wait(lambda: len(stage.server.received) == 12)
    link = relay.links[0]
    assert link.since_mark("c2s") == []
    assert not link.marked
    link.mark()
    client.write(stage.wrap(b"a") + stage.wrap(b"b") + stage.wrap(b"c"))
    assert stage.wait(lambda: len(stage.server.received) == 22)
    assert link.marked
    assert link.since_mark("c2s") == [stage.wrap(b"a"), stage.wrap(b"b"), stage.wrap(b"c")]
    assert [frame.data for frame in link.frames("c2s", original=False)][1:] == [
        stage.wrap(b"a"),
        stage.wrap(b"c"),
    ]
    assert relay.unfired() == []
    assert [firing.describe() for firing in relay.firings] == [
        "fault 0: link 0 c2s #2 (frame): dropped 5 bytes"
    ]


def test_faults_that_never_fired_are_told(stage: Stage) -> None:
    """A frame that never came, or a link that never was."""
    never, elsewhere = Drop(Selector("c2s", 7, **START)), Flip(Selector("c2s", 0, **START), link=3)
    fires = Flip(Selector("c2s", 0, **START))
    relay = stage.start(never, fires, elsewhere)
    client = stage.dial()
    client.write(stage.wrap(b"x"))
    assert stage.wait(lambda: stage.server.received != b"")
    assert relay.unfired() == [never, elsewhere]


def test_faults_choose_their_link(stage: Stage) -> None:
    """By default the first; a number for another; None for all. Links do not share anything."""
    relay = stage.start(
        Duplicate(Selector("c2s", 0, **START), link=None),
        Drop(Selector("c2s", 1, **START), link=1),
        framer="u32be",
    )
    echoes = [stage.server]
    clients = [stage.dial()]
    other = stage.listen()
    relay.upstream = dict(other.address)
    clients.append(stage.dial())
    echoes.append(other)
    for number in range(2):
        for which, client in enumerate(clients):
            client.write(stage.wrap(b"%d%d" % (which, number)))
    assert stage.wait(lambda: len(echoes[0].received) == 18 and len(echoes[1].received) == 12)
    assert stage.still(lambda: len(echoes[1].received) > 12)
    assert echoes[0].received == stage.wrap(b"00") * 2 + stage.wrap(b"01")
    assert echoes[1].received == stage.wrap(b"10") * 2
    assert [(firing.link, firing.fault_index) for firing in relay.firings] == [(0, 0), (1, 0), (1, 1)]


@pytest.mark.parametrize("after", [True, False])
def test_a_regular_cut_is_seen_by_both(stage: Stage, *, after: bool) -> None:
    """Both read everything that was to pass, and then a regular end; their own last words do no harm."""
    relay = stage.start(Cut(Selector("c2s", 1, **START), after=after))
    client = stage.dial()
    client.write(stage.wrap(b"a"))
    assert stage.wait(lambda: stage.server.received != b"")
    client.write(stage.wrap(b"b") + stage.wrap(b"c"))
    assert stage.wait(lambda: stage.server.ended is not None and client.ended is not None)
    assert (stage.server.ended, client.ended) == ("fin", "fin")
    assert stage.server.received == stage.wrap(b"a") + (stage.wrap(b"b") if after else b"")
    client.write(stage.wrap(b"last words"))
    client.finish()
    stage.server.finish()
    link = relay.links[0]
    assert stage.wait(lambda: link.closed)
    if stage.transport != "pipe":  # which is gone by now, in both directions
        assert link.recording("c2s")[-1] == stage.wrap(b"last words")


def test_a_reset_is_one_where_there_are_resets(stage: Stage) -> None:
    """The bytes in front of it arrive; on a Unix socket the end looks regular, which is what the system offers."""
    stage.start(Cut(Selector("c2s", 1, **START), how="reset", inside=5))
    client = stage.dial()
    client.write(stage.wrap(b"abc") + stage.wrap(b"def"))
    assert stage.wait(lambda: stage.server.ended is not None and client.ended is not None)
    assert stage.server.ended == reset_of(stage.transport, created=False)
    assert client.ended == reset_of(stage.transport, created=True)
    assert stage.server.received == stage.wrap(b"abc") + stage.wrap(b"def")[:5]


@pytest.mark.parametrize("who", ["client", "server"])
def test_an_abort_by_one_end_reaches_the_other(stage: Stage, who: str) -> None:
    """The relay passes on how an end left, after what it had said."""
    stage.start()
    client = stage.dial()
    client.write(stage.wrap(b"x"))
    assert stage.wait(lambda: stage.server.received != b"")
    leaver, other = (client, stage.server) if who == "client" else (stage.server, client)
    leaver.abort()
    assert stage.wait(lambda: other.ended is not None)
    assert other.ended == reset_of(stage.transport, created=who == "server")


def test_last_words_of_a_server_that_left(stage: Stage) -> None:
    """An alert in front of the end reaches the client although the client is still sending."""
    relay = stage.start()
    client = stage.dial()
    client.write(stage.wrap(b"x"))
    assert stage.wait(lambda: stage.server.received != b"")
    stage.server.write(stage.wrap(b"alert"))
    stage.server.close()
    for _ in range(5):
        client.write(stage.wrap(b"more"))
    assert stage.wait(lambda: client.ended is not None)
    assert client.received == stage.wrap(b"alert")
    for _ in range(50):
        client.write(stage.wrap(b"more"))
        if not stage.still(lambda: client.broken or relay.links[0].closed):
            break
    assert stage.wait(lambda: relay.links[0].closed)


def test_a_server_that_is_not_there(stage: Stage) -> None:
    """The client's connection ends, and the trace says why."""
    relay = stage.start()
    stage.server.close()
    client = stage.dial()
    assert stage.wait(lambda: client.ended is not None)
    assert any("cannot connect" in remark for remark in relay.links[0].remarks)


def test_one_byte_at_a_time_is_seen_as_such(stage: Stage) -> None:
    """On a Unix socket every piece is read alone; on TCP most of them are."""
    pieces: list[bytes] = []
    stage.server.on_bytes = pieces.append
    stage.start(Rechunk("both", "bytes"))
    client = stage.dial()
    data = stage.wrap(b"0123456789" * 5)
    client.write(data)
    client.finish()
    assert stage.wait(lambda: stage.server.ended == "fin")
    assert b"".join(pieces) == data
    assert len(pieces) == len(data) if stage.transport == "unix" else len(pieces) > len(data) // 2


def test_a_paced_stream_to_a_peer_that_does_not_read(stage: Stage) -> None:
    """The pace does not wait for ever for a reader."""
    relay = stage.start(Rechunk("c2s", (10,)))
    silent = RawPeer.listen(stage.reactor, stage.transport, stage.directory, reading=False)
    stage.own.append(silent)
    relay.upstream = dict(silent.address)
    client = stage.dial()
    client.write(stage.wrap(b"x" * 100))
    client.finish()
    link = relay.links[0]
    assert stage.wait(lambda: link.ended("c2s") == "fin" and link._outlets["server"].buffered == 0)
    silent.resume()
    assert stage.wait(lambda: silent.ended == "fin")
    assert silent.received == stage.wrap(b"x" * 100)


def test_opaque_frames_by_silence(stage: Stage) -> None:
    """Without framing the relay waits for silence; what was written in pieces is one frame."""
    relay = stage.start(Duplicate(Selector("c2s", 0, **START)), framer="opaque")
    client = stage.dial()
    client.write(b"one ")
    client.write(b"message")
    assert stage.wait(lambda: stage.server.received == b"one messageone message")
    assert relay.links[0].count("c2s") == 1


def test_injected_before_the_connection_is_up(stage: Stage) -> None:
    """Bytes for the server wait until it accepts."""
    stage.start(InjectOnOpen("c2s", b"first"), InjectOnOpen("s2c", b"banner"))
    client = stage.dial()
    assert stage.wait(lambda: stage.server.received == b"first" and client.received == b"banner")


def test_replaying_a_recording(stage: Stage) -> None:
    """What one client said can be said again by a peer by hand."""
    relay = stage.start()
    client = stage.dial()
    client.write(stage.wrap(b"a") + stage.wrap(b"b"))
    assert stage.wait(lambda: relay.links[0].count("c2s") == 2)
    target = stage.listen()
    again = RawPeer.dial(stage.reactor, target.address)
    stage.own.append(again)
    for frame in relay.links[0].recording("c2s"):
        again.write(frame)
    assert stage.wait(lambda: target.received == stage.wrap(b"a") + stage.wrap(b"b"))


def test_the_trace_shows_what_was_done(stage: Stage) -> None:
    """By default around the first attacked frame, at wish around another, else the end."""
    relay = stage.start(Flip(Selector("c2s", 5, **START)))
    client = stage.dial()
    for number in range(9):
        client.write(stage.wrap(b"%d" % number))
    link = relay.links[0]
    assert stage.wait(lambda: link.count("c2s") == 9)
    assert [line.index for line in link.trace(context=1)] == [4, 5, 6]
    assert "flipped" in str(link.trace(context=0)[0])
    assert [line.index for line in link.trace(around=2, context=1)] == [1, 2, 3]
    quiet = stage.dial()
    quiet.write(stage.wrap(b"x"))
    assert stage.wait(lambda: relay.links[1].count("c2s") == 1)
    assert relay.links[1].trace()[0].index == 0


def test_links_are_limited(stage: Stage) -> None:
    """A client that connects for ever does not fill the harness's memory."""
    relay = stage.start(limits=Limits(links=1))
    stage.dial()
    extra = RawPeer.dial(stage.reactor, relay.address)
    stage.own.append(extra)
    assert stage.wait(lambda: extra.ended is not None)
    assert (len(relay.links), relay.refused) == (1, 1)


def test_closing_keeps_the_capture(stage: Stage) -> None:
    """After close everything can still be read, and acting does nothing."""
    relay = stage.start()
    client = stage.dial()
    client.write(stage.wrap(b"x"))
    assert stage.wait(lambda: stage.server.received != b"")
    relay.close()
    relay.close()
    link = relay.links[0]
    link.inject("c2s", b"late")
    link.mark()
    assert link.closed
    assert link.firings == []
    assert link.recording("c2s") == [stage.wrap(b"x")]
    assert stage.wait(lambda: client.ended is not None)


def test_nothing_is_left_after_an_exception(reactor: Reactor, transport: str, workdir: str) -> None:
    """Leaving the block by an exception closes listener, links and sockets."""

    def broken_case() -> None:
        with (
            RawPeer.listen(reactor, transport, workdir) as server,
            Relay(reactor, upstream=server.address, directory=workdir) as relay,
            RawPeer.dial(reactor, relay.address),
        ):
            assert reactor.run_until(lambda: bool(relay.links), WAIT_S)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_case()


def test_bad_set_ups_fail_at_once(reactor: Reactor, workdir: str) -> None:
    """A wrong framer or upstream is an error of the constructor, and opens nothing."""
    upstream = {"transport": "unix", "path": f"{workdir}/x"}
    with pytest.raises(HarnessError, match="no framer"):
        Relay(reactor, upstream=upstream, directory=workdir, framer="http")
    with pytest.raises(HarnessError, match="no transport"):
        Relay(reactor, upstream={"path": "x"}, directory=workdir)


def test_a_bad_redirect_does_not_leak_the_client(stage: Stage) -> None:
    """The error leaves through the reactor, and the client's connection is closed."""
    relay = stage.start(Redirect({"transport": "tcp", "host": "192.0.2.7", "port": 9}))
    client = RawPeer.dial(stage.reactor, relay.address)
    stage.own.append(client)
    with pytest.raises(HarnessError, match="loopback"):
        stage.wait(lambda: client.ended is not None)
    assert stage.wait(lambda: client.ended is not None)
