"""A stage for relays on real sockets: a server by hand, the relay, and clients by hand."""

from ipc_gauntlet.adversary import Limits, Link, RawPeer, Relay
from ipc_gauntlet.reactor import Reactor

WAIT_S = 10


class Stage:
    """A server by hand, a relay in front of it, and clients by hand."""

    def __init__(self, reactor: Reactor, transport: str, directory: str, wrap: object) -> None:
        self.reactor = reactor
        self.transport = transport
        self.directory = directory
        self.wrap = wrap
        self.own: list[object] = []
        self.server = self.listen()
        self.relay: Relay

    def listen(self) -> RawPeer:
        """Another server by hand."""
        peer = RawPeer.listen(self.reactor, self.transport, self.directory)
        self.own.append(peer)
        return peer

    def start(self, *faults: object, framer: str = "u32be", limits: Limits | None = None) -> Relay:
        """Put the relay in front of the server."""
        self.relay = Relay(
            self.reactor,
            upstream=self.server.address,
            directory=self.directory,
            framer=framer,
            faults=faults,  # type: ignore[arg-type]
            limits=limits or Limits(),
        )
        self.own.append(self.relay)
        return self.relay

    def dial(self, *, reading: bool = True) -> RawPeer:
        """Connect a client, and wait until its link exists."""
        before = len(self.relay.links)
        peer = RawPeer.dial(self.reactor, self.relay.address, reading=reading)
        self.own.append(peer)
        assert self.wait(lambda: len(self.relay.links) > before)
        return peer

    def wait(self, predicate: object) -> bool:
        """Run until something holds."""
        return self.reactor.run_until(predicate, WAIT_S)  # type: ignore[arg-type]

    def jam(self, link: Link, direction: str) -> None:
        """Wait until so much has come that nothing moves any more."""
        assert self.wait(lambda: link.bytes_seen(direction) > 200_000)  # type: ignore[arg-type]
        while link.quiet_for() < 0.1:
            self.still(lambda: False)

    def still(self, predicate: object) -> bool:
        """Whether something does not happen in a short while."""
        return not self.reactor.run_until(predicate, 0.05)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close everything, the last first."""
        for one in reversed(self.own):
            one.close()  # type: ignore[attr-defined]
