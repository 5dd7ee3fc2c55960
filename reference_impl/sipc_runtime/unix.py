"""Unix sockets in a private directory.

The directory is the access control: owned by us, mode 0700, not a symbolic link. A socket file's own mode is
not honoured everywhere, but is set as well. Abstract names are not supported.
"""

import errno
import os
import socket
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sipc_runtime import claim
from sipc_runtime.clock import Clock
from sipc_runtime.peercred import require_own_user
from sipc_runtime.sockets import SocketListener, SocketStream, dial
from sipc_runtime.transport import DialLimits, EndpointRefused, TransportError, UnixAddress

# Never imported on Windows; this keeps the type checker from looking at it there.
assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101

# sun_path has 104 bytes on macOS, 108 on Linux, and both need the terminating zero.
MAX_PATH_BYTES = 103


def listen_unix(directory: str, name: str) -> SocketListener:
    """Open a listener at `directory`/`name`.

    Args:
        directory: An existing directory of ours with mode 0700.
        name: File name of the socket, nothing that leads elsewhere.

    Raises:
        EndpointRefused: The directory or what lies at the path is not acceptable.
        TransportError: Another process listens there, or the operating system refused.
    """
    if "/" in name or name in {"", ".", ".."}:
        raise EndpointRefused(f"{name!r} is not the name of a file")
    path = Path(directory) / name
    _check_path(str(path))
    _check_directory(directory)
    with ExitStack() as undo:
        claimed = claim.Claim(path)
        undo.callback(claimed.release)
        _remove_stale(path)
        listening = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            listening.bind(str(path))
            path.chmod(0o600)
            made = path.lstat()

            def on_close() -> None:
                _remove_if_same(path, made)
                claimed.release()

            listener = SocketListener(listening, UnixAddress(str(path)), require_own_user, on_close)
        except OSError as error:
            raise TransportError(f"cannot listen at {path}: {error}", "internal") from error
        undo.pop_all()
    return listener


def connect_unix(address: UnixAddress, clock: Clock, limits: DialLimits) -> SocketStream:
    """Connect to a socket whose owner and whose listening process are this user's.

    Raises:
        EndpointRefused: What lies at the path, or the process behind it, is not acceptable.
        ConnectTimeout: The deadline has passed.
        TransportError: Nobody listens there.
    """
    _check_path(address.path)
    _check_socket_file(address.path)
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        dial(connecting, address.path, clock, limits, lambda: claim.is_claimed(address.path))
        return SocketStream(connecting, require_own_user(connecting))
    except OSError as error:
        connecting.close()
        raise TransportError(f"connecting to {address.path} failed: {error}", "peer-closed") from error
    except TransportError:
        connecting.close()
        raise


def _check_path(path: str) -> None:
    encoded = os.fsencode(path)
    if not encoded.startswith(b"/") or b"\0" in encoded:
        raise EndpointRefused("the path of a socket is absolute and has no NUL (no abstract names)")
    if len(encoded) > MAX_PATH_BYTES:
        raise EndpointRefused(f"the path of the socket has {len(encoded)} bytes, more than {MAX_PATH_BYTES}")


def _check_directory(directory: str) -> None:
    try:
        found = Path(directory).lstat()
    except OSError as error:
        raise EndpointRefused(f"the directory {directory} cannot be used: {error}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise EndpointRefused(f"{directory} is not a directory (symbolic links are not followed)")
    if found.st_uid != os.geteuid():
        raise EndpointRefused(f"the directory {directory} belongs to uid {found.st_uid}, not to us")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise EndpointRefused(f"the directory {directory} is open to others; it needs mode 0700")


def _check_socket_file(path: str) -> None:
    try:
        found = os.lstat(path)
    except OSError as error:
        raise TransportError(f"no socket at {path}: {error}", "peer-closed") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise EndpointRefused(f"{path} is not a socket (symbolic links are not followed)")
    if found.st_uid != os.geteuid():
        raise EndpointRefused(f"the socket {path} belongs to uid {found.st_uid}, not to us")


def _remove_stale(path: Path) -> None:
    """Remove a socket that a dead process of ours left behind; refuse everything else that is in the way.

    The path is claimed by us, so no server lives there that claims what it serves. Others are asked; where a full queue is
    refused like a dead server, one of them that has no room cannot be told from a dead one.
    """
    if not os.path.lexists(path):
        return
    _check_socket_file(str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    if code != errno.ECONNREFUSED:
        raise TransportError(f"another process listens at {path}", "limit")
    path.unlink()


def _remove_if_same(path: Path, made: os.stat_result) -> None:
    """Remove the socket file unless somebody else's has taken its place."""
    try:
        found = path.lstat()
        if (found.st_dev, found.st_ino) == (made.st_dev, made.st_ino):
            path.unlink()
    except FileNotFoundError:
        # The directory's owner removed it first.
        return
