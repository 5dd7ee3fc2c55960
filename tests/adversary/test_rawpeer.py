"""Ends that are played by hand."""

import pytest
from systems import reset_of

from ipc_gauntlet.adversary import RawPeer
from ipc_gauntlet.adversary.rawpeer import KEPT_BYTES
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import transports

WAIT_S = 10


@pytest.fixture(params=transports())
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_is_written_early_waits_for_the_client(reactor: Reactor, transport: str, workdir: str) -> None:
    """A server by hand can be told everything before anybody connects."""
    with RawPeer.listen(reactor, transport, workdir) as server:
        server.write(b"220 ")
        server.write(b"ready")
        server.finish()
        assert not server.connected
        assert server.buffered == 9
        with RawPeer.dial(reactor, server.address) as client:
            assert client.connected
            assert reactor.run_until(lambda: client.ended == "fin", WAIT_S)
            assert client.received == b"220 ready"
            assert client.ended_at is not None
            assert server.connected


def test_an_echo_by_hand(reactor: Reactor, transport: str, workdir: str) -> None:
    """A callback can answer at once."""
    with RawPeer.listen(reactor, transport, workdir) as mirror:
        mirror.on_bytes = mirror.write
        with RawPeer.dial(reactor, mirror.address) as client:
            client.write(b"echo")
            assert reactor.run_until(lambda: client.received == b"echo", WAIT_S)
            assert mirror.received == b"echo"


def test_only_the_first_client_is_served(reactor: Reactor, transport: str, workdir: str) -> None:
    """Later ones are dropped and counted."""
    with (
        RawPeer.listen(reactor, transport, workdir) as server,
        RawPeer.dial(reactor, server.address) as first,
    ):
        assert reactor.run_until(lambda: server.connected, WAIT_S)
        with RawPeer.dial(reactor, server.address) as second:
            assert reactor.run_until(lambda: second.ended is not None, WAIT_S)
        assert server.refused == 1
        first.write(b"still here")
        assert reactor.run_until(lambda: server.received == b"still here", WAIT_S)


def test_an_abort_by_hand(reactor: Reactor, transport: str, workdir: str) -> None:
    """It is a reset where there are resets."""
    with (
        RawPeer.listen(reactor, transport, workdir) as server,
        RawPeer.dial(reactor, server.address) as client,
    ):
        server.abort()  # without a client there is nothing to drop
        assert reactor.run_until(lambda: server.connected, WAIT_S)
        client.abort()
        assert reactor.run_until(lambda: server.ended is not None, WAIT_S)
        assert server.ended == reset_of(transport, created=False)


def test_a_connection_that_fails(reactor: Reactor, transport: str, workdir: str) -> None:
    """It ends with an error that can be read."""
    server = RawPeer.listen(reactor, transport, workdir)
    server.close()
    with RawPeer.dial(reactor, server.address) as client:
        assert reactor.run_until(lambda: client.ended == "error", WAIT_S)
        assert "cannot connect" in client.error
    assert server.error == ""


def test_dribbling(reactor: Reactor, transport: str, workdir: str) -> None:
    """Bytes come one by one, in the rhythm that was asked for, and stop when the peer is closed."""
    with (
        RawPeer.listen(reactor, transport, workdir) as server,
        RawPeer.dial(reactor, server.address) as client,
    ):
        pieces: list[tuple[float, bytes]] = []
        server.on_bytes = lambda data: pieces.append((reactor.now(), data))
        start = reactor.now()
        client.dribble(b"abc", 0.02)
        assert reactor.run_until(lambda: server.received == b"abc", WAIT_S)
        assert pieces[-1][0] - start >= 0.04
        client.dribble(b"x" * 1000, 0.005, size=2)
        client.close()
        assert not reactor.run_until(lambda: False, 0.02)


def test_a_peer_that_does_not_read(reactor: Reactor, transport: str, workdir: str) -> None:
    """What is sent to it piles up; reading can be stopped and started."""
    with (
        RawPeer.listen(reactor, transport, workdir, reading=False) as server,
        RawPeer.dial(reactor, server.address) as client,
    ):
        client.write(bytes(16 << 20))
        assert not reactor.run_until(lambda: client.buffered == 0, 0.05)
        assert server.received == b""
        server.resume()
        assert reactor.run_until(lambda: client.buffered == 0, WAIT_S)
        server.pause()
        assert reactor.run_until(lambda: True, 0)


def test_what_is_kept_is_bounded(reactor: Reactor, transport: str, workdir: str) -> None:
    """All bytes are counted, the first of them kept."""
    with (
        RawPeer.listen(reactor, transport, workdir) as server,
        RawPeer.dial(reactor, server.address) as client,
    ):
        client.write(bytes(KEPT_BYTES + 1000))
        client.finish()
        assert reactor.run_until(lambda: server.ended == "fin", WAIT_S)
        assert server.bytes_seen == KEPT_BYTES + 1000
        assert len(server.received) == KEPT_BYTES


def test_writing_to_a_peer_that_left(reactor: Reactor, transport: str, workdir: str) -> None:
    """It shows as broken."""
    with (
        RawPeer.listen(reactor, transport, workdir) as server,
        RawPeer.dial(reactor, server.address) as client,
    ):
        assert reactor.run_until(lambda: server.connected, WAIT_S)
        client.close()
        for _ in range(20):
            server.write(b"hello?")
            if reactor.run_until(lambda: server.broken, 0.1):
                break
        assert server.broken
