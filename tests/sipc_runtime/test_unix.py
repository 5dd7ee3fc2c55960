"""Unix sockets in private directories, and what is refused there."""

import errno
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from local_places import soon
from systems import needs_unix_sockets, needs_waiting_queue

from sipc_runtime import claim, peercred
from sipc_runtime.clock import SYSTEM_CLOCK, VirtualClock
from sipc_runtime.places import listen_in, open_stream
from sipc_runtime.transport import (
    ConnectTimeout,
    DialLimits,
    EndpointRefused,
    Peer,
    TransportError,
    UnixAddress,
)
from sipc_runtime.unix import MAX_PATH_BYTES

pytestmark = needs_unix_sockets


def test_closing_removes_the_socket_file(private_dir: Path) -> None:
    """Nothing is left behind; closing again does nothing."""
    listener = listen_in(str(private_dir), "s")
    assert (private_dir / "s").exists()
    listener.close()
    listener.close()
    assert list(private_dir.iterdir()) == []


def test_the_socket_file_is_ours_alone(private_dir: Path) -> None:
    """Mode 0600, in a directory that has 0700."""
    listener = listen_in(str(private_dir), "s")
    assert (private_dir / "s").stat().st_mode & 0o777 == 0o600
    listener.close()


def test_somebody_elses_socket_file_is_not_removed(private_dir: Path) -> None:
    """If the file was replaced, closing leaves the new one."""
    first = listen_in(str(private_dir), "s")
    (private_dir / "s").unlink()
    with socket.socket(socket.AF_UNIX) as second:
        second.bind(str(private_dir / "s"))
        second.listen()
        first.close()
        client = open_stream(first.address, SYSTEM_CLOCK, soon())
        client.close()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o777])
def test_an_open_directory_is_refused(private_dir: Path, mode: int) -> None:
    """The directory is the access control."""
    inner = private_dir / "d"
    inner.mkdir(mode=0o700)
    inner.chmod(mode)
    with pytest.raises(EndpointRefused, match="0700"):
        listen_in(str(inner), "s")


def test_somebody_elses_directory_is_refused(private_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's directory is not a place for our socket."""
    monkeypatch.setattr(os, "geteuid", lambda: private_dir.stat().st_uid + 1)
    with pytest.raises(EndpointRefused, match="belongs"):
        listen_in(str(private_dir), "s")


def test_a_link_to_a_directory_is_refused(private_dir: Path) -> None:
    """What a link points to can change."""
    (private_dir / "d").mkdir(mode=0o700)
    (private_dir / "link").symlink_to(private_dir / "d")
    with pytest.raises(EndpointRefused, match="not a directory"):
        listen_in(str(private_dir / "link"), "s")


def test_a_missing_directory_is_refused(private_dir: Path) -> None:
    """Directories are not made on the way."""
    with pytest.raises(EndpointRefused):
        listen_in(str(private_dir / "missing"), "s")


def test_a_stale_socket_is_replaced(private_dir: Path) -> None:
    """A socket that a dead process left behind is removed."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(private_dir / "s"))
    listener = listen_in(str(private_dir), "s")
    listener.close()


def test_a_socket_in_use_is_not_replaced(private_dir: Path) -> None:
    """Two servers do not share a place."""
    first = listen_in(str(private_dir), "s")
    with pytest.raises(TransportError, match="another process"):
        listen_in(str(private_dir), "s")
    client = open_stream(first.address, SYSTEM_CLOCK, soon())
    client.close()
    first.close()


class Refusing(socket.socket):
    """What macOS and the BSDs say of a server whose queue is full."""

    def connect_ex(self, address: object) -> int:
        return errno.ECONNREFUSED


def test_a_socket_of_a_server_without_room_is_not_replaced(
    private_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lives, although connections are refused; its socket is in its place when it has room again."""
    first = listen_in(str(private_dir), "s")
    before = (private_dir / "s").lstat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Refusing)
        with pytest.raises(TransportError, match="another process") as caught:
            listen_in(str(private_dir), "s")
    assert caught.value.reason == "limit"
    assert (private_dir / "s").lstat().st_ino == before
    open_stream(first.address, SYSTEM_CLOCK, soon()).close()
    first.close()


def test_two_do_not_replace_a_stale_socket_at_once(
    private_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one has found that it is dead, and not removed it yet, another one does not begin."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(private_dir / "s"))
    unlink, seen = Path.unlink, []

    def meanwhile(self: Path, missing_ok: bool = False) -> None:
        with pytest.raises(TransportError, match="another process") as caught:
            listen_in(str(private_dir), "s")
        seen.append(caught.value.reason)
        unlink(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", meanwhile)
        listener = listen_in(str(private_dir), "s")
    assert seen == ["limit"]
    open_stream(listener.address, SYSTEM_CLOCK, soon()).close()
    listener.close()


def test_a_claim_ends_with_its_process(private_dir: Path) -> None:
    """A killed server leaves a socket and a lock behind, and neither is in the way of the next one."""
    program = (
        "import sys\n"
        "from sipc_runtime.places import listen_in\n"
        "listener = listen_in(sys.argv[1], 's')\n"
        "print('listens', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(private_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"listens\n"
        assert claim.is_claimed(str(private_dir / "s"))
        with pytest.raises(TransportError, match="another process"):
            listen_in(str(private_dir), "s")
        server.kill()
    assert sorted(path.name for path in private_dir.iterdir()) == [".s.lock", "s"]
    assert not claim.is_claimed(str(private_dir / "s"))
    listen_in(str(private_dir), "s").close()
    assert list(private_dir.iterdir()) == []


def test_a_claim_of_somebody_who_removed_it(private_dir: Path) -> None:
    """A lock that was opened just before its file was removed is not taken for one; a new file is made."""
    first = claim.Claim(private_dir / "s")
    (private_dir / ".s.lock").unlink()
    second = claim.Claim(private_dir / "s")
    first.release()
    assert claim.is_claimed(str(private_dir / "s"))
    second.release()
    assert list(private_dir.iterdir()) == []


def test_what_is_in_the_way_of_a_claim(private_dir: Path) -> None:
    """A link is not followed, and nothing is made or kept."""
    (private_dir / ".s.lock").symlink_to(private_dir / "target")
    with pytest.raises(TransportError, match="cannot lock"):
        listen_in(str(private_dir), "s")
    assert not claim.is_claimed(str(private_dir / "s"))
    assert [path.name for path in private_dir.iterdir()] == [".s.lock"]


def test_a_server_that_cannot_listen_gives_its_claim_up(
    private_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one finds the path free."""

    class Failing(socket.socket):
        def bind(self, address: object) -> None:
            raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Failing)
        with pytest.raises(TransportError, match="no room"):
            listen_in(str(private_dir), "s")
    assert list(private_dir.iterdir()) == []


def test_a_refusal_of_a_server_that_lives_is_a_full_queue(
    private_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: the client asks again until its deadline, and gets in when there is room."""
    listener = listen_in(str(private_dir), "s")
    answers = [errno.ECONNREFUSED] * 3

    class Full(socket.socket):
        def connect_ex(self, address: str) -> int:  # type: ignore[override]
            return answers.pop() if answers else super().connect_ex(address)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Full)
        open_stream(listener.address, SYSTEM_CLOCK, soon()).close()
        assert answers == []
        patch.setattr(socket, "socket", Refusing)
        with pytest.raises(ConnectTimeout):
            open_stream(listener.address, SYSTEM_CLOCK, soon(0.05))
    listener.close()


@pytest.mark.parametrize("kind", ["file", "link", "dangling-link", "directory"])
def test_nothing_but_a_socket_is_replaced(private_dir: Path, kind: str) -> None:
    """A file, a link or a directory in the way is refused and stays."""
    path = private_dir / "s"
    target = private_dir / "target"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(target)
    if kind == "link":
        target.write_text("precious")
    with pytest.raises(EndpointRefused):
        listen_in(str(private_dir), "s")
    assert os.path.lexists(path)
    with pytest.raises(TransportError):
        open_stream(UnixAddress(str(path)), SYSTEM_CLOCK, soon())


def test_the_length_of_a_path(private_dir: Path) -> None:
    """What fits everywhere is accepted, one byte more is not; bytes count, not characters."""
    room = MAX_PATH_BYTES - len(str(private_dir)) - 1
    listener = listen_in(str(private_dir), "n" * room)
    listener.close()
    for name in ("n" * (room + 1), "\u00e9" * (room // 2 + 1)):
        with pytest.raises(EndpointRefused, match="103"):
            listen_in(str(private_dir), name)


@pytest.mark.parametrize("path", ["\0abstract", "relative/s", "/tmp/a\0b", ""])
def test_abstract_and_relative_names_are_refused(path: str) -> None:
    """A name without owner and mode is not a private place."""
    with pytest.raises(EndpointRefused):
        open_stream(UnixAddress(path), SYSTEM_CLOCK, soon())


def test_nobody_listens(private_dir: Path) -> None:
    """A missing socket and a stale one are refused at once."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(private_dir / "stale"))
    for name in ("none", "stale"):
        with pytest.raises(TransportError) as caught:
            open_stream(UnixAddress(str(private_dir / name)), SYSTEM_CLOCK, soon())
        assert caught.value.reason == "peer-closed"


def full_listener(directory: Path) -> socket.socket:
    """A Unix socket that nobody accepts from, with its backlog full."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(directory / "full"))
    listening.listen(0)
    return listening


@needs_waiting_queue
def test_connecting_to_a_full_backlog_times_out(private_dir: Path) -> None:
    """The attempt ends at its deadline by its own clock, not before and not never."""
    clock = VirtualClock(0.0)
    with full_listener(private_dir) as listening, socket.socket(socket.AF_UNIX) as first:
        first.connect(listening.getsockname())
        address = UnixAddress(str(private_dir / "full"))
        failures: list[TransportError] = []

        def attempt() -> None:
            try:
                open_stream(address, clock, DialLimits(5.0, threading.Event()))
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


@needs_waiting_queue
def test_an_attempt_can_be_given_up(private_dir: Path) -> None:
    """Closing does not wait for a peer that never accepts."""
    given_up = threading.Event()
    given_up.set()
    with full_listener(private_dir) as listening, socket.socket(socket.AF_UNIX) as first:
        first.connect(listening.getsockname())
        with pytest.raises(TransportError, match="given up"):
            open_stream(
                UnixAddress(str(private_dir / "full")),
                SYSTEM_CLOCK,
                DialLimits(SYSTEM_CLOCK.monotonic() + 3600.0, given_up),
            )


@needs_waiting_queue
def test_an_attempt_succeeds_when_there_is_room_again(private_dir: Path) -> None:
    """A full backlog is not a refusal."""
    with full_listener(private_dir) as listening, socket.socket(socket.AF_UNIX) as first:
        first.connect(listening.getsockname())
        threading.Timer(0.05, lambda: listening.accept()[0].close()).start()
        stream = open_stream(UnixAddress(str(private_dir / "full")), SYSTEM_CLOCK, soon())
        stream.close()


def test_another_user_is_refused(private_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides refuse a peer with another uid, before any byte; the listener goes on."""
    listener = listen_in(str(private_dir), "s")
    client = open_stream(listener.address, SYSTEM_CLOCK, soon())
    monkeypatch.setattr(peercred, "peer_of", lambda _socket: Peer(str(os.geteuid() + 1), 1))
    with pytest.raises(EndpointRefused):
        listener.accept()
    with pytest.raises(EndpointRefused):
        open_stream(listener.address, SYSTEM_CLOCK, soon())
    monkeypatch.undo()
    assert client.read(10) == b""
    client.close()
    again = open_stream(listener.address, SYSTEM_CLOCK, soon())
    # The refused attempt of the client is still in the queue, and closed by now.
    while (accepted := listener.accept()) is not None:
        accepted.close()
        listener.interrupt()
    again.close()
    listener.close()
