"""What a case can find out about named pipes: who may open one, and what its clients let its server do."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from ipc_gauntlet.errors import NotVerifiable
from ipc_gauntlet.lab.access import Access
from ipc_gauntlet.lab.outside import Visit
from ipc_gauntlet.lab.sddl import ABOVE, Entry, is_crowd, read

READ_AND_WRITE = 0x3
"""FILE_READ_DATA and FILE_WRITE_DATA: what a client of a pipe needs at least."""

_ADMINISTRATORS = "S-1-5-32-544"
# For so long a stranger waits for an answer.
_LISTENS_S = 0.5


@dataclass(frozen=True, slots=True)
class Granted:
    """What the operating system grants, when it is asked to weigh a descriptor; a bit for each right to the object.

    Args:
        client: To a program of this user that is no administrator.
        stranger: To somebody who is only what everybody is; None where this system cannot tell.
    """

    client: int
    stranger: int | None

    def __str__(self) -> str:
        stranger = "cannot be asked here" if self.stranger is None else f"0x{self.stranger:x}"
        return f"to a client of this user 0x{self.client:x}, to somebody else {stranger}"


@dataclass(frozen=True, slots=True)
class PipeSecurity:
    """Who may do what with a pipe.

    Args:
        sddl: As the operating system writes it.
        owner: SID of its owner.
        entries: Its access list; None if it has none, which lets everybody do everything.
        user: SID of this process's user.
        granted: What the operating system says to it; None if it does not take it for a descriptor.
    """

    sddl: str
    owner: str
    entries: tuple[Entry, ...] | None
    user: str
    granted: Granted | None = None

    def others_who_make_instances(self) -> list[Entry]:
        """The entries that let others than this user, and than those above him, make instances of the pipe."""
        return [
            one
            for one in self.entries or ()
            if one.allows and one.makes_instances and one.who not in {self.user, *ABOVE}
        ]

    def crowds(self) -> list[Entry]:
        """The entries that let in people nobody has chosen."""
        return [one for one in self.entries or () if one.allows and is_crowd(one.who)]


def read_security(text: str, user: str, granted: Granted | None = None) -> PipeSecurity:
    """Read a security descriptor.

    Args:
        text: Owner and access list, as `O:...D:...`.
        user: SID of this process's user.
        granted: What the operating system says to it.

    Raises:
        ValueError: It is not understood.
    """
    found = read(text, user)
    return PipeSecurity(text, found.owner, found.entries, user, granted)


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
            from ipc_gauntlet.windows import inspect, security, tokens

            watched = inspect.Watched(name)
            self.own(watched.close)
            client = tokens.Token(lambda who: who != _ADMINISTRATORS)
            self.own(client.close)
            stranger = tokens.Token(is_crowd)
            self.own(stranger.close)
            user = security.user_sid()
            # Wine lets a user count in a token in which he shall not.
            counts_anyway = bool(stranger.granted_by(f"O:SYG:SYD:P(A;;FA;;;{user})"))

            def look() -> PipeSecurity:
                found = read_security(watched.sddl(), user)
                to_client, to_stranger = watched.granted(client), watched.granted(stranger)
                if to_client is None or to_stranger is None:
                    return found
                blurred = counts_anyway and any(one.who == user for one in found.entries or ())
                granted = Granted(to_client, None if blurred else to_stranger)
                return replace(found, granted=granted)

            return look
        else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
            raise NotVerifiable("there are no named pipes here")

    def stranger(self) -> Callable[[str, bytes], Visit]:
        """Somebody who is only what everybody is: he has a token in which neither this user nor a group of his counts.

        Returns:
            Connects to a pipe as him: full name, and what to send if he gets in.

        Raises:
            NotVerifiable: There are no named pipes here, or they let in whom their access lists keep out.
        """
        if sys.platform == "win32":
            from ipc_gauntlet.windows import strangers, tokens

            token = tokens.Token(is_crowd)
            self.own(token.close)
            wrong = strangers.not_kept_out(token)
            if wrong:
                raise NotVerifiable(
                    f"access lists of pipes keep nobody out here ({wrong}), and there is no second user"
                )

            def visit(name: str, words: bytes) -> Visit:
                try:
                    talk = strangers.Talk(strangers.opened(name, token))
                except OSError as error:
                    return Visit(False, b"", "", str(error))
                self.own(talk.close)
                talk.send(words)
                self.poll(talk.over, _LISTENS_S)
                return Visit(True, talk.heard, talk.ended or "open", "")

            return visit
        else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
            raise NotVerifiable("there are no named pipes here")

    def squat_pipe_of_others(self, name: str) -> Callable[[], bytes | None]:
        """Be the server of a pipe that lets this user in and belongs to somebody else.

        Returns:
            What its first client has said; None while there was no client.

        Raises:
            NotVerifiable: There are no named pipes here, or it takes a privilege to make such a pipe.
        """
        if sys.platform == "win32":
            from ipc_gauntlet.windows import strangers

            try:
                squatter = strangers.Squatter(name)
            except PermissionError as error:
                raise NotVerifiable(
                    f"it takes a privilege to make a pipe that belongs to others ({error})"
                ) from error
            self.own(squatter.close)
            return squatter.heard
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
