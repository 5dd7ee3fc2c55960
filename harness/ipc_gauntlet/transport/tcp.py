"""TCP on the loopback interface."""

import ipaddress
import socket
import sys

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport.protocol import Address, OnAccept
from ipc_gauntlet.transport.streams import SocketListener, SocketStream

LOOPBACK = "127.0.0.1"
BACKLOG = 128


def listen(reactor: Reactor, on_accept: OnAccept) -> SocketListener:
    """Listen on a free port of 127.0.0.1.

    Args:
        reactor: Drives the listener.
        on_accept: Called for each accepted connection.
    """
    sock = bind(BACKLOG)
    try:
        return SocketListener(sock, address_of(sock), reactor, on_accept)
    except BaseException:
        sock.close()
        raise


def dial(address: Address, reactor: Reactor) -> SocketStream:
    """Connect to a loopback address and port.

    Raises:
        HarnessError: When the address is not complete, or not a literal loopback address.
    """
    host, port = endpoint(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        stream = SocketStream(sock, reactor)
        stream.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return stream


def endpoint(address: Address) -> tuple[str, int]:
    """Return host and port of an address.

    Raises:
        HarnessError: See `dial`. The harness never talks to another machine.
    """
    host, port = address.get("host"), address.get("port")
    if not isinstance(host, str) or not isinstance(port, int) or not 0 < port < 65536:
        raise HarnessError(f"not a TCP address: {dict(address)!r}")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise HarnessError(f"not a literal loopback address: {host!r}")
    return host, port


def bind(backlog: int) -> socket.socket:
    """Return a socket that listens on a free port of 127.0.0.1."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # Without it another process could bind the same port on top and take connections away.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        sock.bind((LOOPBACK, 0))
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def address_of(sock: socket.socket) -> dict[str, object]:
    """Return the address of a listening socket as drivers know it."""
    host, port = sock.getsockname()[:2]
    return {"transport": "tcp", "host": host, "port": port}
