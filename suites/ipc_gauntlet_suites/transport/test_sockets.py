"""Unix sockets: the directory they are in, what lies in their way, and names without a file."""

import os
import socket
import sys
from pathlib import Path

import pytest

from ipc_gauntlet import CallFailed, Lab, NotVerifiable, Served, case
from ipc_gauntlet_suites.scripts import BOTH_ROLES, told
from ipc_gauntlet_suites.transport.places import require_refused, require_untouched, state_of, works

NOBODY = 65534
FILE = "endpoint"
OPEN = {
    "group can write": 0o770,
    "others can enter": 0o701,
    "others can list": 0o704,
    "all can do all": 0o777,
}


@case("XPT-01", transports=("unix",), needs=("place",), role="server", stage="transport")
@pytest.mark.parametrize("mode", OPEN.values(), ids=[name.replace(" ", "-") for name in OPEN])
def test_open_directory(lab: Lab, mode: int) -> None:
    """The directory for the socket is one that others can use. The endpoint must not be made there: whoever can replace
    or reach a socket does not need to break anything else."""
    lab.stage("transport")
    good = lab.folder()
    works(lab, lab.listen(directory=str(good)))
    open_one = lab.folder(mode)
    answer = lab.try_listen(directory=str(open_one))
    lab.did(f"gave it a directory with mode {mode:04o}")
    require_refused(lab, answer, f"a directory with mode {mode:04o}")
    left = sorted(path.name for path in open_one.iterdir())
    lab.require_that(not left, "nothing left in the directory", f"{left}", "left-behind")


@case("XPT-01", transports=("unix",), needs=("place",), role="server", stage="transport")
@pytest.mark.parametrize("owner", ["other-user", "behind-a-link"])
def test_directory_of_somebody_else(lab: Lab, owner: str) -> None:
    """The directory belongs to another user, or is a symbolic link to a good one, which its owner can turn. The endpoint
    must not be made there."""
    lab.stage("transport")
    good = lab.folder()
    works(lab, lab.listen(directory=str(good)))
    if owner == "other-user":
        place = lab.folder(owner=NOBODY)
    else:
        place = Path(lab.directory, lab.name("+l"))
        place.symlink_to(lab.folder(), target_is_directory=True)
    answer = lab.try_listen(directory=str(place))
    lab.did(f"gave it a directory ({owner})")
    require_refused(lab, answer, f"a directory ({owner})")


@case("XPT-01", transports=("unix",), needs=("place",), role="server", stage="transport")
def test_socket_is_where_it_was_asked_for(lab: Lab) -> None:
    """The endpoint is in the directory that was given, which nobody else can enter, and its socket gives nobody else any
    right: what the permissions of the directory keep out today, a wrong `chmod` lets in tomorrow."""
    lab.stage("transport")
    folder = lab.folder()
    served = lab.listen(directory=str(folder))
    works(lab, served)
    path = Path(str(served.address["path"]))
    lab.require_that(path.parent == folder, f"a socket in {folder.name}", f"{path}", "elsewhere")
    mode = path.lstat().st_mode & 0o777
    lab.require_that(not mode & 0o077, "a socket for its owner alone", f"mode {mode:04o}", "open")
    mode = folder.stat().st_mode & 0o777
    lab.require_that(mode == 0o700, "the directory as it was, 0700", f"mode {mode:04o}", "open")
    listening = [one.where for one in lab.sockets("server") if one.kind == "unix" and one.listening]
    strange = [where for where in listening if Path(where) != path]
    lab.require_that(not strange, "no other listening Unix socket", f"{strange}", "elsewhere")


WAYS = (
    "file",
    "directory",
    "fifo",
    "link-to-file",
    "link-to-dead-socket",
    "dangling-link",
    "live-socket",
    "foreign-socket",
)


def _lay(lab: Lab, way: str, path: Path) -> Path:
    """Put something in the way; return what must stay as it is."""
    victim = path.with_name("victim")
    if way == "file":
        path.write_bytes(b"precious")
        return path
    if way == "directory":
        path.mkdir()
        return path
    if way == "fifo" and sys.platform != "win32":
        os.mkfifo(path, 0o600)
        return path
    if way == "link-to-file":
        victim.write_bytes(b"precious")
        path.symlink_to(victim)
        return victim
    if way == "dangling-link":
        path.symlink_to(victim)
        return path
    if way == "link-to-dead-socket":
        _dead(victim)
        path.symlink_to(victim)
        return victim
    if way == "live-socket":
        living = _bound(path)
        living.listen(1)
        lab.own(living.close)
        return path
    lab.require_superuser("to make a socket that belongs to another user")
    _dead(path)
    if sys.platform != "win32":
        os.chown(path, NOBODY, NOBODY)
    return path


def _bound(path: Path) -> socket.socket:
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise NotVerifiable("there are no Unix sockets here")
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind(str(path))
    return made


def _dead(path: Path) -> None:
    _bound(path).close()


@case("XPT-02", transports=("unix",), needs=("place",), role="server", stage="transport")
@pytest.mark.parametrize("way", WAYS)
def test_something_is_in_the_way(lab: Lab, way: str) -> None:
    """At the path of the socket lies something that is not the endpoint's own dead socket. It must refuse, and leave
    everything as it was: an endpoint that removes what is in its way can be made to remove anything."""
    lab.stage("transport")
    free = lab.folder()
    works(lab, lab.listen(directory=str(free), file=FILE))
    folder = lab.folder()
    victim = _lay(lab, way, folder / FILE)
    before = state_of(victim), state_of(folder / FILE)
    answer = lab.try_listen(directory=str(folder), file=FILE)
    lab.did(f"had it listen where something was in the way ({way})")
    require_refused(lab, answer, f"a path with something in the way ({way})")
    require_untouched(lab, victim, before[0], "what was in the way")
    require_untouched(lab, folder / FILE, before[1], "what lay at the path")


@case("XPT-02", transports=("unix",), needs=("place",), role="server", stage="transport")
def test_dead_socket_of_its_own(lab: Lab) -> None:
    """A killed program of the same user has left its socket behind. The endpoint must replace it: after a crash a service
    has to come up again. While another one listens there, it must not."""
    lab.stage("transport")
    folder = lab.folder()
    _dead(folder / FILE)
    served = lab.try_listen(directory=str(folder), file=FILE)
    lab.did("had it listen at a dead socket of its own")
    refused = served if isinstance(served, CallFailed) else ""
    lab.require_that(isinstance(served, Served), "the dead socket to be replaced", f"{refused}", "refused")
    assert isinstance(served, Served)
    works(lab, served)
    since = served.since()
    second = lab.try_listen(directory=str(folder), file=FILE)
    lab.did("had it listen there a second time")
    require_refused(lab, second, "the path of an endpoint that lives")
    told(lab, served, since)  # whoever wants to know whether it lives connects
    works(lab, served)


NAMES = {
    "longer than an address": "n" * 200,
    "with a NUL": "end\0point",
    "begins with a NUL": "\0endpoint",
    "empty": "",
    "out of the directory": "../endpoint",
    "the directory itself": ".",
}


@case("XPT-02", transports=("unix",), needs=("place",), role="server", stage="transport")
@pytest.mark.parametrize("name", NAMES.values(), ids=[name.replace(" ", "-") for name in NAMES])
def test_names_that_mean_something_else(lab: Lab, name: str) -> None:
    """The name of the socket is too long for an address, holds a NUL, or leads elsewhere. It must be refused, neither cut
    nor reinterpreted: an endpoint at another path than was meant is somebody else's."""
    lab.stage("transport")
    folder = lab.folder()
    works(lab, lab.listen(directory=str(folder), file="fine"))
    outside = sorted(path.name for path in folder.parent.iterdir())
    inside = sorted(path.name for path in folder.iterdir())
    answer = lab.try_listen(directory=str(folder), file=name)
    lab.did(f"had it listen under the name {name[:20]!r}")
    require_refused(lab, answer, f"the name {name[:20]!r}")
    now = sorted(path.name for path in folder.iterdir())
    lab.require_that(now == inside, "nothing new in the directory", f"{now}", "elsewhere")
    now = sorted(path.name for path in folder.parent.iterdir())
    lab.require_that(now == outside, "nothing new beside the directory", f"{now}", "elsewhere")


@case("XPT-06", role="server", stage="established")
def test_no_endpoint_but_the_declared_one(lab: Lab) -> None:
    """While an endpoint is open and has a session, both programs have no socket in the abstract namespace, where neither
    owner nor mode protects a name, and nothing listens but the endpoint that was asked for."""
    lab.stage("established")
    session = lab.session()
    session.open()
    session.exchange("c2s", 1)
    session.settle_delivery("c2s")
    lab.require_control_that(session.knows_server(), "no session came about")
    for role in BOTH_ROLES:
        sockets = lab.sockets(role)
        abstract = [one.where for one in sockets if one.kind == "abstract"]
        lab.require_that(not abstract, f"no abstract socket at the {role}", f"{abstract}", "abstract")
        declared = {_where(session.served)} if role == "server" else set()
        strange = [one for one in sockets if one.listening and one.where not in declared]
        lab.require_that(not strange, f"nothing else that listens at the {role}", f"{strange}", "undeclared")
    lab.did("looked at the sockets of both programs")
    session.finish()


def _where(served: Served | None) -> str:
    address = served.address if served is not None else {}
    return str(address["path"]) if "path" in address else f"{address.get('host')}:{address.get('port')}"


@case("XPT-06", transports=("unix",), needs=("place",), role="server", stage="transport")
@pytest.mark.parametrize("name", ["", "\0hidden"], ids=["empty", "NUL"])
def test_no_abstract_name(lab: Lab, name: str) -> None:
    """The endpoint is asked for under a name that the operating system takes for one in the abstract namespace, or for no
    name, for which it chooses one there. It must not listen under it."""
    lab.stage("transport")
    folder = lab.folder()
    works(lab, lab.listen(directory=str(folder), file="fine"))
    answer = lab.try_listen(directory=str(folder), file=name)
    lab.did(f"had it listen under the name {name!r}")
    abstract = [one.where for one in lab.sockets("server") if one.kind == "abstract"]
    lab.require_that(not abstract, "no abstract socket", f"{abstract}", "abstract")
    require_refused(lab, answer, f"the name {name!r}")
