"""Connections as the driver knows them."""

import threading
from collections.abc import Callable

from sipc.events import Closed, Established, Event, How, MessageReceived, MessageRefused, Rejected
from sipc_driver.reports import Reports
from sipc_driver.rpc import FAILED, Reply, RpcError
from sipc_runtime.clock import SYSTEM_CLOCK, Clock
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.retry import Caller
from sipc_runtime.turns import Turns

Dial = Callable[[Handlers], Endpoint]


class Conn:
    """A connection.

    Attributes:
        name: Its name in the driver protocol.
        endpoint: What runs it; None while there is none.
        ended: Its end was told.
        clock: The clock it goes by.
        default_ms: Budget of requests that have none.
        dial: Connects once more to the same place; None for a server's connection.
        callers: Who must be woken when something becomes of it.
        further: Connections that were made in its stead, in order.
        tags: Numbers of requests by tag.
        turns: The order of requests that are tried again; None while there was none.

    Args:
        name: Its name in the driver protocol.
        reports: Where its notifications go.
        default_ms: Budget of requests that have none.
        listener: Where it came from; None for a client's.
    """

    def __init__(self, name: str, reports: Reports, default_ms: float, listener: str | None = None) -> None:
        self.name = name
        self.reports = reports
        self.default_ms = default_ms
        self.listener = listener
        self.endpoint: Endpoint | None = None
        self.ended = False
        self.clock: Clock = SYSTEM_CLOCK
        self.dial: Dial | None = None
        self.callers: list[Caller] = []
        self.further: list[Endpoint] = []
        self.tags: dict[str, int] = {}
        self.turns: Turns | None = None
        self._lock = threading.Lock()
        self._closers: list[Reply] = []

    def on_event(self, _endpoint: Endpoint, event: Event) -> None:
        """Report an event of the implementation."""
        if isinstance(event, MessageReceived):
            self.reports.delivered(self.name, event)
        elif isinstance(event, Established):
            self.reports.established(self.name, self.listener, event)
        elif isinstance(event, MessageRefused):
            self.reports.rejected({"conn": self.name}, Rejected("established", event.reason, event.detail))
        elif isinstance(event, Rejected):
            self.reject(event)
        elif isinstance(event, Closed):
            self._end(event)
        for caller in self.callers:
            caller.wake()

    def reject(self, event: Rejected) -> None:
        """Report that the attempt has failed; that ends the connection."""
        self.reports.rejected({"conn": self.name}, event)
        self._end(Closed(How.ERROR, event.reason, event.detail, 0, 0, None))

    def answer_when_ended(self, reply: Reply) -> bool:
        """Answer a `close` once the connection has ended; True if it has not ended yet."""
        with self._lock:
            if not self.ended:
                self._closers.append(reply)
                return True
        reply.result()
        return False

    def use(self) -> Endpoint:
        """The endpoint, to do something with it."""
        if self.endpoint is None:
            raise RpcError(FAILED, "the connection was never opened", "peer-closed")
        return self.endpoint

    def endpoints(self) -> list[Endpoint]:
        """Everything that may have to be ended."""
        return [*self.further, *([] if self.endpoint is None else [self.endpoint])]

    def _end(self, event: Closed) -> None:
        self.reports.closed(self.name, event)
        with self._lock:
            self.ended = True
            closers, self._closers = self._closers, []
        for reply in closers:
            reply.result()
