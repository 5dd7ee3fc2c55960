"""Listening at and connecting to addresses of every kind this operating system has."""

import sys
from functools import cache

from sipc_runtime.clock import Clock
from sipc_runtime.pipes import PipeListener, connect_pipe, fresh_name
from sipc_runtime.tcp import connect_tcp, listen_tcp
from sipc_runtime.transport import (
    Address,
    DialLimits,
    EndpointRefused,
    Listener,
    PipeAddress,
    Stream,
    TcpAddress,
    UnixAddress,
)
from sipc_runtime.windows_api import PipeApi

if sys.platform == "win32":
    from sipc_runtime.windows_calls import WindowsPipes

    TRANSPORTS = ("pipe", "tcp")

    @cache
    def _pipes() -> PipeApi:
        """The calls of Windows."""
        return WindowsPipes()

    def connect_unix(address: UnixAddress, clock: Clock, limits: DialLimits) -> Stream:
        """There are no Unix sockets here."""
        raise EndpointRefused("there are no Unix sockets here")

    def listen_unix(directory: str, name: str) -> Listener:
        """There are no Unix sockets here."""
        raise EndpointRefused("there are no Unix sockets here")

else:
    from sipc_runtime.unix import connect_unix, listen_unix

    TRANSPORTS = ("unix", "tcp")

    def _pipes() -> PipeApi:
        """There are no named pipes here."""
        raise EndpointRefused("there are no named pipes here")


def open_stream(address: Address, clock: Clock, limits: DialLimits) -> Stream:
    """Connect to an address.

    Raises:
        TransportError: See the module of the transport.
    """
    if isinstance(address, TcpAddress):
        return connect_tcp(address, clock, limits)
    if isinstance(address, PipeAddress):
        return connect_pipe(address, _pipes(), clock, limits)
    return connect_unix(address, clock, limits)


def listen_in(directory: str, name: str) -> Listener:
    """Listen at a Unix socket in a private directory.

    Raises:
        TransportError: See `sipc_runtime.unix`.
    """
    return listen_unix(directory, name)


def listen_on_loopback(host: str = "127.0.0.1", port: int = 0) -> Listener:
    """Listen at a TCP port of a literal loopback address; port 0 takes a free one.

    Raises:
        TransportError: See `sipc_runtime.tcp`.
    """
    return listen_tcp(TcpAddress(host, port))


def listen_at_pipe(path: str | None = None) -> Listener:
    """Listen at a named pipe; without a name, at one that nobody can have guessed.

    Raises:
        TransportError: See `sipc_runtime.pipes`.
    """
    return PipeListener(fresh_name() if path is None else path, _pipes())
