"""Who is at the other end of a Unix socket: the kernel's answers, on Linux its own, for macOS by hand."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_places import soon
from systems import needs_unix_sockets

from sipc_runtime import peercred
from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.peercred import PeerProcess, darwin_peer, linux_peer, peer_of, require_own_user
from sipc_runtime.places import listen_in, open_stream
from sipc_runtime.transport import EndpointRefused, Peer, TransportError

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


class Kernel:
    """Answers to getsockopt, and what was asked."""

    def __init__(self, **answers: bytes | OSError) -> None:
        self.answers = answers
        self.asked: list[tuple[int, int, int]] = []

    def __call__(self, level: int, option: int, size: int) -> bytes:
        self.asked.append((level, option, size))
        answer = self.answers[{1: "cred", 17: "cred", 6: "token"}[option]]
        if isinstance(answer, OSError):
            raise answer
        return answer[:size]


def xucred(user: int, version: int = 0) -> bytes:
    """What LOCAL_PEERCRED gives: struct xucred of <sys/ucred.h>."""
    return struct.pack("=IIh2x16I", version, user, 2, 20, 12, *[0] * 14)


def audit_token(user: int, process: int, version: int = 7) -> bytes:
    """What LOCAL_PEERTOKEN gives: audit_token_t of <mach/message.h>."""
    return struct.pack("=8I", 501, user, 20, user, 20, process, 100_005, version)


def test_macos_names_the_user_and_the_process() -> None:
    """It is asked at the level of local sockets, for as much as it has."""
    kernel = Kernel(cred=xucred(501), token=audit_token(501, 4711))
    assert darwin_peer(kernel) == Peer("501", 4711)
    assert kernel.asked == [(0, 1, 76), (0, 6, 32)]
    assert len(xucred(501)) == 76


@pytest.mark.parametrize(
    "answers",
    [
        {"cred": xucred(501, version=1)},
        {"cred": b""},
        {"cred": xucred(501)[:7]},
        {"token": b""},
        {"token": audit_token(501, 1)[:31]},
        # It connected as one user and is another one now: a descriptor was passed on, or the program changed its user.
        {"token": audit_token(0, 4711)},
        {"cred": xucred(0)},
    ],
    ids=["version", "empty", "short", "no-token", "short-token", "became-root", "was-root"],
)
def test_what_macos_cannot_have_meant_is_refused(answers: dict[str, bytes]) -> None:
    """Half an answer is none."""
    with pytest.raises(EndpointRefused):
        darwin_peer(Kernel(**{"cred": xucred(501), "token": audit_token(501, 4711), **answers}))


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_connection_that_is_gone(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS says ENOTCONN when the peer has left: that is no fault of ours, and costs this connection only."""
    monkeypatch.setattr(sys, "platform", system)

    class Gone:
        getsockopt = Kernel(cred=OSError(57, "Socket is not connected"))

    with pytest.raises(TransportError) as caught:
        peer_of(Gone())  # type: ignore[arg-type]
    assert caught.value.reason == "peer-closed"
    assert not isinstance(caught.value, EndpointRefused)


def test_other_systems_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a way to ask there is no connection."""
    monkeypatch.setattr(sys, "platform", "plan9")
    left, right = socket.socketpair()
    with left, right, pytest.raises(EndpointRefused, match="plan9"):
        peer_of(left)


def test_linux_names_the_user_and_the_process() -> None:
    """struct ucred: process, user, group; a user may have a number above two thousand million."""
    kernel = Kernel(cred=struct.pack("=iII", 4711, 3_000_000_000, 100))
    assert linux_peer(kernel) == Peer("3000000000", 4711)


@needs_unix_sockets
def test_our_own_process() -> None:
    """The kernel tells our own uid for our own process."""
    left, right = socket.socketpair()
    with left, right:
        assert peer_of(left) == Peer(str(os.geteuid()), os.getpid())
        assert require_own_user(right).process == os.getpid()


@needs_unix_sockets
def test_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it is."""
    left, right = socket.socketpair()
    monkeypatch.setattr(peercred, "peer_of", lambda _socket: Peer(str(os.geteuid() + 1), 1))
    with left, right, pytest.raises(EndpointRefused, match=str(os.geteuid() + 1)):
        require_own_user(left)


@needs_unix_sockets
def test_streams_know_their_peer(private_dir: Path) -> None:
    """Both ends do."""
    listener = listen_in(str(private_dir), "s")
    client = open_stream(listener.address, SYSTEM_CLOCK, soon())
    server = listener.accept()
    assert server is not None
    assert client.peer == server.peer == Peer(str(os.geteuid()), os.getpid())
    for one in (client, server, listener):
        one.close()


# --- a handle of the process ---


@pytest.fixture
def connected_child(private_dir: Path) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A socket whose other end a child process connected, and the child."""
    path = str(private_dir / "s")
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        with subprocess.Popen([sys.executable, "-c", program, path], stdin=subprocess.PIPE) as child:
            accepted, _ = listening.accept()
            with accepted:
                yield accepted, child
            child.kill()


@on_linux
def test_the_process_is_followed_until_its_end(
    connected_child: tuple[socket.socket, subprocess.Popen[bytes]],
) -> None:
    """The handle is not the number: it tells the end of this process, and means no other one."""
    accepted, child = connected_child
    assert peer_of(accepted).process == child.pid
    process = PeerProcess(accepted)
    try:
        assert not process.has_ended()
        assert not os.get_inheritable(process._descriptor)
        child.kill()
        child.wait()
        assert process.has_ended()
    finally:
        process.close()


def test_without_such_a_handle_there_is_none() -> None:
    """Older kernels, other systems and other sockets have none, and no number is used in its place."""
    with socket.socket() as tcp, pytest.raises(EndpointRefused, match="no handle"):
        PeerProcess(tcp)
