"""Mutants of named pipes on a machine in memory, which enforces what Windows enforces and Wine does not.

Some of them only Windows itself can show. That they are what they say, and that somebody is let in or trusted who is not
by the unflawed reference, is seen here on every system.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from fake_pipes import OTHER_USER, USER, FakePipes, Machine
from pipe_worlds import soon

from sipc_mutants.here import LINUX, MACOS, WINDOWS, WINE, why_not
from sipc_mutants.hook import MutantLoader
from sipc_mutants.patching import source_file
from sipc_mutants.registry import MUTANTS, by_id
from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.transport import EndpointRefused, PipeAddress, TransportError
from sipc_runtime.windows_api import (
    FILE_CREATE_PIPE_INSTANCE,
    PIPE_REJECT_REMOTE_CLIENTS,
    SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT,
    CallFailed,
    PipeShape,
)

NAME = r"\\.\pipe\service"
READ, WRITE = 0x120089, 0x12019B
PIPES = "sipc_runtime.pipes"


def flawed(name: str) -> ModuleType:
    """The module of pipes with a defect; without one for `none`."""
    patches = by_id()[name].patches_of(PIPES) if name != "none" else ()
    path = str(source_file(PIPES))
    loader = MutantLoader(PIPES, path, patches, name, lambda: None)
    module = ModuleType(PIPES)
    module.__dict__.update(__file__=path, __package__="sipc_runtime")
    loader.exec_module(module)
    return module


def joins_a_squatter(pipes: ModuleType) -> bool:
    """Whether it listens under a name that somebody has, on a system that does not honour the flag."""
    machine = Machine(honours_first=False)
    machine.process().create_pipe(PipeShape(NAME, 3, 0, "O:S-1-1D:(A;;0x12019f;;;S-1-1)", 4096))
    try:
        pipes.PipeListener(NAME, machine.process()).close()
    except TransportError:
        return False
    return True


def _after_a_client(pipes: ModuleType) -> tuple[Machine, Any]:
    machine = Machine()
    server = machine.process()
    listener = pipes.PipeListener(NAME, server)
    pipes.connect_pipe(PipeAddress(NAME), machine.process(), SYSTEM_CLOCK, soon())
    assert listener.accept() is not None
    return machine, listener


def lets_a_client_make_instances(pipes: ModuleType) -> bool:
    """Whether a program of the same session can make an instance of its own, once there was a client."""
    machine, _listener = _after_a_client(pipes)
    try:
        machine.process().create_pipe(PipeShape(NAME, 3, 0, "", 4096))
    except CallFailed:
        return False
    return True


def _opens(pipes: ModuleType, crowd: str, rights: int) -> bool:
    """Whether members of a crowd may open the pipe; the machine knows users by one name only."""
    machine, _listener = _after_a_client(pipes)
    pipe = machine.pipes[NAME]
    pipe.sddl = pipe.sddl.replace(f";;;{crowd})", f";;;{OTHER_USER.user})")
    return pipe.grants(OTHER_USER, rights)


def lets_everybody_read(pipes: ModuleType) -> bool:
    """Whether another user may read."""
    return _opens(pipes, "WD", READ)


def lets_whoever_has_logged_on_connect(pipes: ModuleType) -> bool:
    """Whether another user may connect."""
    return _opens(pipes, "AU", WRITE)


def _asked(api: FakePipes, call: str) -> tuple[Any, ...]:
    (found,) = [one[1:] for one in api.calls if one[0] == call][:1]
    return found


def takes_remote_clients(pipes: ModuleType) -> bool:
    """Whether clients of other machines are not rejected."""
    server = Machine().process()
    pipes.PipeListener(NAME, server).close()
    (shape,) = _asked(server, "create_pipe")
    return not shape.pipe_mode & PIPE_REJECT_REMOTE_CLIENTS


def trusts_the_server(pipes: ModuleType) -> bool:
    """Whether a server may act as its client: without flags it may, and above the level of identification."""
    machine = Machine()
    listener = pipes.PipeListener(NAME, machine.process())
    client = machine.process()
    pipes.connect_pipe(PipeAddress(NAME), client, SYSTEM_CLOCK, soon())
    listener.close()
    flags = _asked(client, "open_pipe")[2]
    return not flags & SECURITY_SQOS_PRESENT or flags & 0x30000 > SECURITY_IDENTIFICATION


def _talks_to_others(pipes: ModuleType) -> tuple[bool, bytes]:
    """Whether it connects to a pipe of another user that lets it in, and what he hears."""
    machine = Machine()
    squatter = machine.process(OTHER_USER)
    sddl = f"O:{OTHER_USER.user}D:P(A;;0x12019f;;;{USER.user})"
    theirs = squatter.create_pipe(PipeShape(NAME, 3, 0, sddl, 4096))
    reading = squatter.operation(64)
    try:
        pipes.connect_pipe(PipeAddress(NAME), machine.process(), SYSTEM_CLOCK, soon())
    except EndpointRefused:
        connected = False
    else:
        connected = True
    try:
        squatter.start_read(theirs, reading, 64)
    except CallFailed:
        return connected, b""
    return connected, squatter.read_bytes(reading, 64)


def connects_to_others(pipes: ModuleType) -> bool:
    """Whether it takes another user's pipe for its server's."""
    return _talks_to_others(pipes)[0]


def tells_others(pipes: ModuleType) -> bool:
    """Whether another user hears something from it."""
    return bool(_talks_to_others(pipes)[1])


SHOWN: dict[str, Callable[[ModuleType], bool]] = {
    "XPT-05.m1": tells_others,
    "XPT-05.m4": connects_to_others,
    "XPT-08.m1": joins_a_squatter,
    "XPT-08.m2": joins_a_squatter,
    "XPT-08.m3": lets_a_client_make_instances,
    "XPT-08.m4": lets_a_client_make_instances,
    "XPT-09.m2": takes_remote_clients,
    "XPT-09.m3": lets_everybody_read,
    "XPT-09.m4": lets_whoever_has_logged_on_connect,
    "XPT-10.m1": trusts_the_server,
    "XPT-10.m3": trusts_the_server,
}
IN_CALLS = ("XPT-09.m1",)
"""What is wrong in the calls of Windows themselves; the machine in memory stands in for those."""


@pytest.mark.parametrize("name", SHOWN)
def test_the_defect_is_there_and_the_reference_does_not_have_it(name: str) -> None:
    assert SHOWN[name](flawed(name))
    assert not SHOWN[name](flawed("none"))


def test_every_mutant_of_pipes_is_shown() -> None:
    of_pipes = {one.id for one in MUTANTS if one.requirement in ("XPT-08", "XPT-09", "XPT-10")}
    of_pipes |= {one.id for one in MUTANTS if one.requirement == "XPT-05" and PIPES in one.modules}
    assert of_pipes == {*SHOWN, *IN_CALLS}


def test_the_right_in_question_is_the_one_of_pipes() -> None:
    """0x12019f is what a careless client has; the reference's clients lack one bit of it."""
    assert 0x12019F & ~WRITE == FILE_CREATE_PIPE_INSTANCE


def test_a_machine_without_the_means_says_so() -> None:
    """Nothing is said of a mutant where it cannot be seen, with a reason; elsewhere there is none."""
    for one in MUTANTS:
        told = {machine: why_not(one.system, machine) for machine in (LINUX, MACOS, WINDOWS, WINE)}
        assert not all(told.values()), one.id
        assert bool(told[LINUX]) == (one.system in ("pipes", "windows")), one.id
        assert bool(told[WINE]) == (one.system in ("unix", "native", "windows")), one.id
        assert bool(told[WINDOWS]) == (one.system == "unix"), one.id
    assert why_not("unix", "freebsd14") == ""


def test_this_machine_is_known() -> None:
    """The listing leaves nothing to a guess: it names the reason that this machine has."""
    from sipc_mutants.here import this_machine
    from sipc_mutants.program import listing

    entries = {one["id"]: one for one in listing()}
    here = this_machine()
    assert (here in (WINDOWS, WINE)) == (sys.platform == "win32")
    for one in MUTANTS:
        assert entries[one.id]["elsewhere"] == why_not(one.system, here)
