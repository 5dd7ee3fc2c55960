"""What a case can find out about named pipes: who may open one, and what its clients let its server do."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ipc_gauntlet.errors import NotVerifiable
from ipc_gauntlet.lab.access import Access

_ACE = re.compile(r"\(([^;]*);([^;]*);([^;]*);[^;]*;[^;]*;([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Grant:
    """One entry of an access list.

    Args:
        kind: `A` allows, `D` denies.
        rights: In SDDL: letters or a number.
        who: A SID, or one of SDDL's abbreviations such as `WD` (everyone).
    """

    kind: str
    rights: str
    who: str


@dataclass(frozen=True, slots=True)
class PipeSecurity:
    """Who may do what with a pipe.

    Args:
        sddl: As the operating system writes it.
        owner: SID of its owner.
        grants: Its access list; None if it has none, which lets everybody do everything.
        user: SID of this process's user.
    """

    sddl: str
    owner: str
    grants: tuple[Grant, ...] | None
    user: str


def read_sddl(sddl: str, user: str) -> PipeSecurity:
    """Read a security descriptor.

    Args:
        sddl: Owner and access list, as `O:...D:...`.
        user: SID of this process's user.
    """
    owner = re.search(r"O:([A-Z]{2}|S-[0-9-]+)", sddl)
    _, marked, dacl = sddl.partition("D:")
    grants: tuple[Grant, ...] | None = None
    if marked and "NO_ACCESS_CONTROL" not in dacl:
        grants = tuple(Grant(kind, rights, who) for kind, _, rights, who in _ACE.findall(dacl))
    return PipeSecurity(sddl, owner.group(1) if owner else "", grants, user)


def _from_afar(name: str) -> str:
    return f"\\\\{platform.node()}\\pipe\\{name.rpartition(chr(92))[2]}"


class Pipes(Access):
    """The part of a lab that knows named pipes."""

    def pipe_name(self) -> str:
        """The full name of a pipe that is not there."""
        return f"\\\\.\\pipe\\ipcg-{self.rng.getrandbits(96):024x}"

    def squat_pipe(self, name: str) -> None:
        """Make a pipe under a name before anybody else does; it goes with the case.

        Raises:
            NotVerifiable: There are no named pipes here.
        """
        if sys.platform == "win32":
            from ipc_gauntlet.windows import pipe

            self.own(pipe.create(name).close)
        else:
            raise NotVerifiable("there are no named pipes here")

    def watch_pipe_security(self, name: str) -> Callable[[], PipeSecurity]:
        """Connect to a pipe, to read who may open it; whoever serves it may change that for each client.

        Returns:
            Reads it as it is now.

        Raises:
            NotVerifiable: There are no named pipes here.
        """
        if sys.platform == "win32":
            from ipc_gauntlet.windows import inspect, security

            watched = inspect.Watched(name)
            self.own(watched.close)
            return lambda: read_sddl(watched.sddl(), security.user_sid())
        else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
            raise NotVerifiable("there are no named pipes here")

    def opens_from_afar(self, name: str) -> bool:
        """Whether a pipe can be opened as clients of other machines open it, by this machine's name in the network.

        Raises:
            NotVerifiable: Pipes cannot be reached in that way here, also if they take clients of other machines.
        """
        if sys.platform == "win32":
            from ipc_gauntlet.windows import inspect, pipe

            willing = self.pipe_name()
            self.own(pipe.create(willing, pipe.Making(remote=True)).close)
            if not inspect.can_open(_from_afar(willing)):
                raise NotVerifiable("no pipe of this machine can be reached by the machine's name")
            return inspect.can_open(_from_afar(name))
        else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
            raise NotVerifiable("there are no named pipes here")

    def trap_pipe(self, name: str) -> Callable[[], int | None]:
        """Be the server of a pipe, and see how far its first client lets the server act in its name.

        Returns:
            The level once the client has written something, else None: 0 anonymous, 1 identification, 2 impersonation.

        Raises:
            NotVerifiable: There are no named pipes here, or they do not keep what Windows promises.
        """
        if sys.platform == "win32":
            from ipc_gauntlet.windows import inspect, pipe

            if inspect.is_wine():
                raise NotVerifiable("Wine lets every server act as its clients, whatever they asked for")
            made = pipe.create(name)
            self.own(made.close)
            made.begin_accept()

            accepted = False

            def level() -> int | None:
                nonlocal accepted
                if not made.can_read():
                    return None
                if accepted:
                    return inspect.level_of_client(made.fileno())
                made.end_accept()
                made.begin_read()
                accepted = True
                return None

            return level
        else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
            raise NotVerifiable("there are no named pipes here")
