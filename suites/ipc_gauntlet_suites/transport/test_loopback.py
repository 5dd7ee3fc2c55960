"""TCP: the loopback interface, by its numbers, and nothing else."""

import ipaddress
import platform

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
    listening = [one.where for one in lab.internet_sockets("server") if one.listening]
    if not listening and platform.system() != "Linux":
        raise NotVerifiable("this system does not tell which sockets a process listens at")
    lab.require_control_that(bool(listening), "no listening socket was found")
    open_ones = [
        where for where in listening if not ipaddress.ip_address(where.rpartition(":")[0]).is_loopback
    ]
    lab.require_that(not open_ones, "loopback addresses only", f"{open_ones}", "exposed")
    for host in _others():
        (visit,) = lab.visit(lab.to({**served.address, "host": host}, wait=0.1))
        lab.require_that(not visit.connected, f"nobody at {host}", "connected", "exposed")
    lab.did("looked at what listens, and tried the other addresses of this machine")


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
