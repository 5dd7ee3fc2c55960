"""Endpoints of the harness: streams of bytes per operating system, and addresses as drivers report them."""

from ipc_gauntlet.transport.blackhole import Blackhole, blackhole
from ipc_gauntlet.transport.factory import dial, listen, transport_of, transports
from ipc_gauntlet.transport.protocol import Address, EndKind, Listener, OnAccept, Stream

__all__ = [
    "Address",
    "Blackhole",
    "EndKind",
    "Listener",
    "OnAccept",
    "Stream",
    "blackhole",
    "dial",
    "listen",
    "transport_of",
    "transports",
]
