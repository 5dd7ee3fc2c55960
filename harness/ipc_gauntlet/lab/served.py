"""A server endpoint that a driver has opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from ipc_gauntlet.credentials import Deployment
from ipc_gauntlet.driver import Driver, Observation
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.judge.outcome import EndView, Role
from ipc_gauntlet.lab.plan import Place, present
from ipc_gauntlet.lab.taps import OfEndpoint, Tap
from ipc_gauntlet.lab.views import view_of

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab


@dataclass(slots=True)
class Served:
    """A server endpoint that is open.

    Args:
        lab: The case's lab.
        listener: The id the harness gave it.
        role: Which driver hosts it.
        address: Where it listens.
        deployment: What it was configured with.
        options: The options of the driver protocol that it was opened with.
        life: The life of the hosting driver in which it was opened; it ends with that.
    """

    lab: Lab
    listener: str
    role: Role
    address: dict[str, object]
    deployment: Deployment
    options: Mapping[str, object]
    life: int = 0

    @classmethod
    def open(
        cls,
        lab: Lab,
        deployment: Deployment,
        options: Mapping[str, object],
        role: Role = "server",
        **place: Unpack[Place],
    ) -> Served:
        """Ask a driver to listen.

        Args:
            lab: The case's lab.
            deployment: Who the server is.
            options: Options of the driver protocol.
            role: Which driver hosts it.
            **place: `directory`, instead of the case's own, and `file`: see the driver protocol's section 2.

        Raises:
            CallFailed: The implementation refused.
            Unsupported: It does not have this transport, credential kind or option.
            DriverError: The driver did not answer.
        """
        listener = lab.name("l")
        side = deployment.server
        params: dict[str, object] = {
            "listener": listener,
            "transport": lab.transport,
            "directory": lab.socket_directory(role),
            "service": deployment.service,
            "credential": side.credential,
            "trust": side.trust,
            "options": dict(options),
            **place,
        }
        if side.peer is not None:
            params["peer"] = side.peer
        answer = lab.call(role, "listen", present(params))
        address = answer.get("address")
        if not isinstance(address, dict):
            raise Inconclusive(f"listen answered no address: {answer!r}")
        return cls(lab, listener, role, address, deployment, options, lab.driver(role).life)

    @property
    def driver(self) -> Driver:
        """The driver that hosts it."""
        return self.lab.driver(self.role)

    def since(self) -> int:
        """A point in the hosting driver's notifications, for `seen`."""
        return len(self.driver.observations)

    def tap(self, since: int = 0) -> Tap:
        """Follow what the hosting driver tells about connections that first appear after `since`."""
        older = self.driver.observations[:since]
        belongs = OfEndpoint(self.listener, self.life, older, self.lab.client_conns)
        return Tap(lambda: self.driver.observations, since, belongs)

    def seen(self, since: int = 0) -> list[Observation]:
        """The hosting driver's notifications about connections that first appeared after `since`."""
        return self.tap(since).seen()

    def view(self, since: int = 0) -> EndView:
        """The server's view of what came after `since`."""
        return view_of(self.seen(since))

    def reopen(self) -> Served:
        """Listen again with the same configuration, as after a restart of the hosting driver; the address is a new one.

        Raises:
            CallFailed: The implementation refused.
            DriverError: The driver did not answer.
        """
        return Served.open(self.lab, self.deployment, self.options, self.role)
