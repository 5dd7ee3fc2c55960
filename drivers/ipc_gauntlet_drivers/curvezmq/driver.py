"""CURVE over DEALER and ROUTER sockets with `pyzmq`: what it can do."""

from __future__ import annotations

from typing import Any, ClassVar

import zmq

from ipc_gauntlet.sdk import BadParams, Connection, ConnectParams, Driver, Listener, ListenParams
from ipc_gauntlet_drivers.curvezmq.endpoints import DealerConnection, RouterListener
from ipc_gauntlet_drivers.curvezmq.world import World, known_keys


class CurveDriver(Driver):
    """See the package's docstring."""

    options: ClassVar[frozenset[str]] = frozenset({"timeouts.handshake_ms"})

    def __init__(self) -> None:
        self._world: World | None = None

    @property
    def statement(self) -> dict[str, Any]:
        """See `Driver.statement`; `observes` has what both roles can tell, so not `closed`."""
        return {
            "name": "curvezmq",
            "version": f"libzmq {zmq.zmq_version()}, pyzmq {zmq.__version__}",
            "profile": "channel",
            "roles": ["client", "server"],
            "transports": ["unix", "tcp"] if zmq.has("ipc") else ["tcp"],
            "credentials": [{"kind": "raw-key"}],
            "features": ["push", "timeouts"],
            "observes": ["established", "delivered", "rejected"],
            "limits": {},
            "timeouts": {"handshake_ms": 30000},
            "wire": {"protocol": "zmtp-curve+dealer-router", "framing": "zmtp"},
            "parsers": [],
        }

    def listen(self, params: ListenParams) -> Listener:
        """See `Driver.listen`."""
        known = known_keys(params, params.peer)
        return RouterListener(params, self._get_world(), known)

    def connect(self, params: ConnectParams) -> Connection:
        """See `Driver.connect`."""
        if params.service is None or params.peer not in (None, params.service):
            raise BadParams("a client accepts one name, the service's")
        keys = [key for key, name in known_keys(params, params.service).items() if name == params.service]
        return DealerConnection(params, self._get_world(), keys[0] if keys else None)

    def reset(self) -> None:
        """See `Driver.reset`: ends the context, which waits until libzmq has let go of every socket."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _get_world(self) -> World:
        if self._world is None:
            self._world = World()
        return self._world
