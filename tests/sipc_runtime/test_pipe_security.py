"""Who is kept out of a named pipe, and what is asked of Windows for that.

Most of this runs on a machine played in memory that enforces what Windows enforces. Wine enforces none of it; there
and on Windows itself what was asked for is read back.
"""

import re
import sys
import threading
from collections.abc import Callable

import pytest
from fake_pipes import OTHER_USER, SANDBOXED, USER, FakePipes, Machine
from pipe_worlds import soon

from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.pipe_stream import PipeStream
from sipc_runtime.pipes import CLIENT_RIGHTS, PipeListener, connect_pipe, descriptor, fresh_name
from sipc_runtime.places import listen_at_pipe, open_stream
from sipc_runtime.transport import EndpointRefused, Peer, PipeAddress, StreamBroken, TransportError
from sipc_runtime.windows_api import (
    ERROR_ACCESS_DENIED,
    FILE_CREATE_PIPE_INSTANCE,
    FILE_FLAG_FIRST_PIPE_INSTANCE,
    FILE_FLAG_OVERLAPPED,
    PIPE_ACCESS_DUPLEX,
    PIPE_REJECT_REMOTE_CLIENTS,
    SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT,
    CallFailed,
    Identity,
    PipeShape,
)
from sipc_runtime.windows_calls import WindowsPipes

NAME = r"\\.\pipe\service"
GENERIC_WRITE = 0x12019F


def connect(api: FakePipes, path: str = NAME) -> PipeStream:
    """Connect as a process of a played machine."""
    return connect_pipe(PipeAddress(path), api, SYSTEM_CLOCK, soon())


def calls(api: FakePipes, name: str) -> list[tuple[object, ...]]:
    """The calls of one name."""
    return [one[1:] for one in api.calls if one[0] == name]


def shapes(api: FakePipes) -> list[PipeShape]:
    """How instances were made."""
    found = [one[0] for one in calls(api, "create_pipe")]
    return [one for one in found if isinstance(one, PipeShape)]


def accepted(listener: PipeListener) -> PipeStream:
    """The next stream."""
    stream = listener.accept()
    assert stream is not None
    return stream


# --- what is asked for ---


def test_flags_of_the_first_instance_and_of_others() -> None:
    """Only ever one first instance; bytes, overlapped, and never a client of another machine."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    streams = [connect(client), accepted(listener), connect(client), accepted(listener)]
    first, *others = shapes(server)
    assert len(others) == 2
    assert first.open_mode & FILE_FLAG_FIRST_PIPE_INSTANCE
    for shape in (first, *others):
        assert shape.name == NAME
        # Bytes, read as bytes, waiting are all 0: nothing else may be set, and this one always.
        assert shape.pipe_mode == PIPE_REJECT_REMOTE_CLIENTS
        assert shape.open_mode & FILE_FLAG_OVERLAPPED
        assert shape.open_mode & PIPE_ACCESS_DUPLEX == PIPE_ACCESS_DUPLEX
    assert not any(shape.open_mode & FILE_FLAG_FIRST_PIPE_INSTANCE for shape in others)
    for one in (*streams, listener):
        one.close()


def test_a_client_lets_a_server_identify_it_and_no_more() -> None:
    """No generic rights, which hold that of making instances; and no impersonation."""
    machine = Machine()
    listener = PipeListener(NAME, machine.process())
    client = machine.process()
    stream = connect(client)
    ((_name, access, flags),) = calls(client, "open_pipe")
    assert access == CLIENT_RIGHTS == 0x12019B
    assert flags == SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION
    stream.close()
    listener.close()


@pytest.mark.parametrize("logon", [USER.logon, None], ids=["session", "no-session"])
def test_the_descriptor(logon: str | None) -> None:
    """One entry for us, one that takes the owner's rights away, our integrity level; nobody else, no inheritance."""
    who = Identity(USER.user, logon, USER.integrity)
    match = re.fullmatch(
        r"O:(S[\d-]+)G:(S[\d-]+)D:P\(A;;0x12019b;;;(S[\d-]+)\)\(A;;RC;;;OW\)S:\(ML;;NWNR;;;(S[\d-]+)\)",
        descriptor(who, making=False),
    )
    assert match is not None
    assert match.groups() == (USER.user, USER.user, logon or USER.user, USER.integrity)


def test_the_right_to_make_instances_is_there_for_a_moment_only() -> None:
    """Before and after an instance is made the list is that of clients, also if making it fails."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    seen: list[str] = []
    create = server.create_pipe

    def watched(shape: PipeShape) -> int:
        seen.append(machine.pipes[NAME].sddl)
        return create(shape)

    server.create_pipe = watched  # type: ignore[method-assign]
    for fails in (False, False, True):
        if fails:
            server.failing["create_pipe"] = 8
        stream = connect(client)
        if fails:
            with pytest.raises(TransportError) as caught:
                listener.accept()
            assert caught.value.reason == "internal"
        else:
            accepted(listener).close()
        assert f"0x{CLIENT_RIGHTS:x}" in machine.pipes[NAME].sddl
        stream.close()
    assert len(seen) == 3
    assert all(f"0x{CLIENT_RIGHTS | FILE_CREATE_PIPE_INSTANCE | 0x40000:x}" in sddl for sddl in seen)
    listener.close()
    assert (server.open_handles(), client.open_handles()) == (0, 0)


# --- who is kept out ---


@pytest.mark.parametrize("who", [OTHER_USER, SANDBOXED], ids=["other-user", "low-integrity"])
def test_nobody_else_can_open_it(who: Identity) -> None:
    """Another user, and a program of ours in a sandbox, are refused by Windows."""
    machine = Machine()
    listener = PipeListener(NAME, machine.process())
    stranger = machine.process(who)
    with pytest.raises(EndpointRefused, match="not for us"):
        connect(stranger)
    assert stranger.open_handles() == 0
    listener.close()


@pytest.mark.parametrize("who", [OTHER_USER, USER], ids=["other-user", "same-user"])
def test_nobody_else_can_make_an_instance(who: Identity) -> None:
    """Not even a program of the same user, which could take clients away; nor may it open with such rights."""
    machine = Machine()
    listener = PipeListener(NAME, machine.process())
    client, squatter = machine.process(), machine.process(who)
    stream = connect(client)
    server = accepted(listener)
    sddl = descriptor(who, making=True)
    with pytest.raises(CallFailed) as caught:
        squatter.create_pipe(PipeShape(NAME, PIPE_ACCESS_DUPLEX, 0, sddl, 4096))
    assert caught.value.code == ERROR_ACCESS_DENIED
    for access in (GENERIC_WRITE, CLIENT_RIGHTS | 0x40000):
        with pytest.raises(CallFailed) as caught:
            squatter.open_pipe(NAME, access, 0)
        assert caught.value.code == ERROR_ACCESS_DENIED
    for one in (stream, server, listener):
        one.close()


@pytest.mark.parametrize("honours_first", [True, False], ids=["windows", "wine"])
@pytest.mark.parametrize("who", [OTHER_USER, USER], ids=["other-user", "same-user"])
def test_a_name_that_somebody_took_before(who: Identity, honours_first: bool) -> None:
    """The server does not open beside him, also where the flag means nothing; and leaves no handle."""
    machine = Machine(honours_first=honours_first)
    squatter, server = machine.process(who), machine.process()
    theirs = squatter.create_pipe(PipeShape(NAME, PIPE_ACCESS_DUPLEX, 0, descriptor(who, making=False), 4096))
    with pytest.raises(TransportError, match="already") as caught:
        PipeListener(NAME, server)
    assert caught.value.reason == "limit"
    assert server.open_handles() == 0
    assert len(machine.pipes[NAME].instances) == 1
    squatter.close(theirs)


def test_a_client_does_not_talk_to_somebody_elses_pipe() -> None:
    """The owner is asked before anything is sent; the list may let everybody in."""
    machine = Machine()
    squatter, client = machine.process(OTHER_USER), machine.process()
    sddl = f"O:{OTHER_USER.user}G:{OTHER_USER.user}D:P(A;;0x12019f;;;{USER.user})"
    theirs = squatter.create_pipe(PipeShape(NAME, PIPE_ACCESS_DUPLEX, 0, sddl, 4096))
    with pytest.raises(EndpointRefused, match=OTHER_USER.user):
        connect(client)
    assert client.open_handles() == 0
    assert not calls(client, "start_write")
    with pytest.raises(CallFailed):
        squatter.start_read(theirs, squatter.operation(10), 10)


def test_a_client_of_another_user_is_refused_by_the_server() -> None:
    """Should Windows let him in after all, the server looks itself, before the first byte, and goes on."""
    machine = Machine()
    server, client, stranger = machine.process(), machine.process(), machine.process()
    machine.users[stranger.number] = OTHER_USER.user
    listener = PipeListener(NAME, server)
    theirs = connect(stranger)
    with pytest.raises(EndpointRefused, match=OTHER_USER.user):
        listener.accept()
    assert theirs.read(10) == b""
    with pytest.raises(StreamBroken):
        theirs.write_some(b"x")
    theirs.close()
    stream = connect(client)
    mine = accepted(listener)
    assert mine.peer == Peer(USER.user, client.number)
    for one in (stream, mine, listener):
        one.close()
    assert server.open_handles() == 0


@pytest.mark.parametrize("call", ["client_process", "user_of"])
def test_a_client_that_cannot_be_named_is_refused(call: str) -> None:
    """It may have gone already, or run where we cannot look."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    stream = connect(client)
    server.failing[call] = ERROR_ACCESS_DENIED
    with pytest.raises(EndpointRefused, match="cannot learn"):
        listener.accept()
    assert stream.read(10) == b""
    stream.close()
    listener.close()
    assert server.open_handles() == 0


@pytest.mark.parametrize("call", ["owner", "identity", "server_process"])
def test_a_server_that_cannot_be_named_is_refused(call: str) -> None:
    """Nothing is sent to it."""
    machine = Machine()
    listener = PipeListener(NAME, machine.process())
    client = machine.process()
    client.failing[call] = ERROR_ACCESS_DENIED
    with pytest.raises(EndpointRefused, match="cannot learn"):
        connect(client)
    assert client.open_handles() == 0
    listener.close()


# --- when Windows has nothing left ---


@pytest.mark.parametrize("call", ["identity", "new_event", "operation", "create_pipe", "instances"])
def test_listening_fails_cleanly(call: str) -> None:
    """No handle is kept when one of several cannot be had."""
    machine = Machine()
    server = machine.process()
    server.failing[call] = 8
    with pytest.raises(TransportError) as caught:
        PipeListener(NAME, server)
    assert caught.value.reason == "internal"
    assert server.open_handles() == 0
    assert machine.pipes == {}


@pytest.mark.parametrize("call", ["open_pipe", "new_event", "operation"])
def test_connecting_fails_cleanly(call: str) -> None:
    """Neither end keeps a handle; the listener goes on."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    client.failing[call] = 8
    with pytest.raises(TransportError):
        connect(client)
    assert client.open_handles() == 0
    listener.close()
    assert server.open_handles() == 0


@pytest.mark.parametrize("call", ["set_dacl", "create_pipe", "operation"])
def test_accepting_fails_and_goes_on(call: str) -> None:
    """This client is dropped, and the next one served."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    first = connect(client)
    server.failing[call] = 8
    with pytest.raises(TransportError) as caught:
        listener.accept()
    assert caught.value.reason == "internal"
    with pytest.raises(StreamBroken):
        first.write_some(b"x")
    first.close()
    waiting: list[PipeStream | None] = []
    thread = threading.Thread(target=lambda: waiting.append(listener.accept()))
    thread.start()
    second = connect(client)
    thread.join(20.0)
    assert waiting[0] is not None
    for one in (second, waiting[0], listener):
        one.close()
    assert (server.open_handles(), client.open_handles()) == (0, 0)


def test_a_list_that_cannot_be_taken_back_ends_the_instance_it_was_widened_for() -> None:
    """The new instance is not used; the old one serves another client after the list is right again."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    stream = connect(client)
    count = 0
    set_dacl = server.set_dacl

    def second_time(handle: int, sddl: str) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise CallFailed("set_dacl", 5)
        set_dacl(handle, sddl)

    server.set_dacl = second_time  # type: ignore[method-assign]
    with pytest.raises(TransportError):
        listener.accept()
    assert len(machine.pipes[NAME].instances) == 1
    stream.close()
    listener.close()
    assert server.open_handles() == 0


# --- bytes that are no bytes, and calls that are lost ---


def test_a_write_of_nothing_is_not_the_end() -> None:
    """A peer that writes no bytes wakes the reader, who waits on."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    stream, mine = connect(client), accepted(listener)
    results: list[bytes] = []
    thread = threading.Thread(target=lambda: results.append(mine.read(10)))
    thread.start()
    handle, operation = stream._handle, client.operation(0)
    for _ in range(3):
        client.start_write(handle, operation, b"")
    thread.join(0.05)
    assert results == []
    stream.write_some(b"now")
    thread.join(20.0)
    assert results == [b"now"]
    client.free(operation)
    for one in (stream, mine, listener):
        one.close()


def abort_reading(api: FakePipes, stream: PipeStream) -> None:
    """What happens to a read whose thread is gone."""
    api.abort(stream._handle, stream._reading)  # type: ignore[arg-type]


def abort_writing(api: FakePipes, stream: PipeStream) -> None:
    """What happens to a write whose thread is gone."""
    api.abort(stream._handle, stream._writing)  # type: ignore[arg-type]


def test_a_read_whose_thread_is_gone_is_begun_again() -> None:
    """It had taken nothing from the pipe."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    stream, mine = connect(client), accepted(listener)
    mine.allow_interrupts()
    mine.interrupt()
    assert mine.read_unless_interrupted(10) is None
    results: list[bytes] = []
    thread = threading.Thread(target=lambda: results.append(mine.read(10)))
    thread.start()
    while not mine._reading.pending:
        thread.join(0.01)
    abort_reading(server, mine)
    stream.write_some(b"bytes")
    thread.join(20.0)
    assert results == [b"bytes"]
    for one in (stream, mine, listener):
        one.close()


def test_a_write_whose_thread_is_gone_breaks_the_stream() -> None:
    """Nobody knows how much of it has arrived, so nothing may follow it."""
    machine = Machine()
    server, client = machine.process(), machine.process()
    listener = PipeListener(NAME, server)
    stream, mine = connect(client), accepted(listener)
    while stream.write_some(bytes(1 << 16)):
        continue
    abort_writing(client, stream)
    with pytest.raises(StreamBroken):
        stream.write_some(bytes(1 << 16))
    for one in (stream, mine, listener):
        one.close()


# --- on Windows itself, or under Wine ---

on_windows = pytest.mark.skipif(sys.platform != "win32", reason="asks Windows")


@on_windows
def test_the_descriptor_is_read_back() -> None:
    """The list that Windows has is the list that was asked for, on both ends, and stays so."""
    listener = listen_at_pipe()
    api = WindowsPipes()
    identity = api.identity()
    client = open_stream(listener.address, SYSTEM_CLOCK, soon())
    server = listener.accept()
    assert isinstance(client, PipeStream)
    assert isinstance(server, PipeStream)
    for stream in (client, server):
        found = api.describe(stream._handle)
        # Windows may write the level by its name, P before the entries, and the user 500 of a machine as LA.
        found = found.replace(";;;LA)", f";;;{identity.user})") if identity.user.endswith("-500") else found
        entries = re.findall(r"\(A;;([^;]+);;;([^)]+)\)", found)
        assert entries == [("0x12019b", identity.logon or identity.user), ("RC", "OW")]
        assert api.owner(stream._handle) == identity.user
    assert api.client_process(server._handle) == api.server_process(client._handle)
    for one in (client, server, listener):
        one.close()


@on_windows
def test_instances_are_counted() -> None:
    """One waits for the next client, and one serves each."""
    listener = listen_at_pipe()
    api = WindowsPipes()
    streams: list[PipeStream] = []
    for number in range(1, 4):
        client = open_stream(listener.address, SYSTEM_CLOCK, soon())
        server = listener.accept()
        assert isinstance(server, PipeStream)
        assert isinstance(client, PipeStream)
        streams += [client, server]
        assert api.instances(server._handle) == number + 1
    for one in (*streams, listener):
        one.close()


@on_windows
@pytest.mark.parametrize("make", [lambda api: api.user_of(0xFFFFFFF0), lambda api: api.owner(0)])
def test_errors_of_windows_are_numbers(make: Callable[[WindowsPipes], object]) -> None:
    """Whatever goes wrong is `CallFailed` with the number."""
    with pytest.raises(CallFailed) as caught:
        make(WindowsPipes())
    assert caught.value.code > 0


@on_windows
def test_a_squatter_with_a_pipe_of_that_name() -> None:
    """Whoever has the name keeps it, whatever his descriptor says."""
    api = WindowsPipes()
    path = fresh_name()
    identity = api.identity()
    shape = PipeShape(
        path, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, 0, descriptor(identity, making=True), 4096
    )
    theirs = api.create_pipe(shape)
    with pytest.raises(TransportError, match="already"):
        listen_at_pipe(path)
    assert api.instances(theirs) == 1
    api.close(theirs)


@pytest.mark.skipif(sys.platform == "win32", reason="there are such libraries")
def test_there_is_no_windows_here() -> None:
    """Asking for its calls elsewhere says so."""
    with pytest.raises(OSError, match="library of Windows"):
        WindowsPipes()
