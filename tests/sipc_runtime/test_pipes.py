"""Named pipes: streams and listeners, on Windows itself and on a machine played in memory."""

import sys
import threading
import time
from collections.abc import Iterator

import pytest
from fake_pipes import FakePipes
from pipe_worlds import WORLDS, World, soon

from sipc_runtime.clock import SYSTEM_CLOCK, VirtualClock
from sipc_runtime.pipe_stream import PIPE_ROOM, PipeStream
from sipc_runtime.pipes import PipeListener, connect_pipe, fresh_name
from sipc_runtime.places import TRANSPORTS, listen_at_pipe, open_stream
from sipc_runtime.transport import (
    ConnectTimeout,
    DialLimits,
    EndpointRefused,
    PipeAddress,
    Stream,
    StreamBroken,
    TransportError,
)


@pytest.fixture(params=["played", "windows"] if sys.platform == "win32" else ["played"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Where the test runs; nothing may be left open in it."""
    made = WORLDS[request.param]()
    yield made
    for api in (made.server, made.client):
        if isinstance(api, FakePipes):
            assert api.open_handles() == 0


@pytest.fixture
def listener(world: World) -> Iterator[PipeListener]:
    """A listener."""
    made = world.listener()
    yield made
    made.close()


def in_thread(results: list[object], task: object) -> threading.Thread:
    """Start a thread that appends what `task` returns."""
    assert callable(task)
    thread = threading.Thread(target=lambda: results.append(task()))
    thread.start()
    return thread


def filled(stream: Stream) -> int:
    """Write until nothing more is taken; the number of bytes taken."""
    taken = 0
    while count := stream.write_some(bytes(PIPE_ROOM)):
        taken += count
    return taken


def test_bytes_both_ways(world: World, listener: PipeListener) -> None:
    """What one end writes the other reads, and the end of the stream is seen after what was written before it."""
    client, server = world.joined(listener)
    assert client.write_some(b"up") == 2
    assert server.write_some(memoryview(b"down")) == 4
    assert server.read(100) == b"up"
    assert client.read(100) == b"down"
    assert server.write_some(b"last words") == 10
    server.hang_up()
    assert client.read(4) == b"last"
    assert client.read(100) == b" words"
    assert client.read(100) == b""
    server.close()
    client.close()


def test_there_are_no_messages(world: World, listener: PipeListener) -> None:
    """Bytes only: two writes may be one read, and one write two."""
    client, server = world.joined(listener)
    client.write_some(b"one")
    client.write_some(b"two")
    received = b""
    while len(received) < 6:
        received += server.read(4)
    assert received == b"onetwo"
    client.close()
    server.close()


def test_writing_does_not_wait(world: World, listener: PipeListener) -> None:
    """When the peer does not read, a write takes nothing instead of waiting; what is under way is not lost."""
    client, server = world.joined(listener)
    taken = filled(client)
    assert taken > 0
    rest = bytes(PIPE_ROOM)
    received = 0
    while received < taken:
        received += len(server.read(1 << 20))
    client.wait_writable()
    # The write that was under way is part of what comes next.
    sent = taken
    while rest:
        count = client.write_some(rest)
        sent, rest = sent + count, rest[count:]
        if not count:
            received += len(server.read(1 << 20))
    while received < sent:
        received += len(server.read(1 << 20))
    assert received == taken + PIPE_ROOM
    client.close()
    server.close()


def test_every_byte_in_order_to_a_slow_reader(world: World, listener: PipeListener) -> None:
    """A writer that comes back with what was not taken gets everything through, once."""
    client, server = world.joined(listener)
    data = b"".join(number.to_bytes(4, "big") for number in range(100_000))

    def write() -> None:
        view = memoryview(data)
        while view:
            count = client.write_some(view)
            view = view[count:]
            if not count:
                client.wait_writable()
        client.hang_up()

    writer = threading.Thread(target=write)
    writer.start()
    received = bytearray()
    while piece := server.read(7777):
        received += piece
    writer.join(20.0)
    assert bytes(received) == data
    client.close()
    server.close()


def test_other_bytes_cannot_take_the_place_of_those_under_way(world: World, listener: PipeListener) -> None:
    """What is half written cannot be taken back, so the stream breaks instead of mixing two messages."""
    client, server = world.joined(listener)
    filled(client)
    with pytest.raises(StreamBroken, match="under way"):
        client.write_some(b"\x01" * PIPE_ROOM)
    with pytest.raises(StreamBroken, match="under way"):
        client.write_some(b"")
    client.close()
    server.close()


def test_hanging_up_wakes_everybody(world: World, listener: PipeListener) -> None:
    """Another thread can end a read and a wait for room; hanging up twice, or with the peer gone, is harmless."""
    client, server = world.joined(listener)
    filled(client)
    results: list[object] = []
    threads = [in_thread(results, lambda: client.read(10)), in_thread(results, client.wait_writable)]
    time.sleep(0.05)
    assert results == []
    client.hang_up()
    for thread in threads:
        thread.join(20.0)
    assert sorted(results, key=str) == sorted([b"", None], key=str)
    assert client.read(10) == b""
    with pytest.raises(StreamBroken):
        client.write_some(b"x")
    client.wait_writable()
    server.close()
    client.hang_up()
    client.close()
    client.close()


def test_writing_to_a_peer_that_is_gone(world: World, listener: PipeListener) -> None:
    """A broken stream is an error of the transport, and never an OSError."""
    client, server = world.joined(listener)
    server.close()
    with pytest.raises(StreamBroken):
        [client.write_some(b"x") for _ in range(10)]
    assert client.read(1) == b""
    client.close()
    with pytest.raises(StreamBroken):
        client.read(1)
    with pytest.raises(StreamBroken):
        client.write_some(b"x")
    client.wait_writable()


def test_a_peer_that_leaves_ends_a_write_under_way(world: World, listener: PipeListener) -> None:
    """Whoever waits for room learns that there never will be any."""
    client, server = world.joined(listener)
    filled(client)
    waiting = in_thread([], client.wait_writable)
    server.close()
    waiting.join(20.0)
    assert not waiting.is_alive()
    with pytest.raises(StreamBroken):
        client.write_some(bytes(PIPE_ROOM))
    client.close()


def test_interrupting_a_read(world: World, listener: PipeListener) -> None:
    """The one who is interrupted leaves, and loses nothing of what comes then."""
    client, server = world.joined(listener)
    assert client.allow_interrupts()
    assert client.allow_interrupts()
    results: list[object] = []
    thread = in_thread(results, lambda: client.read_unless_interrupted(100))
    client.interrupt()
    thread.join(20.0)
    assert results == [None]
    client.interrupt()
    assert client.read_unless_interrupted(100) is None
    server.write_some(b"later")
    assert client.read_unless_interrupted(100) == b"later"
    client.interrupt()
    server.write_some(b"to the other")
    assert client.read(100) == b"to the other"
    assert client.read_unless_interrupted(100) is None
    server.close()
    assert client.read_unless_interrupted(100) == b""
    client.close()
    client.interrupt()


def test_the_limit_of_a_read_holds(world: World, listener: PipeListener) -> None:
    """Also if the read was begun by another one, which wanted more, and was interrupted."""
    client, server = world.joined(listener)
    client.allow_interrupts()
    results: list[object] = []
    thread = in_thread(results, lambda: client.read_unless_interrupted(100))
    time.sleep(0.05)
    client.interrupt()
    thread.join(20.0)
    server.write_some(b"abcdef")
    assert [client.read(4), client.read(4)] == [b"abcd", b"ef"]
    client.close()
    server.close()


def test_who_the_peer_is(world: World, listener: PipeListener) -> None:
    """Both ends know the process at the other end and its user."""
    client, server = world.joined(listener)
    assert client.peer.user == server.peer.user == world.server.identity().user
    assert client.peer.process > 0
    assert server.peer.process > 0
    if sys.platform != "win32":
        assert client.peer.process != server.peer.process
    client.close()
    server.close()


def test_interrupting_accept(world: World, listener: PipeListener) -> None:
    """A waiting accept returns None, and so does every later one."""
    results: list[object] = []
    thread = in_thread(results, listener.accept)
    time.sleep(0.05)
    listener.interrupt()
    thread.join(20.0)
    assert results == [None]
    assert listener.accept() is None


def test_a_client_that_comes_and_goes(world: World, listener: PipeListener) -> None:
    """It does not take the place of the next one."""
    world.connect(listener.address).close()
    results: list[object] = []
    thread = in_thread(results, listener.accept)
    client = world.connect(listener.address)
    thread.join(20.0)
    (server,) = results
    assert isinstance(server, PipeStream)
    client.write_some(b"here")
    assert server.read(10) == b"here"
    server.close()
    client.close()


def test_many_clients(world: World, listener: PipeListener) -> None:
    """Every client gets a stream of its own, while others come."""
    clients = []
    for number in range(20):
        client, server = world.joined(listener)
        client.write_some(bytes([number]))
        clients.append((client, server))
    for number, (client, server) in enumerate(clients):
        assert server.read(10) == bytes([number])
        client.close()
        server.close()


def test_the_name_never_disappears(world: World, listener: PipeListener) -> None:
    """Between clients there is always a pipe of that name, so that nobody else can take it."""
    for _ in range(5):
        client, server = world.joined(listener)
        with pytest.raises(TransportError):
            world.listener(listener.address.path)
        server.close()
        client.close()
        with pytest.raises(TransportError):
            world.listener(listener.address.path)


@pytest.mark.parametrize("change", [str, str.upper], ids=["same", "other-case"])
def test_a_name_in_use_is_refused(world: World, listener: PipeListener, change: type[str]) -> None:
    """Two servers do not share a name; case does not matter to Windows."""
    name = listener.address.path
    other = name[:9] + change(name[9:])
    with pytest.raises(TransportError, match="already") as caught:
        world.listener(other)
    assert caught.value.reason == "limit"
    # The first one goes on.
    client, server = world.joined(listener)
    client.close()
    server.close()


def test_closing_frees_the_name(world: World) -> None:
    """Nothing is left behind; closing again does nothing."""
    path = fresh_name()
    for _ in range(3):
        listener = world.listener(path)
        assert listener.address == PipeAddress(path)
        listener.close()
        listener.close()
        listener.interrupt()
    with pytest.raises(TransportError) as caught:
        world.connect(PipeAddress(path))
    assert caught.value.reason == "peer-closed"


def test_a_busy_pipe_times_out(world: World, listener: PipeListener) -> None:
    """The attempt ends at its deadline by its own clock, not before and not never."""
    first = world.connect(listener.address)
    clock = VirtualClock(0.0)
    failures: list[TransportError] = []

    def attempt() -> None:
        try:
            connect_pipe(listener.address, world.client, clock, DialLimits(5.0, threading.Event()))
        except TransportError as error:
            failures.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    clock.advance(4.999)
    thread.join(0.05)
    assert failures == []
    clock.advance(0.001)
    thread.join(20.0)
    (failure,) = failures
    assert isinstance(failure, ConnectTimeout)
    first.close()


def test_an_attempt_can_be_given_up(world: World, listener: PipeListener) -> None:
    """Closing does not wait for a peer that never accepts."""
    first = world.connect(listener.address)
    given_up = threading.Event()
    given_up.set()
    limits = DialLimits(SYSTEM_CLOCK.monotonic() + 3600.0, given_up)
    with pytest.raises(TransportError, match="given up"):
        connect_pipe(listener.address, world.client, SYSTEM_CLOCK, limits)
    first.close()


def test_an_attempt_succeeds_when_there_is_room_again(world: World, listener: PipeListener) -> None:
    """A busy pipe is not a refusal."""
    first = world.connect(listener.address)
    accepted: list[object] = []
    timer = threading.Timer(0.05, lambda: accepted.append(listener.accept()))
    timer.start()
    second = world.connect(listener.address)
    timer.join(20.0)
    (server,) = accepted
    assert isinstance(server, PipeStream)
    for stream in (server, first, second):
        stream.close()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "name",
        "/tmp/name",
        r"\\.\pipe",
        r"\\.\pipe" + "\\",
        r"\\server\pipe\name",
        r"\\localhost\pipe\name",
        r"\\?\pipe\name",
        r"\\.\pipe\..\C:\file",
        r"\\.\pipe\.",
        r"\\.\pipe\..",
        r"\\.\pipe\.hidden",
        r"\\.\pipe\a\b",
        r"\\.\pipe\a/b",
        r"\\.\pipe\a:stream",
        r"\\.\pipe\a*",
        "\\\\.\\pipe\\a\0b",
        "\\\\.\\pipe\\a\n",
        r"\\.\pipe\ä",
        r"\\.\pipe" + "\\" + 201 * "n",
        r"\\.\PIPE\name",
    ],
)
def test_what_is_not_a_name_of_a_pipe_of_this_machine(world: World, path: str) -> None:
    """It is refused in either role, before Windows is asked."""
    with pytest.raises(EndpointRefused):
        world.listener(path)
    with pytest.raises(EndpointRefused):
        world.connect(PipeAddress(path))
    if isinstance(world.server, FakePipes):
        assert world.server.calls == []


@pytest.mark.parametrize("name", ["a", "{4c0c-11}", "My Service", "a.b-c_d~1!", 200 * "n"])
def test_names(world: World, name: str) -> None:
    """Names that programs use."""
    listener = world.listener("\\\\.\\pipe\\" + name)
    client, server = world.joined(listener)
    for one in (client, server, listener):
        one.close()


def test_where_there_are_pipes() -> None:
    """They are offered where they are, and refused with a reason elsewhere."""
    if "pipe" in TRANSPORTS:
        listener = listen_at_pipe()
        stream = open_stream(listener.address, SYSTEM_CLOCK, soon())
        stream.close()
        listener.close()
        return
    with pytest.raises(EndpointRefused, match="no named pipes here"):
        listen_at_pipe()
    with pytest.raises(EndpointRefused, match="no named pipes here"):
        open_stream(PipeAddress(fresh_name()), SYSTEM_CLOCK, soon())
