"""Finds the transport by the name that drivers use for it."""

import sys

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import tcp
from ipc_gauntlet.transport.protocol import Address, Listener, OnAccept, Stream

if sys.platform == "win32":
    from ipc_gauntlet.transport import pipe
else:
    from ipc_gauntlet.transport import unix


def transports() -> tuple[str, ...]:
    """Return the names of the transports of this operating system, its own one first."""
    return ("pipe", "tcp") if sys.platform == "win32" else ("unix", "tcp")


def transport_of(address: Address) -> str:
    """Return the transport that an address names.

    Raises:
        HarnessError: When it names none that this operating system has.
    """
    name = address.get("transport")
    if not isinstance(name, str) or name not in transports():
        raise HarnessError(
            f"no transport for the address {dict(address)!r}; there are {', '.join(transports())}"
        )
    return name


def listen(transport: str, directory: str, reactor: Reactor, on_accept: OnAccept) -> Listener:
    """Open a server endpoint.

    Args:
        transport: `unix`, `tcp` or `pipe`, as far as this operating system has it.
        directory: For `unix`, the directory of the socket, mode 0700; made if it does not exist.
        reactor: Drives the listener.
        on_accept: Called for each accepted connection.

    Raises:
        HarnessError: When there is no such transport, or the directory is not usable.
    """
    if transport == "tcp":
        return tcp.listen(reactor, on_accept)
    if sys.platform == "win32" and transport == "pipe":
        return pipe.listen(reactor, on_accept)
    if sys.platform != "win32" and transport == "unix":
        return unix.listen(directory, reactor, on_accept)
    raise HarnessError(f"no transport {transport!r}; there are {', '.join(transports())}")


def dial(address: Address, reactor: Reactor) -> Stream:
    """Connect to an address; a failure is reported by the stream's `on_end("error")`.

    Raises:
        HarnessError: When the address is malformed, or not on this machine.
    """
    if transport_of(address) == "tcp":
        return tcp.dial(address, reactor)
    if sys.platform == "win32":
        return pipe.dial(address, reactor)
    else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
        return unix.dial(address, reactor)
