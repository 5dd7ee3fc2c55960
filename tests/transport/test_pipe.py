"""Streams, listeners and black holes on named pipes; what all transports have in common is tried in tests/adversary."""

import os
import sys

import pytest
from systems import WINE, needs_pipes

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import Stream, blackhole, dial, listen, transport_of

if sys.platform == "win32":
    from ipc_gauntlet.transport.pipe import WAITING, local_name
    from ipc_gauntlet.windows import api, pipe, security
    from ipc_gauntlet.windows.completion import completion_port

pytestmark = needs_pipes
WAIT_S = 10


class Ends:
    """Two connected streams; `heard` is what the dialled one was told, `told` the accepted one."""

    def __init__(self, reactor: Reactor) -> None:
        accepted: list[Stream] = []
        self.reactor = reactor
        self.listener = listen("pipe", "", reactor, accepted.append)
        self.dialled = dial(self.listener.address, reactor)
        assert reactor.run_until(lambda: bool(accepted), WAIT_S)
        self.accepted = accepted[0]
        self.heard: list[object] = []
        self.told: list[object] = []
        for stream, log in ((self.dialled, self.heard), (self.accepted, self.told)):
            stream.on_bytes = log.append
            stream.on_end = log.append
            stream.on_broken = lambda log=log: log.append("broken")
            stream.on_drained = lambda log=log: log.append("drained")

    def wait(self, log: list[object], what: object) -> bool:
        return self.reactor.run_until(lambda: what in log, WAIT_S)

    def close(self) -> None:
        for one in (self.dialled, self.accepted, self.listener):
            one.close()


@pytest.fixture
def ends(reactor: Reactor) -> object:
    """A connection, closed afterwards; no operation may own memory then."""
    made = Ends(reactor)
    yield made
    made.close()
    assert reactor.run_until(lambda: completion_port().pending == 0, WAIT_S) or completion_port().pending == 0


def test_bytes_in_both_directions(ends: Ends) -> None:
    """Each arrives, and in order."""
    ends.accepted.resume()
    ends.dialled.resume()
    ends.dialled.write(b"ping")
    assert ends.wait(ends.told, b"ping")
    ends.accepted.write(b"pong")
    assert ends.wait(ends.heard, b"pong")


def test_an_end_on_a_pipe_is_the_end_of_both_directions(ends: Ends) -> None:
    """What was written before arrives on both sides, then both are told the end."""
    ends.dialled.resume()
    ends.accepted.write(b"already sent")
    ends.dialled.write(b"last words")
    ends.dialled.finish()
    ends.dialled.write(b"ignored: the stream is finished")
    assert ends.wait(ends.heard, "fin")
    assert ends.heard == [b"already sent", "fin"]
    ends.accepted.resume()
    assert ends.wait(ends.told, "fin")
    assert ends.told == [b"last words", "fin"]


def test_the_end_waits_for_what_was_written(ends: Ends) -> None:
    """A receiver that is slow gets everything before the end, also what did not fit into the pipe."""
    data = os.urandom(1 << 20)
    ends.dialled.write(data)
    ends.dialled.finish()
    assert not ends.reactor.run_until(lambda: bool(ends.told), 0.05)
    assert ends.dialled.buffered > 1 << 19
    ends.accepted.resume()
    assert ends.wait(ends.told, "fin")
    assert b"".join(part for part in ends.told if isinstance(part, bytes)) == data


def test_a_writer_is_stopped_by_a_reader_that_pauses(ends: Ends) -> None:
    """What nobody reads stays with the writer, but for the quota of the pipe and one read."""
    ends.accepted.resume()
    ends.accepted.pause()
    for _ in range(64):
        ends.dialled.write(b"x" * 8192)
    ends.reactor.run_until(lambda: False, 0.05)
    assert ends.dialled.buffered >= 64 * 8192 - 3 * pipe.QUOTA


def test_a_reset_from_the_created_end_loses_what_was_not_read(ends: Ends) -> None:
    """`unsent` tells that there is something to lose, so that the adversary can wait."""
    ends.accepted.write(b"lost")
    assert ends.accepted.unsent() == 1
    ends.accepted.abort()
    ends.dialled.resume()
    assert ends.wait(ends.heard, "reset")
    assert ends.heard == ["reset"]


def test_unsent_falls_to_nothing_when_the_client_has_read(ends: Ends) -> None:
    """Then a reset loses nothing."""
    ends.accepted.write(b"read in time")
    assert ends.accepted.unsent() == 1
    ends.dialled.resume()
    assert ends.wait(ends.heard, b"read in time")
    assert ends.reactor.run_until(lambda: ends.accepted.unsent() == 0, WAIT_S)
    ends.accepted.abort()
    assert ends.wait(ends.heard, "reset")


def test_the_opened_end_can_only_leave(ends: Ends) -> None:
    """Its abort is an end like any other."""
    ends.accepted.resume()
    ends.dialled.write(b"last")
    assert ends.dialled.unsent() == 0
    ends.dialled.abort()
    assert ends.wait(ends.told, "fin")
    assert ends.told == [b"last", "fin"]


def test_more_clients_than_instances_that_wait(reactor: Reactor) -> None:
    """Whoever finds the pipe busy tries again, and is served."""
    accepted: list[Stream] = []
    listener = listen("pipe", "", reactor, accepted.append)
    clients = [dial(listener.address, reactor) for _ in range(3 * WAITING)]
    for number, client in enumerate(clients):
        client.write(bytes([number]))
    assert reactor.run_until(lambda: len(accepted) == len(clients), WAIT_S)
    assert all(client.buffered == 0 for client in clients)
    for one in (*clients, *accepted, listener):
        one.close()


def test_nobody_answers_after_the_listener_was_closed(reactor: Reactor) -> None:
    """Neither who connects then, nor who was waiting."""
    listener = listen("pipe", "", reactor, lambda _: None)
    early = pipe.OverlappedPipe()
    early.open(str(listener.address["path"]))
    listener.close()
    listener.close()
    assert reactor.run_until(lambda: _ends(early), WAIT_S)
    early.close()
    late = dial(listener.address, reactor)
    ends: list[str] = []
    late.on_end = ends.append
    assert reactor.run_until(lambda: bool(ends), WAIT_S)
    assert late.error.startswith("cannot connect")
    late.close()


def _ends(end: "pipe.OverlappedPipe") -> bool:
    try:
        return end.read(1) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize("full", [True, False])
def test_a_black_hole_never_answers(*, full: bool) -> None:
    """A full one is busy for ever; the other can be connected to, and that is all."""
    with blackhole("pipe", "", full=full) as hole:
        assert hole.connect_hangs == full
        client = pipe.OverlappedPipe()
        if full:
            with pytest.raises(OSError, match="cannot connect") as refused:
                client.open(str(hole.address["path"]))
            assert refused.value.winerror == api.ERROR_PIPE_BUSY
        else:
            client.open(str(hole.address["path"]))
            with pytest.raises(BlockingIOError):
                client.read(1)
        client.close()
    hole.close()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "C:\\file",
        "\\\\.\\pipe\\",
        "\\\\server\\pipe\\name",
        "\\\\.\\pipe\\..\\C:\\file",
        "//./pipe/name",
        "\\\\?\\pipe\\name",
        "\\\\.\\pipe\\" + "x" * 256,
    ],
)
def test_only_pipes_of_this_machine_are_dialled(reactor: Reactor, path: str) -> None:
    """Windows would send credentials to another machine, and a path that is no pipe is a file."""
    with pytest.raises(HarnessError, match="not the name of a local pipe"):
        dial({"transport": "pipe", "path": path}, reactor)


def test_the_prefix_may_be_written_in_any_case() -> None:
    """Names of pipes are not case sensitive."""
    assert transport_of({"transport": "pipe"}) == "pipe"
    assert local_name({"path": "\\\\.\\PIPE\\Name"}) == "\\\\.\\PIPE\\Name"


def test_a_name_that_is_taken_is_refused() -> None:
    """By the system; Wine does not look at the flag."""
    name = pipe.new_name("test")
    first = pipe.create(name)
    try:
        if WINE:
            pytest.skip("Wine ignores FILE_FLAG_FIRST_PIPE_INSTANCE")
        with pytest.raises(PermissionError):
            pipe.create(name)
    finally:
        first.close()


def test_names_cannot_be_guessed() -> None:
    """128 random bits."""
    names = {pipe.new_name("test") for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) == len(f"{pipe.PREFIX}ipcg-test-") + 32 for name in names)


def test_only_this_user_is_let_in() -> None:
    """The descriptor names one SID, in a list that inherits nothing; a user's or a service's, never a group's."""
    sid = security.user_sid()
    assert sid.startswith("S-1-5-")
    assert security.sddl() == f"O:{sid}D:P(A;;GA;;;{sid})"
    assert not security.private().bInheritHandle
    assert security.private_inherited().bInheritHandle


def test_what_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flags that Wine does not heed are there all the same."""
    asked: dict[str, tuple[object, ...]] = {}

    def refuse(name: str) -> object:
        def call(*args: object) -> int:
            asked[name] = args
            return int(api.INVALID_HANDLE_VALUE or 0)

        return call

    monkeypatch.setattr(api, "create_named_pipe", refuse("create"))
    monkeypatch.setattr(api, "create_file", refuse("open"))
    with pytest.raises(OSError, match="cannot create the pipe"):
        pipe.create("\\\\.\\pipe\\x")
    with pytest.raises(OSError, match="cannot connect"):
        pipe.OverlappedPipe().open("\\\\.\\pipe\\x")
    access, mode = int(str(asked["create"][1])), int(str(asked["create"][2]))
    assert access & api.FILE_FLAG_FIRST_PIPE_INSTANCE
    assert access & api.FILE_FLAG_OVERLAPPED
    assert mode == api.PIPE_REJECT_REMOTE_CLIENTS
    flags = int(str(asked["open"][5]))
    assert flags & api.SECURITY_SQOS_PRESENT
    assert flags & api.SECURITY_IDENTIFICATION
    assert flags & api.FILE_FLAG_OVERLAPPED
