"""Streams, listeners and black holes on real sockets."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from systems import WINDOWS, needs_unix_sockets, needs_waiting_queue, reset_of

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import Stream, blackhole, dial, listen, transport_of, transports

WAIT_S = 10


class Pair:
    """Two streams that are connected with each other, and what each of them heard."""

    def __init__(self, reactor: Reactor, transport: str, directory: str) -> None:
        accepted: list[Stream] = []
        self.reactor = reactor
        self.listener = listen(transport, directory, reactor, accepted.append)
        self.dialled = dial(self.listener.address, reactor)
        assert reactor.run_until(lambda: bool(accepted), WAIT_S)
        self.accepted = accepted[0]
        self.heard: dict[str, list[object]] = {"dialled": [], "accepted": []}
        for name, stream in (("dialled", self.dialled), ("accepted", self.accepted)):
            stream.on_bytes = self.heard[name].append
            stream.on_end = self.heard[name].append
            stream.on_broken = lambda name=name: self.heard[name].append("broken")
            stream.on_drained = lambda name=name: self.heard[name].append("drained")

    def wait(self, name: str, what: object) -> bool:
        return self.reactor.run_until(lambda: what in self.heard[name], WAIT_S)

    def close(self) -> None:
        self.dialled.close()
        self.accepted.close()
        self.listener.close()


@pytest.fixture(params=transports())
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(reactor: Reactor, transport: str, workdir: str) -> object:
    made = Pair(reactor, transport, workdir)
    yield made
    made.close()


def test_bytes_and_a_half_close(pair: Pair, transport: str) -> None:
    """After the end in one direction the other still works, where a connection has halves."""
    if transport == "pipe":
        pytest.skip("a pipe has no halves: see test_an_end_on_a_pipe_is_the_end_of_both_directions")
    pair.accepted.resume()
    pair.dialled.resume()
    pair.dialled.write(b"ping")
    pair.dialled.finish()
    pair.dialled.write(b"ignored: the stream is finished")
    assert pair.wait("accepted", "fin")
    pair.accepted.write(b"pong")
    assert pair.wait("dialled", b"pong")
    pair.accepted.finish()
    assert pair.wait("dialled", "fin")
    assert pair.heard == {"dialled": [b"pong", "fin"], "accepted": [b"ping", "fin"]}


def test_a_stream_starts_paused(pair: Pair) -> None:
    """Nothing is reported before `resume`, and nothing is lost."""
    pair.dialled.write(b"early")
    assert not pair.reactor.run_until(lambda: bool(pair.heard["accepted"]), 0.02)
    pair.accepted.resume()
    assert pair.wait("accepted", b"early")


def test_pause_stops_reading(pair: Pair) -> None:
    """What comes while paused is kept by the system."""
    pair.accepted.resume()
    pair.accepted.pause()
    pair.dialled.write(b"x")
    assert not pair.reactor.run_until(lambda: bool(pair.heard["accepted"]), 0.02)
    pair.accepted.resume()
    assert pair.wait("accepted", b"x")


def test_an_abort_is_a_reset_where_there_are_resets(pair: Pair, transport: str) -> None:
    """TCP has resets, and the end of a pipe that was created; a Unix socket is closed, which its peer sees as the end."""
    pair.dialled.resume()
    pair.accepted.abort()
    pair.accepted.abort()
    assert pair.wait("dialled", reset_of(transport, created=True))
    assert pair.accepted.closed


def test_writing_to_a_peer_that_is_gone(pair: Pair) -> None:
    """It is reported once, as broken, and later writes are ignored."""
    pair.accepted.close()
    pair.dialled.resume()
    assert pair.reactor.run_until(lambda: bool(pair.heard["dialled"]), WAIT_S)
    for _ in range(3):
        pair.dialled.write(b"anybody?")
        pair.reactor.run_until(lambda: "broken" in pair.heard["dialled"], 0.1)
    assert pair.heard["dialled"].count("broken") == 1
    assert pair.dialled.buffered == 0


def test_what_does_not_fit_waits(pair: Pair) -> None:
    """A receiver that does not read makes the sender keep bytes; they arrive in order, and the end behind them."""
    data = os.urandom(8 << 20)
    pair.dialled.write(data)
    pair.dialled.write(b"last")
    pair.dialled.finish()
    assert pair.dialled.buffered > 1 << 20
    pair.accepted.resume()
    assert pair.wait("accepted", "fin")
    assert b"".join(part for part in pair.heard["accepted"] if isinstance(part, bytes)) == data + b"last"
    assert pair.dialled.buffered == 0
    assert "drained" in pair.heard["dialled"]


@needs_unix_sockets
def test_unread_counts_what_the_peer_has_not_read(reactor: Reactor, workdir: str) -> None:
    """On a Unix socket of Linux it falls to zero when the peer has read everything; others cannot tell."""
    pair = Pair(reactor, "unix", workdir)
    tells = sys.platform == "linux"
    assert pair.dialled.unread() == (0 if tells else None)
    pair.dialled.write(b"abc")
    assert bool(pair.dialled.unread()) == tells
    pair.accepted.resume()
    assert pair.wait("accepted", b"abc")
    assert pair.dialled.unread() == (0 if tells else None)
    pair.close()
    assert pair.dialled.unread() is None


def test_no_callback_after_close(pair: Pair) -> None:
    """A closed stream says nothing, whatever was on its way."""
    pair.accepted.resume()
    pair.dialled.write(b"x")
    pair.dialled.close()
    pair.accepted.close()
    assert not pair.reactor.run_until(lambda: any(pair.heard.values()), 0.02)


def test_a_refused_connection_is_reported(reactor: Reactor, transport: str, workdir: str) -> None:
    """An address where nobody listens any more gives an end with an error that names it."""
    listener = listen(transport, workdir, reactor, lambda _: None)
    address = listener.address
    listener.close()
    listener.close()
    stream = dial(address, reactor)
    ends: list[str] = []
    stream.on_end = ends.append
    stream.write(b"lost")
    assert reactor.run_until(lambda: bool(ends), WAIT_S)
    assert ends == ["error"]
    assert re.match(
        r"cannot connect: (ENOENT|(WSA)?ECONNREFUSED|.*File not found|.*cannot find the file)", stream.error
    )
    assert stream.buffered == 0
    stream.close()


def test_closing_while_connecting(reactor: Reactor, transport: str, workdir: str) -> None:
    """Nothing fires afterwards."""
    with blackhole(transport, workdir) as hole:
        stream = dial(hole.address, reactor)
        stream.write(b"x")
        stream.finish()
        stream.close()
        assert not reactor.run_until(lambda: False, 0.02)


@needs_unix_sockets
@needs_waiting_queue
def test_bytes_written_while_connecting_arrive(reactor: Reactor, workdir: str) -> None:
    """A Unix listener with a full queue is tried again until it accepts."""
    path = f"{workdir}/full"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(0)
    first = dial({"transport": "unix", "path": path}, reactor)
    second = dial({"transport": "unix", "path": path}, reactor)
    second.write(b"patient")
    second.finish()
    assert not reactor.run_until(lambda: False, 0.02)
    assert second.buffered == 7
    accepted = [server.accept()[0]]
    assert reactor.run_until(lambda: second.buffered == 0, WAIT_S)
    accepted.append(server.accept()[0])
    assert accepted[1].recv(100) == b"patient"
    assert accepted[1].recv(100) == b""
    for one in (first, second, server, *accepted):
        one.close()
    Path(path).unlink()


@needs_unix_sockets
def test_the_directory_must_be_private(reactor: Reactor, workdir: str) -> None:
    """Nobody else may enter the directory of a socket."""
    Path(workdir).chmod(0o750)
    with pytest.raises(HarnessError, match=r"others may enter .* 0750"):
        listen("unix", workdir, reactor, lambda _: None)
    Path(workdir).chmod(0o700)


@needs_unix_sockets
def test_a_missing_directory_is_made(reactor: Reactor, workdir: str) -> None:
    """With mode 0700, whatever the umask."""
    inner = Path(workdir) / "inner"
    listener = listen("unix", str(inner), reactor, lambda _: None)
    assert inner.stat().st_mode & 0o777 == 0o700
    assert Path(str(listener.address["path"])).stat().st_mode & 0o777 == 0o600
    listener.close()
    assert list(inner.iterdir()) == []
    inner.rmdir()


@needs_unix_sockets
def test_two_listeners_in_one_directory(reactor: Reactor, workdir: str) -> None:
    """Names do not collide, and closing one leaves the other."""
    one, two = (listen("unix", workdir, reactor, lambda _: None) for _ in range(2))
    assert one.address != two.address
    one.close()
    assert [str(path) for path in Path(workdir).iterdir()] == [two.address["path"]]
    two.close()


@needs_unix_sockets
def test_somebody_elses_socket_is_not_removed(reactor: Reactor, workdir: str) -> None:
    """If the file was replaced meanwhile, it stays."""
    listener = listen("unix", workdir, reactor, lambda _: None)
    path = Path(str(listener.address["path"]))
    keep = Path(workdir) / "keep"
    path.rename(keep)  # keeps the inode in use, so that the new file cannot get the same one
    path.touch()
    listener.close()
    assert path.exists()
    path.unlink()
    keep.unlink()


@needs_unix_sockets
@pytest.mark.parametrize(
    ("directory", "problem"),
    [
        ("relative", "must be absolute"),
        ("/dev/null", "not a directory"),
        ("/nonexistent/deeper", "No such file"),
    ],
)
def test_unusable_directories(reactor: Reactor, directory: str, problem: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(HarnessError, match=problem):
        listen("unix", directory, reactor, lambda _: None)


@needs_unix_sockets
def test_somebody_elses_directory(reactor: Reactor, workdir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns the directory could replace the socket."""
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(HarnessError, match=f"belongs to user {owner}"):
        listen("unix", workdir, reactor, lambda _: None)


@needs_unix_sockets
def test_a_path_that_is_too_long(reactor: Reactor, workdir: str) -> None:
    """Refused with the length and a way out, before the system truncates or refuses it."""
    long = Path(workdir) / ("x" * 90)
    with pytest.raises(
        HarnessError, match=r"socket path of \d+ bytes, at most 100 .* shorter work directory"
    ):
        listen("unix", str(long), reactor, lambda _: None)
    long.rmdir()


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"transport": "pigeon"},
        {"transport": "unix"},
        {"transport": "unix", "path": ""},
        {"transport": "tcp", "host": "127.0.0.1"},
        {"transport": "tcp", "host": "127.0.0.1", "port": 0},
        {"transport": "tcp", "host": "localhost", "port": 80},
        {"transport": "tcp", "host": "192.0.2.1", "port": 80},
    ],
)
def test_unusable_addresses(reactor: Reactor, address: dict[str, object]) -> None:
    """Malformed addresses, and addresses of other machines, are refused at once."""
    with pytest.raises(HarnessError):
        dial(address, reactor)


def test_unknown_transports(reactor: Reactor, workdir: str) -> None:
    """The error lists what there is."""
    for call in (
        lambda: listen("pigeon", workdir, reactor, lambda _: None),
        lambda: blackhole("pigeon", workdir),
        lambda: listen("unix" if WINDOWS else "pipe", workdir, reactor, lambda _: None),
        lambda: blackhole("unix" if WINDOWS else "pipe", workdir),
    ):
        with pytest.raises(HarnessError, match=r"no transport '\w+'; there are (unix|pipe), tcp"):
            call()
    assert transport_of({"transport": "tcp"}) == "tcp"


def test_ipv6_loopback_can_be_dialled(reactor: Reactor) -> None:
    """A server may have bound ::1."""
    with socket.socket(socket.AF_INET6) as server:
        server.bind(("::1", 0))
        server.listen(1)
        stream = dial({"transport": "tcp", "host": "::1", "port": server.getsockname()[1]}, reactor)
        stream.write(b"six")
        server.settimeout(WAIT_S)
        with server.accept()[0] as peer:
            peer.settimeout(WAIT_S)
            reactor.run_until(lambda: stream.buffered == 0, WAIT_S)
            assert peer.recv(9) == b"six"
        stream.close()


@pytest.mark.parametrize("full", [True, False])
def test_a_black_hole_never_answers(transport: str, workdir: str, *, full: bool) -> None:
    """With a full queue a connection does not come about; otherwise it does, and that is all."""
    if transport == "pipe":
        pytest.skip("tried with pipes in tests/transport")
    with blackhole(transport, workdir, full=full) as hole:
        family = socket.AF_INET if transport == "tcp" else getattr(socket, "AF_UNIX")  # noqa: B009 - absent on Windows
        target = (hole.address["host"], hole.address["port"]) if transport == "tcp" else hole.address["path"]
        with socket.socket(family) as client:
            client.settimeout(0.2)
            if hole.connect_hangs:
                with pytest.raises((TimeoutError, BlockingIOError)):
                    client.connect(target)
            else:
                client.connect(target)
                with pytest.raises(TimeoutError):
                    client.recv(1)
    assert hole.connect_hangs == (full and (transport == "tcp" or sys.platform == "linux"))
    hole.close()


IMPATIENT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
try:
    client.connect(sys.argv[1])
except OSError:
    sys.exit(3)
client.recv(1)
"""


@needs_unix_sockets
def test_a_program_without_time_outs_hangs_in_a_black_hole(workdir: str) -> None:
    """It waits until the hole goes away: in connecting where the queue is full, else for an answer."""
    with blackhole("unix", workdir) as hole:
        client = subprocess.Popen([sys.executable, "-S", "-c", IMPATIENT, str(hole.address["path"])])
        with pytest.raises(subprocess.TimeoutExpired):
            client.wait(0.5)
    assert (client.wait(WAIT_S) == 3) == hole.connect_hangs
