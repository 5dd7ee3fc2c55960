"""Who is at the other end of a Unix socket, as the kernel tells.

The uid is the one the peer had when it called connect() or listen(); it is checked before the first byte. It
keeps other users out. It proves nothing about the program, so it never replaces the handshake.
"""

import os
import socket
import struct
import sys

from sipc_runtime.transport import EndpointRefused

# struct xucred of macOS: version, uid, number of groups, sixteen groups.
_XUCRED_SIZE = 76
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1


def peer_uid(connected: socket.socket) -> int:
    """The effective uid of the process at the other end.

    Raises:
        EndpointRefused: This operating system has no way to tell.
        OSError: The connection is gone.
    """
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return int(uid)
    elif sys.platform == "darwin":  # noqa: RET505 - else the rest is unreachable for the type checker
        _, uid = struct.unpack_from("II", connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE))
        return int(uid)
    else:
        raise EndpointRefused(f"no way to learn the user of a Unix socket's peer on {sys.platform}")


def require_own_uid(connected: socket.socket) -> None:
    """Refuse a peer that runs as another user.

    Raises:
        EndpointRefused: The peer's effective uid is not ours.
    """
    uid = peer_uid(connected)
    if sys.platform == "win32" or uid != os.geteuid():
        raise EndpointRefused(f"the peer runs as uid {uid}, not as ours")
