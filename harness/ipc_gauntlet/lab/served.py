"""A server endpoint that a driver has opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipc_gauntlet.credentials import Deployment
from ipc_gauntlet.driver import Observation
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.judge.outcome import EndView, Role
from ipc_gauntlet.lab.plan import present
from ipc_gauntlet.lab.views import text, view_of

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
    """

    lab: Lab
    listener: str
    role: Role
    address: dict[str, object]
    deployment: Deployment

    @classmethod
    def open(
        cls, lab: Lab, deployment: Deployment, options: Mapping[str, object], role: Role = "server"
    ) -> Served:
        """Ask a driver to listen.

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
            "directory": lab.directory,
            "service": deployment.service,
            "credential": side.credential,
            "trust": side.trust,
            "options": dict(options),
        }
        if side.peer is not None:
            params["peer"] = side.peer
        answer = lab.call(role, "listen", present(params))
        address = answer.get("address")
        if not isinstance(address, dict):
            raise Inconclusive(f"listen answered no address: {answer!r}")
        return cls(lab, listener, role, address, deployment)

    def since(self) -> int:
        """A point in the hosting driver's notifications, for `seen`."""
        return len(self.lab.driver(self.role).observations)

    def seen(self, since: int = 0) -> list[Observation]:
        """The hosting driver's notifications about connections that first appeared after `since`."""
        everything = self.lab.driver(self.role).observations
        older = {one.conn for one in everything[:since] if one.conn is not None}
        elsewhere = {
            one.conn for one in everything if text(one, "listener") not in (None, self.listener) and one.conn
        }
        foreign = older | elsewhere | self.lab.client_conns
        return [
            one
            for one in everything[since:]
            if (one.conn is None and text(one, "listener") in (None, self.listener))
            or (one.conn is not None and one.conn not in foreign)
        ]

    def view(self, since: int = 0) -> EndView:
        """The server's view of what came after `since`."""
        return view_of(self.seen(since))
