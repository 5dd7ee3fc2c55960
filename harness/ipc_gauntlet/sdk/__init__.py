"""SDK for drivers written in Python: everything of the driver protocol that is the same for every stack.

It uses the standard library only and nothing else of ipc_gauntlet, so that a driver starts fast and needs none of
the harness's dependencies. A driver subclasses `Driver`, `Listener` and `Connection`; docs/writing-a-driver.md
shows a whole one.
"""

from ipc_gauntlet.sdk.driver import Driver
from ipc_gauntlet.sdk.endpoints import Connection, End, Listener
from ipc_gauntlet.sdk.errors import BadParams, Failed, Unsupported
from ipc_gauntlet.sdk.framing import Framing
from ipc_gauntlet.sdk.params import ConnectParams, ListenParams, RequestParams, raw, raws
from ipc_gauntlet.sdk.program import run
from ipc_gauntlet.sdk.sockets import TRANSPORTS, SocketConnection, SocketListener

__all__ = [
    "TRANSPORTS",
    "BadParams",
    "ConnectParams",
    "Connection",
    "Driver",
    "End",
    "Failed",
    "Framing",
    "ListenParams",
    "Listener",
    "RequestParams",
    "SocketConnection",
    "SocketListener",
    "Unsupported",
    "raw",
    "raws",
    "run",
]
