"""Where tests of pipes run: on Windows itself, and everywhere on a machine played in memory."""

import threading
from collections.abc import Callable

from fake_pipes import Machine

from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.pipe_stream import PipeStream
from sipc_runtime.pipes import PipeListener, connect_pipe, fresh_name
from sipc_runtime.transport import DialLimits, PipeAddress
from sipc_runtime.windows_api import PipeApi
from sipc_runtime.windows_calls import WindowsPipes


class World:
    """A server's and a client's calls.

    Args:
        server: Those of the server.
        client: Those of the client.
    """

    def __init__(self, server: PipeApi, client: PipeApi) -> None:
        self.server = server
        self.client = client

    def listener(self, path: str | None = None) -> PipeListener:
        """Listen, at a fresh name if none is given."""
        return PipeListener(fresh_name() if path is None else path, self.server)

    def connect(self, address: PipeAddress) -> PipeStream:
        """Connect as the client."""
        return connect_pipe(address, self.client, SYSTEM_CLOCK, soon())

    def joined(self, listener: PipeListener) -> tuple[PipeStream, PipeStream]:
        """A client's and a server's end of one connection."""
        client = self.connect(listener.address)
        server = listener.accept()
        assert server is not None
        return client, server


def soon(seconds: float = 20.0) -> DialLimits:
    """Limits of an attempt."""
    return DialLimits(SYSTEM_CLOCK.monotonic() + seconds, threading.Event())


def played() -> World:
    """A machine in memory."""
    machine = Machine()
    return World(machine.process(), machine.process())


def real() -> World:
    """This machine, which is a Windows."""
    api = WindowsPipes()
    return World(api, api)


WORLDS: dict[str, Callable[[], World]] = {"played": played, "windows": real}
