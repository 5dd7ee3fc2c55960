"""`multiprocessing.connection` with an `authkey`: what it can do, and how it is configured."""

from __future__ import annotations

import platform
from typing import Any

from ipc_gauntlet.sdk import (
    TRANSPORTS,
    Connection,
    ConnectParams,
    Driver,
    Listener,
    ListenParams,
    Unsupported,
    raw,
)
from ipc_gauntlet_drivers.python_multiprocessing import watch
from ipc_gauntlet_drivers.python_multiprocessing.endpoints import (
    MultiprocessingConnection,
    MultiprocessingListener,
)


class MultiprocessingDriver(Driver):
    """See the package's docstring."""

    def __init__(self) -> None:
        watch.install()

    @property
    def statement(self) -> dict[str, Any]:
        """See `Driver.statement`."""
        return {
            "name": "python-multiprocessing",
            "version": f"Python {platform.python_version()}",
            "profile": "channel",
            "roles": ["client", "server"],
            "transports": TRANSPORTS,
            "credentials": [{"kind": "psk", "ids": False}],
            "features": ["push"],
            "observes": ["established", "delivered", "rejected", "closed"],
            "limits": {},
            "timeouts": {},
            "wire": {"protocol": "multiprocessing.connection", "framing": "mp"},
            "parsers": [],
        }

    def listen(self, params: ListenParams) -> Listener:
        """See `Driver.listen`."""
        return MultiprocessingListener(params, _authkey(params))

    def connect(self, params: ConnectParams) -> Connection:
        """See `Driver.connect`."""
        return MultiprocessingConnection(params.conn, params.address, _authkey(params))


def _authkey(params: ListenParams | ConnectParams) -> bytes:
    """Return the one secret of both sides.

    Raises:
        Unsupported: What was asked cannot be said with one secret. Guessing here could open the endpoint to
            everybody: without an `authkey` the module authenticates nobody.
    """
    if params.credential is None or params.trust is None:
        raise Unsupported("a side without the secret, or one that trusts nobody")
    own, keys = raw(params.credential, "key"), params.trust.get("keys") or []
    if [raw(key, "key") for key in keys] != [own]:
        raise Unsupported("more than one secret, or none to trust: there is one for both directions")
    return own
