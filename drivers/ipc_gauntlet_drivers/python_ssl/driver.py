"""TLS 1.3 over stream sockets with `ssl.SSLSocket`: what it can do, and how it is configured."""

from __future__ import annotations

import platform
import ssl
from typing import Any, ClassVar

from ipc_gauntlet.sdk import (
    TRANSPORTS,
    BadParams,
    ConnectParams,
    Driver,
    Listener,
    ListenParams,
    SocketListener,
    Unsupported,
)
from ipc_gauntlet_drivers.python_ssl.config import Settings
from ipc_gauntlet_drivers.python_ssl.connection import MAX_MESSAGE, TlsConnection


class TlsDriver(Driver):
    """See the package's docstring.

    Args:
        strict: Whether an end of the stream without a closing handshake is an error.
    """

    options: ClassVar[frozenset[str]] = frozenset({"timeouts.handshake_ms"})

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    @property
    def statement(self) -> dict[str, Any]:
        """See `Driver.statement`."""
        return {
            "name": "python-ssl-strict" if self._strict else "python-ssl",
            "version": f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}",
            "profile": "channel",
            "roles": ["client", "server"],
            "transports": TRANSPORTS,
            "credentials": [{"kind": "x509", "keys": ["ed25519", "ecdsa-p256"], "names": ["dns"]}],
            "features": ["push", "timeouts"],
            "observes": ["established", "delivered", "rejected", "closed"],
            "limits": {"max_message": MAX_MESSAGE},
            "timeouts": {},
            "wire": {"protocol": "tls1.3+u32", "framing": "tls"},
            "parsers": [],
        }

    def listen(self, params: ListenParams) -> Listener:
        """See `Driver.listen`."""
        settings = Settings.of(params, self._strict)
        return SocketListener(params, lambda sock: TlsConnection(sock, settings))

    def connect(self, params: ConnectParams) -> TlsConnection:
        """See `Driver.connect`."""
        if params.service is None:
            raise BadParams("service must be a text: the client checks the server's name")
        if params.peer not in (None, params.service):
            raise Unsupported("a peer other than the service: the ssl module checks one name")
        return TlsConnection(params.address, Settings.of(params, self._strict), params.conn)
