"""Clients and servers of pipes that are, by their tokens and owners, somebody else than we."""

import contextlib
import sys
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api, pipe, security, tokens

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

CLIENT_RIGHTS = 0x0012019B
"""What is needed to read and to write, without the right to make instances."""

_GUESTS = "S-1-5-32-546"
# What Windows says to a program that may not make something that belongs to others.
_INVALID_OWNER, _PRIVILEGE_NOT_HELD = 1307, 1314


def opened(name: str, token: tokens.Token) -> pipe.OverlappedPipe:
    """Connect to a pipe as whoever has a token.

    Args:
        name: Full name.
        token: Only counts for the moment of opening: that is when access is checked.

    Raises:
        OSError: It is not granted, or there is no such pipe.
    """
    flags = api.FILE_FLAG_OVERLAPPED | api.SECURITY_SQOS_PRESENT | api.SECURITY_IDENTIFICATION
    with token.acting():
        handle = api.create_file(name, CLIENT_RIGHTS, 0, None, api.OPEN_EXISTING, flags, None)
        code = api.last_error()
    if handle == api.INVALID_HANDLE_VALUE:
        raise api.failure(f"cannot connect to {name} as somebody else", code)
    end = pipe.OverlappedPipe()
    end.adopt(handle)
    return end


def not_kept_out(token: tokens.Token) -> str:
    """Whether access lists of pipes mean nothing here, found out with two pipes of ours.

    Args:
        token: Of somebody who may open what everybody may open.

    Returns:
        What is not as it should be; empty if it is: a pipe for everybody was opened, and one for this user was not.
    """
    codes = [_code_of(sddl, token) for sddl in ("D:P(A;;GA;;;WD)", security.sddl())]
    if codes == [0, api.ERROR_ACCESS_DENIED]:
        return ""
    return f"opening a pipe for everybody gave error {codes[0]}, and one for this user only {codes[1]}"


def _code_of(sddl: str, token: tokens.Token) -> int:
    name = pipe.new_name("open")
    with contextlib.closing(pipe.create(name, pipe.Making(sddl=sddl))):
        try:
            opened(name, token).close()
        except OSError as error:
            return error.winerror
    return 0


class Talk:
    """What is said to somebody who has connected.

    Args:
        end: His end; owned from now on.
    """

    def __init__(self, end: pipe.OverlappedPipe) -> None:
        self.heard = b""
        self.ended = ""
        self._end = end

    def send(self, data: bytes) -> None:
        """Say something, if there is somebody to hear it."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            self._end.write(data)

    def over(self) -> bool:
        """Listen; whether the other side has ended the connection."""
        while not self.ended:
            try:
                data = self._end.read(pipe.QUOTA)
            except BlockingIOError:
                return False
            except OSError as error:
                self.ended = str(error)
            else:
                self.heard += data
                if not data:
                    self.ended = "fin"
        return True

    def close(self) -> None:
        """Hang up."""
        self._end.close()


class Squatter:
    """The server of a pipe that lets this user in and belongs to others: by its descriptor, to the guests of this machine.

    Args:
        name: Full name.

    Raises:
        PermissionError: Giving something to others takes a privilege that this process does not have.
        OSError: The pipe cannot be made.
    """

    def __init__(self, name: str) -> None:
        sddl = f"O:{_GUESTS}G:{_GUESTS}D:P(A;;GA;;;{security.user_sid()})"
        privileged = tokens.Token(lambda _: True, "SeRestorePrivilege")
        try:
            with privileged.acting():
                self._pipe = pipe.create(name, pipe.Making(sddl=sddl))
        except OSError as error:
            if error.winerror in (_INVALID_OWNER, _PRIVILEGE_NOT_HELD):
                raise PermissionError(str(error)) from error
            raise
        finally:
            privileged.close()
        self._pipe.begin_accept()
        self._talk: Talk | None = None

    def heard(self) -> bytes | None:
        """What its first client has said so far; None while there was none."""
        if self._talk is None:
            if not self._pipe.can_read():
                return None
            self._pipe.end_accept()
            self._talk = Talk(self._pipe)
        self._talk.over()
        return self._talk.heard

    def close(self) -> None:
        """Give the name free."""
        self._pipe.close()
