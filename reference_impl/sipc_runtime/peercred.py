"""Who is at the other end of a Unix socket, as the kernel tells.

The user is the one the peer had when it called connect() or listen(); it is checked before the first byte. It
keeps other users out. It proves nothing about the program, so it never replaces the handshake. The number of the
process is for people only: it may belong to another process by now. Who needs more opens a `PeerProcess`.

What the kernel is asked comes in as a function, so that the code of each system is tested on all of them.
"""

import os
import select
import socket
import struct
import sys
from collections.abc import Callable

from sipc_runtime.transport import EndpointRefused, Peer, TransportError

Ask = Callable[[int, int, int], bytes]
"""`getsockopt` of a connected socket: level, option and the longest answer."""

# Linux. The numbers are those of most processors; the module socket knows better where it has them.
_SO_PEERCRED = getattr(socket, "SO_PEERCRED", 17)
_SO_PEERPIDFD = 77
_UCRED = struct.Struct("=iII")
# macOS: numbers of <sys/un.h>, which the module socket does not have.
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1
_LOCAL_PEERTOKEN = 6
# struct xucred: version (0), uid, number of groups, sixteen groups.
_XUCRED_SIZE, _XUCRED_VERSION = 76, 0
# audit_token_t: audit user, effective user and group, real user and group, process, session, version of the process.
_TOKEN = struct.Struct("=8I")


def linux_peer(ask: Ask) -> Peer:
    """Ask as Linux is asked: SO_PEERCRED.

    Raises:
        OSError: The connection is gone.
    """
    process, user, _group = _UCRED.unpack(ask(socket.SOL_SOCKET, _SO_PEERCRED, _UCRED.size))
    return Peer(str(user), process)


def darwin_peer(ask: Ask) -> Peer:
    """Ask as macOS is asked: LOCAL_PEERCRED, which is all that getpeereid() asks, and LOCAL_PEERTOKEN.

    The first is of the time of connect() or listen(), the second of now: both have to name the same user, or the
    process has become somebody else's since.

    Raises:
        EndpointRefused: The answers are not understood, or contradict each other.
        OSError: The connection is gone.
    """
    answer = ask(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE)
    if len(answer) < 8:
        raise EndpointRefused(f"LOCAL_PEERCRED gave {len(answer)} bytes")
    version, user = struct.unpack_from("=II", answer)
    if version != _XUCRED_VERSION:
        raise EndpointRefused(f"LOCAL_PEERCRED has version {version}, not {_XUCRED_VERSION}")
    token = ask(_SOL_LOCAL, _LOCAL_PEERTOKEN, _TOKEN.size)
    if len(token) != _TOKEN.size:
        raise EndpointRefused(f"LOCAL_PEERTOKEN gave {len(token)} bytes")
    _audit, now, _group, _real, _real_group, process, _session, _version = _TOKEN.unpack(token)
    if now != user:
        raise EndpointRefused(f"the peer connected as uid {user} and runs as uid {now}")
    return Peer(str(user), process)


_SYSTEMS = {"linux": linux_peer, "darwin": darwin_peer}


def peer_of(connected: socket.socket) -> Peer:
    """The user and the process at the other end.

    Raises:
        EndpointRefused: This operating system has no way to tell.
        TransportError: The connection is gone.
    """
    ask = _SYSTEMS.get(sys.platform)
    if ask is None:
        raise EndpointRefused(f"no way to learn the user of a Unix socket's peer on {sys.platform}")
    try:
        return ask(connected.getsockopt)
    except OSError as error:
        raise TransportError(f"cannot learn who the peer is: {error}", "peer-closed") from error


def require_own_user(connected: socket.socket) -> Peer:
    """Refuse a peer that runs as another user.

    Raises:
        EndpointRefused: The peer's effective uid is not ours.
        TransportError: The connection is gone.
    """
    peer = peer_of(connected)
    if peer.user != _own_user():
        raise EndpointRefused(f"the peer runs as uid {peer.user}, not as ours")
    return peer


def _own_user() -> str:
    if sys.platform == "win32":
        # Nobody: there are no Unix sockets to compare with.
        return ""
    else:  # noqa: RET505 - what follows a `return` on one system is reached on the other
        return str(os.geteuid())


class PeerProcess:
    """The process at the other end of a Unix socket of Linux, whatever its number means by now.

    The kernel hands out a descriptor of the process that connected (SO_PEERPIDFD, since 6.5). Opening one by number
    could meet another process, so that is not done.

    Args:
        connected: The socket.

    Raises:
        EndpointRefused: The kernel has no such handle.
    """

    def __init__(self, connected: socket.socket) -> None:
        try:
            # Systems without this option say so.
            answer = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4)
        except OSError as error:
            raise EndpointRefused(f"the kernel gives no handle of the peer's process: {error}") from error
        self._descriptor = int.from_bytes(answer, sys.byteorder)
        os.set_inheritable(self._descriptor, False)

    def has_ended(self) -> bool:
        """Whether the process is gone; another one with its number does not count."""
        return bool(select.select([self._descriptor], [], [], 0)[0])

    def close(self) -> None:
        """Release the handle."""
        os.close(self._descriptor)
