"""What a lab sees from the outside: sockets, descriptors, visitors."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ipc_gauntlet.errors import NotVerifiable
from ipc_gauntlet.lab import Lab
from ipc_gauntlet.lab.outside import Visit
from ipc_gauntlet.lab.sockets import descriptors_of, internet_sockets_of, sockets_of

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what processes have open")
ROOT = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only the superuser can act as other users"
)


@LINUX
def test_sockets_of_a_process_are_told_apart(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as hidden,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as silent,
    ):
        named.bind(str(tmp_path / "s"))
        named.listen(1)
        hidden.bind(f"\0outside-{os.getpid()}")
        silent.bind(str(tmp_path / "quiet"))
        found = {(one.kind, one.where): one.listening for one in sockets_of(os.getpid())}
        assert found["unix", str(tmp_path / "s")] is True
        assert found["unix", str(tmp_path / "quiet")] is False
        assert found["abstract", f"@outside-{os.getpid()}"] is False
        port = tcp.getsockname()[1]
        assert found["tcp", f"127.0.0.1:{port}"] is True
        assert any(one.where == f"127.0.0.1:{port}" for one in internet_sockets_of(os.getpid()))


@LINUX
def test_sockets_of_children_count() -> None:
    code = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        assert any(one.where == f"127.0.0.1:{port}" and one.listening for one in sockets_of(os.getpid()))
        child.communicate()


@LINUX
def test_descriptors_tell_whether_they_are_inherited() -> None:
    reader, writer = os.pipe()
    try:
        os.set_inheritable(reader, True)
        found = {one.number: one for one in descriptors_of(os.getpid())}
        assert found[reader].inherited
        assert not found[writer].inherited
        assert found[writer].target.startswith("pipe:")
    finally:
        os.close(reader)
        os.close(writer)


def test_elsewhere_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    for ask in (sockets_of, descriptors_of):
        with pytest.raises(NotVerifiable, match="does not tell"):
            ask(os.getpid())


@pytest.mark.parametrize(
    ("visit", "turned_away"),
    [
        (Visit(False, error="refused"), True),
        (Visit(True, b"", "eof"), True),
        (Visit(True, b"", "reset"), True),
        (Visit(True, b"", "open"), False),
        (Visit(True, b"x", "eof"), False),
    ],
)
def test_who_is_turned_away(visit: Visit, turned_away: bool) -> None:
    assert visit.turned_away is turned_away
    assert str(visit)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")
def test_a_visitor_hears_and_says(lab: Lab) -> None:
    path = lab.folder() / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(2)
        visitor = lab.send_out(
            lab.to({"path": str(path)}, send=b"hello", wait=5.0), lab.to({"path": str(path)}, wait=0.2)
        )
        first, _ = listening.accept()
        with first:
            assert first.recv(10) == b"hello"
            first.sendall(b"go away")
        second, _ = listening.accept()
        with second:
            lab.poll(lambda: visitor.has("done"))
    assert [(one.connected, one.received, one.ended) for one in visitor.visits()] == [
        (True, b"go away", "eof"),
        (True, b"", "open"),
    ]
    assert visitor.is_at("done")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets")
def test_a_visitor_that_finds_nobody(lab: Lab) -> None:
    (visit,) = lab.visit(lab.to({"path": str(lab.folder() / "nobody")}))
    assert not visit.connected
    assert "FileNotFoundError" in visit.error


@LINUX
@ROOT
def test_a_visitor_is_another_user(lab: Lab) -> None:
    path = lab.folder(0o777) / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(2)
        path.chmod(0o666)
        (kept_out,) = lab.visit(lab.as_nobody(), lab.to({"path": str(path)}, wait=0.1))
        assert not kept_out.connected
        modes = [parent.stat().st_mode for parent in path.parents]
        with lab.open_way(path):
            (visit,) = lab.visit(lab.as_nobody(), lab.to({"path": str(path)}, wait=0.1))
        assert visit.connected
        peer, _ = listening.accept()
        with peer:
            _pid, uid, _gid = (
                int.from_bytes(
                    peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[at : at + 4], sys.byteorder
                )
                for at in (0, 4, 8)
            )
            assert uid == 65534
        assert modes[0] == path.parent.stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="modes are a thing of Unix")
def test_somebody_elses_folders_are_not_opened(lab: Lab, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(NotVerifiable, match="set TMPDIR"), lab.open_way(closed / "s"):
        raise AssertionError("it was opened")
    assert closed.stat().st_mode & 0o777 == 0o700


def test_another_transport_for_a_while(lab: Lab) -> None:
    before = lab.transport
    other = "tcp" if before != "tcp" else "unix"
    with lab.over(other):
        assert lab.transport == other
    assert lab.transport == before
    assert set(lab.transports) <= {"unix", "tcp", "pipe"}
