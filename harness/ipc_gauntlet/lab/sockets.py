"""What a process and its children have open, as the operating system tells it, not as they do."""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ipc_gauntlet.errors import NotVerifiable

_LISTENS = 0x10000
_CLOEXEC = 0o2000000


@dataclass(frozen=True, slots=True)
class Socket:
    """An open socket.

    Args:
        kind: `unix`, `abstract` (a Unix socket without a file), `tcp` or `udp`.
        where: Its path, name or `host:port`; empty for a Unix socket without a name.
        listening: Whether others can connect to it.
    """

    kind: str
    where: str
    listening: bool


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An open descriptor, on Windows a handle.

    Args:
        number: Its number; 0 to 2 are the standard streams, also where handles have other numbers.
        target: What it is, as the operating system names it.
        inherited: Whether a program that is executed gets it.
    """

    number: int
    target: str
    inherited: bool


def sockets_of(pid: int) -> list[Socket]:
    """The sockets of a process and all its descendants.

    Raises:
        NotVerifiable: This operating system does not tell.
    """
    if platform.system() == "Windows":
        _require_that_listeners_are_told()
        return internet_sockets_of(pid)  # there are no others
    if platform.system() != "Linux":
        raise NotVerifiable("this operating system does not tell which Unix sockets a process has")
    family = list(_family(pid))
    inodes = {inode for process in family for inode in _inodes(process)}
    return [*_unix(inodes), *(found for process in family for found in _inet(process))]


def internet_sockets_of(pid: int) -> list[Socket]:
    """The TCP and UDP sockets of a process and all its descendants, on every operating system."""
    return [found for process in _family(pid) for found in _inet(process)]


def descriptors_of(pid: int) -> list[Descriptor]:
    """The descriptors of a process.

    Raises:
        NotVerifiable: This operating system does not tell.
    """
    if sys.platform == "win32":
        return _handles(_program_of(pid))
    else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
        return _linux_descriptors(pid)


def _linux_descriptors(pid: int) -> list[Descriptor]:
    if platform.system() != "Linux":
        raise NotVerifiable("this operating system does not tell what a process would hand on to a program")
    found: list[Descriptor] = []
    for entry in sorted(Path(f"/proc/{pid}/fd").iterdir(), key=lambda path: int(path.name)):
        try:
            flags = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text(encoding="ascii")
            target = str(entry.readlink())
        except OSError:
            continue  # closed in the meantime
        octal = next(line.split()[1] for line in flags.splitlines() if line.startswith("flags:"))
        found.append(Descriptor(int(entry.name), target, not int(octal, 8) & _CLOEXEC))
    return found


def _require_that_listeners_are_told() -> None:
    """Look for a listener of our own: where not even that is seen, as under Wine, seeing none says nothing."""
    with socket.create_server(("127.0.0.1", 0)):
        if not any(one.listening for one in _inet(psutil.Process())):
            raise NotVerifiable("this system does not tell which sockets a process listens at")


def _program_of(pid: int) -> int:
    """The process of a program; in a virtual environment of Windows `python.exe` starts the real one and waits."""
    try:
        process = psutil.Process(pid)
        children = process.children()
        alike = len(children) == 1 and children[0].name() == process.name()
    except (psutil.Error, OSError):  # Wine does not tell names
        return pid
    return children[0].pid if alike else pid


if sys.platform == "win32":

    def _handles(pid: int) -> list[Descriptor]:
        from ipc_gauntlet.windows import handles

        try:
            standard = handles.standard_handles_of(pid)
            found = handles.handles_of(pid)
        except OSError as error:
            raise NotVerifiable(f"this Windows does not tell the handles of a process: {error}") from error
        return [
            Descriptor(standard.index(one.number), "a standard stream", one.inherited)
            if one.number in standard
            else Descriptor(one.number, "handle", one.inherited)
            for one in found
        ]


def _family(pid: int) -> Iterator[psutil.Process]:
    try:
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)
    except psutil.Error:
        return


def _inodes(process: psutil.Process) -> Iterator[str]:
    try:
        entries = list(Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def _unix(inodes: set[str]) -> Iterator[Socket]:
    for line in Path("/proc/net/unix").read_text(encoding="utf-8", errors="surrogateescape").splitlines()[1:]:
        words = line.split(maxsplit=7)
        if words[6] in inodes:
            name = words[7] if len(words) > 7 else ""
            kind = "abstract" if name.startswith("@") else "unix"
            yield Socket(kind, name, bool(int(words[3], 16) & _LISTENS))


def _inet(process: psutil.Process) -> Iterator[Socket]:
    try:
        connections = process.net_connections("inet")
    except psutil.Error:
        return
    for one in connections:
        where = ":".join(map(str, one.laddr))
        tcp = one.type == socket.SOCK_STREAM
        yield Socket("tcp" if tcp else "udp", where, one.status == "LISTEN" or not (tcp or one.raddr))
