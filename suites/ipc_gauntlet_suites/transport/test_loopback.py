"""TCP: the loopback interface, by its numbers, and nothing else."""

import ipaddress
import platform
import socket

import psutil
import pytest

from ipc_gauntlet import Lab, NotVerifiable, RawPeer, case
from ipc_gauntlet_suites.transport.places import works

MEANT = {
    "a name": "localhost",
    "any address": "0.0.0.0",  # noqa: S104 - what must be refused
    "any address of IPv6": "::",
    "a mapped address": "::ffff:127.0.0.1",
    "another way to write it": "127.1",
    "a name with a dot": "localhost.",
    "empty": "",
}


@case("XPT-11", transports=("tcp",), role="server", stage="transport")
def test_listens_on_loopback_only(lab: Lab) -> None:
    """Every TCP socket of the server that listens is bound to a literal loopback address, and a connection to another
    address of this machine finds nobody."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    for host in _others():
        (visit,) = lab.visit(lab.to({**served.address, "host": host}, wait=0.1))
        lab.require_that(not visit.connected, f"nobody at {host}", "connected", "exposed")
    lab.did("tried the other addresses of this machine")
    listening = [one.where for one in lab.internet_sockets("server") if one.listening]
    if not listening and platform.system() != "Linux":
        raise NotVerifiable("this system does not tell which sockets a process listens at")
    lab.require_control_that(bool(listening), "no listening socket was found")
    open_ones = [
        where for where in listening if not ipaddress.ip_address(where.rpartition(":")[0]).is_loopback
    ]
    lab.require_that(not open_ones, "loopback addresses only", f"{open_ones}", "exposed")
    lab.did("looked at what listens")


def _others() -> list[str]:
    """Addresses of this machine beside the loopback interface, without those that need an interface to be named."""
    found = [one.address for addresses in psutil.net_if_addrs().values() for one in addresses]
    usable: list[str] = []
    for text in found:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if not address.is_loopback and not address.is_link_local and address.version == 4:
            usable.append(text)
    return usable[:4]


@case("XPT-11", transports=("tcp",), needs=("place",), role="client", stage="transport")
@pytest.mark.parametrize("host", MEANT.values(), ids=[name.replace(" ", "-") for name in MEANT])
def test_connects_to_literal_loopback_only(lab: Lab, host: str) -> None:
    """The client is given something else than a literal loopback address: a name, which somebody else resolves, or
    another spelling. It must refuse, and reach nobody."""
    lab.stage("transport")
    works(lab)
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    attempt = lab.begin({**raw.address, "host": host}, {})
    over = lab.wait(lambda: attempt.is_over() or raw.connected)
    lab.did(f"had the client connect to the host {host!r}")
    lab.require_that(not raw.connected, f"no connection for {host!r}", "connected", "resolved")
    lab.require_that(over and attempt.is_over(), "the client to refuse", "still waiting", "waited")


@case("XPT-11", transports=("tcp",), role="server", stage="transport")
def test_address_is_not_shared(lab: Lab) -> None:
    """Somebody binds the very address that the server listens at, saying that addresses may be used again. Windows lets
    that be done to sockets that were not made exclusive, and gives the clients of one to the other."""
    lab.stage("transport")
    served = lab.listen()
    works(lab, served)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        if not _can_bind("127.0.0.1", plain.getsockname()[1]):
            raise NotVerifiable("no socket that listens can be taken over on this system")
    taken = _can_bind(str(served.address["host"]), int(str(served.address["port"])))
    lab.did("bound the address that it listens at")
    lab.require_that(not taken, "the address to be refused", "bound", "taken-over")


def _can_bind(host: str, port: int) -> bool:
    """Whether an address can be bound by somebody who says that addresses may be used again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            second.bind((host, port))
            second.listen()
        except OSError:
            return False
        return True
