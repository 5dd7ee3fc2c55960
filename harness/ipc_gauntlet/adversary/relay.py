"""The relay: a server for the client under test, and a client for the server under test, with the adversary in between."""

from collections.abc import Sequence
from typing import Self

from ipc_gauntlet.adversary.capture import Firing
from ipc_gauntlet.adversary.core import CoreSetup, LinkCore
from ipc_gauntlet.adversary.faults import Fault, Recorded, Redirect, Takeover
from ipc_gauntlet.adversary.framing import new_framer
from ipc_gauntlet.adversary.link import Link
from ipc_gauntlet.adversary.vocabulary import DEFAULT_LIMITS, Limits
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport import Address, Stream, dial, listen, transport_of


class Relay:
    """An adversary between clients and one server. Every connection is a `Link` with a state of its own.

    Args:
        reactor: Drives everything.
        upstream: Address of the server; the relay listens on the same transport.
        directory: For Unix sockets, where to listen; mode 0700, made if it does not exist.
        framer: How to find frames, see `framer_names`.
        faults: The schedule.
        limits: Bounds.

    Raises:
        HarnessError: When the address, the directory or the framer's name is not usable.
    """

    def __init__(
        self,
        reactor: Reactor,
        *,
        upstream: Address,
        directory: str,
        framer: str = "opaque",
        faults: Sequence[Fault] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        new_framer(framer)  # a wrong name is to fail here, not at the first connection
        self.upstream = dict(upstream)
        self.faults = tuple(faults)
        self.links: list[Link] = []
        self.refused = 0
        self._reactor = reactor
        self._framer = framer
        self._limits = limits
        self._closed = False
        self._listener = listen(transport_of(upstream), directory, reactor, self._accept)
        self.address = self._listener.address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def firings(self) -> list[Firing]:
        """What was really done, over all links."""
        return [firing for link in self.links for firing in link.firings]

    def activity(self) -> tuple[int, int]:
        """Two numbers of which one changes whenever a byte comes or goes on any link."""
        moves = waiting = 0
        for link in self.links:
            moves += link.moves
            waiting += link.waiting()
        return moves, waiting

    def unfired(self) -> list[Fault]:
        """Return the faults that did nothing: with one of these a case has shown nothing."""
        fired = {firing.fault_index for firing in self.firings}
        return [fault for number, fault in enumerate(self.faults) if number not in fired]

    def close(self) -> None:
        """Close everything and remove the socket; captures stay readable. Idempotent."""
        self._closed = True
        self._listener.close()
        for link in self.links:
            link.close()

    def _accept(self, client: Stream) -> None:
        if len(self.links) >= self._limits.links or self._closed:
            self.refused += 1
            client.abort()
            return
        try:
            self._connect(client)
        except BaseException:
            client.close()
            raise

    def _connect(self, client: Stream) -> None:
        index, now = len(self.links), self._reactor.now()
        faults = [(n, fault) for n, fault in enumerate(self.faults) if fault.link in (None, index)]
        setup = CoreSetup(index, self._framer, faults, self._limits, self._resolve)
        core = LinkCore(setup, now)
        server = self._server_for(index, faults, core)
        self.links.append(
            Link(index, core, {"client": client, "server": server}, self._reactor, self._limits)
        )

    def _server_for(self, index: int, faults: Sequence[tuple[int, Fault]], core: LinkCore) -> Stream:
        now = self._reactor.now()
        address: Address = self.upstream
        for number, fault in faults:
            if isinstance(fault, Takeover):
                stream = self.links[fault.of].detach_server(index)
                core.set_up(number, f"took over the server's side of link {fault.of}", now)
                return stream
            if isinstance(fault, Redirect):
                address = fault.address
                core.set_up(number, f"redirected to {address}", now)
        return dial(address, self._reactor)

    def _resolve(self, recorded: Recorded) -> bytes | None:
        if not 0 <= recorded.link < len(self.links):
            raise HarnessError(f"there is no link {recorded.link} to take a frame from")
        return self.links[recorded.link].find(recorded)
