"""Streams and listeners over sockets: Unix sockets where there are any, and loopback TCP. Pipes have tests of their own."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_places import listen_for, soon

from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.places import TRANSPORTS, listen_on_loopback, open_stream
from sipc_runtime.sockets import SocketStream
from sipc_runtime.transport import EndpointRefused, Listener, Stream, StreamBroken, TcpAddress, TransportError

SOCKETS = sorted(set(TRANSPORTS) - {"pipe"})


@pytest.fixture(params=SOCKETS)
def listener(request: pytest.FixtureRequest, private_dir: Path) -> Iterator[Listener]:
    """A listener of each kind."""
    made = listen_for(request.param, private_dir)
    yield made
    made.close()


def joined(listener: Listener) -> tuple[Stream, Stream]:
    """A client's and a server's end of one connection."""
    client = open_stream(listener.address, SYSTEM_CLOCK, soon())
    server = listener.accept()
    assert server is not None
    return client, server


def test_bytes_both_ways(listener: Listener) -> None:
    """What one end writes the other reads, and the end of the stream is seen."""
    client, server = joined(listener)
    assert client.write_some(b"up") == 2
    assert server.write_some(memoryview(b"down")) == 4
    assert server.read(100) == b"up"
    assert client.read(100) == b"down"
    server.hang_up()
    assert client.read(100) == b""
    server.close()
    client.close()


def test_writing_does_not_wait(listener: Listener) -> None:
    """When the peer does not read, a write takes nothing instead of waiting."""
    client, server = joined(listener)
    taken = 0
    while count := client.write_some(bytes(1 << 16)):
        taken += count
    assert taken > 0
    received = 0
    while received < taken:
        received += len(server.read(1 << 20))
    client.wait_writable()
    assert client.write_some(b"more") == 4
    client.close()
    server.close()


def test_hanging_up_wakes_a_reader(listener: Listener) -> None:
    """Another thread can end a read; hanging up twice, or with the peer gone, is harmless."""
    client, server = joined(listener)
    results: list[bytes] = []
    thread = threading.Thread(target=lambda: results.append(client.read(10)))
    thread.start()
    client.hang_up()
    thread.join(20.0)
    assert results == [b""]
    server.close()
    client.hang_up()
    client.close()


def test_writing_to_a_peer_that_is_gone(listener: Listener) -> None:
    """A broken stream is an error of the transport, and never a signal or an OSError."""
    client, server = joined(listener)
    server.close()
    with pytest.raises(StreamBroken):
        [client.write_some(bytes(1 << 16)) for _ in range(1000)]
    client.close()
    with pytest.raises(StreamBroken):
        client.read(1)
    client.wait_writable()


def test_interrupting_accept(listener: Listener) -> None:
    """A waiting accept returns None, and so does every later one."""
    results: list[Stream | None] = []
    thread = threading.Thread(target=lambda: results.append(listener.accept()))
    thread.start()
    listener.interrupt()
    thread.join(20.0)
    assert results == [None]
    assert listener.accept() is None


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "127.0.0.2", "::", "192.0.2.1", "127.1", ""])  # noqa: S104
def test_only_literal_loopback_addresses(host: str) -> None:
    """No name is resolved and no other interface is used, in either role."""
    with pytest.raises(EndpointRefused):
        listen_on_loopback(host)
    with pytest.raises(EndpointRefused):
        open_stream(TcpAddress(host, 9), SYSTEM_CLOCK, soon())


def test_a_stream_owns_its_socket() -> None:
    """Closing the stream closes the socket."""
    left, right = socket.socketpair()
    stream = SocketStream(left)
    stream.close()
    assert left.fileno() == -1
    right.close()


def test_nobody_listens() -> None:
    """A closed port is refused at once."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(TransportError) as caught:
        open_stream(TcpAddress("127.0.0.1", port), SYSTEM_CLOCK, soon())
    assert caught.value.reason == "peer-closed"
