"""TCP on literal loopback addresses.

Names are not resolved: what `localhost` means is somebody else's decision. Every local user can connect, so
the handshake carries the whole weight here.
"""

import socket
import sys

from sipc_runtime.clock import Clock
from sipc_runtime.sockets import SocketListener, SocketStream, dial
from sipc_runtime.transport import DialLimits, EndpointRefused, TcpAddress, TransportError

_FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


def listen_tcp(address: TcpAddress) -> SocketListener:
    """Open a listener; port 0 takes a free one.

    Raises:
        EndpointRefused: The host is not a literal loopback address.
        TransportError: The operating system refused.
    """
    listening = socket.socket(_family(address.host), socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listening.bind((address.host, address.port))
        bound = TcpAddress(address.host, int(listening.getsockname()[1]))
        return SocketListener(listening, bound, _admit, _nothing_to_remove)
    except OSError as error:
        listening.close()
        raise TransportError(f"cannot listen at {address.host}: {error}", "internal") from error


def connect_tcp(address: TcpAddress, clock: Clock, limits: DialLimits) -> SocketStream:
    """Connect to a loopback port.

    Raises:
        EndpointRefused: The host is not a literal loopback address.
        ConnectTimeout: The deadline has passed.
        TransportError: Nobody listens there.
    """
    connecting = socket.socket(_family(address.host), socket.SOCK_STREAM)
    try:
        dial(connecting, (address.host, address.port), clock, limits)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return SocketStream(connecting)
    except OSError as error:
        connecting.close()
        raise TransportError(f"connecting to port {address.port} failed: {error}", "peer-closed") from error
    except TransportError:
        connecting.close()
        raise


def _family(host: str) -> socket.AddressFamily:
    family = _FAMILIES.get(host)
    if family is None:
        raise EndpointRefused(f"{host!r} is not a literal loopback address (127.0.0.1 or ::1)")
    return family


def _admit(connected: socket.socket) -> None:
    if connected.getpeername()[0] not in _FAMILIES:
        raise EndpointRefused("the peer is not on this machine")
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _nothing_to_remove() -> None:
    """A port leaves nothing behind."""
