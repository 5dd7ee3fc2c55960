"""A server: one thread that accepts, one thread for each connection, bounded numbers of both kinds.

Rule of this file: the accepting thread never reads from a connection. A peer that stalls holds up its own thread
until its handshake's deadline, and one of a limited number of places for connections that are not established.
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sipc.connection import Connection, Context
from sipc.errors import LocalError
from sipc.events import Established, Event, Rejected, RequestEnded, RequestReceived
from sipc.handshake import Responder
from sipc.handshake_config import ResponderConfig
from sipc.settings import Settings
from sipc_runtime.clock import SYSTEM_CLOCK, Clock
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.endpoint_parts import Origin
from sipc_runtime.entropy import SYSTEM_ENTROPY
from sipc_runtime.faults import FAULTS
from sipc_runtime.metrics import Metrics
from sipc_runtime.transport import Address, Listener, Stream, TransportError
from sipc_runtime.workers import CONNECTION_THREADS

# After a failed accept (no descriptors left, for example) the next one waits this long.
_ACCEPT_PAUSE_S = 0.05
# What a peer is told for which there is no room.
_RETRY_AFTER_MS = 1000
# Kinds of credentials that can prove a name.
_KINDS = ("x509", "psk")
# Labels of accepted connections are unique in the process, whichever server they belong to.
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How many connections a server has at once.

    Attributes:
        connections: All of them.
        handshakes: Those that are not established yet.
    """

    connections: int = 1024
    handshakes: int = 256


@dataclass(frozen=True, slots=True)
class Application:
    """What a server calls; see `Handlers` for the threads.

    Attributes:
        on_event: As for an endpoint.
        on_request_ended: As for an endpoint.
        on_refused: A connection was refused before it had an endpoint: its reason class and text.
        metrics: Where what happens is counted.
    """

    on_event: Callable[[Endpoint, Event], None]
    on_request_ended: Callable[[Endpoint, RequestEnded], None]
    on_refused: Callable[[str, str], None]
    metrics: Metrics = field(default_factory=Metrics)


class Server:
    """Accepts connections at one listener.

    Args:
        listener: Where; the server owns it.
        config: Identity, trust and policy for every handshake.
        application: What to call.
        settings: Limits and times of connections.
        clock: The clock for every timer.
        limits: Numbers of connections.
    """

    def __init__(
        self,
        listener: Listener,
        config: ResponderConfig,
        application: Application,
        settings: Settings | None = None,
        clock: Clock = SYSTEM_CLOCK,
        limits: ServerLimits | None = None,
    ) -> None:
        self._listener = listener
        # Principals that are shut out; shared with every handshake, which asks when it judges.
        self._revoked: set[tuple[str, str]] = set()
        self._config = replace(config, revoked=self._revoked)
        self._application = application
        self._settings = settings or Settings()
        self._clock = clock
        self._limits = limits or ServerLimits()
        self._lock = threading.Lock()
        self._endpoints: set[Endpoint] = set()
        self._unconfirmed: set[Endpoint] = set()
        self._peers: dict[Endpoint, Established] = {}
        self._closing = False
        self._handlers = Handlers(self._on_event, application.on_request_ended, application.metrics)
        self._thread = threading.Thread(target=self._accept_all, name="sipc-accept", daemon=True)
        self._thread.start()

    @property
    def address(self) -> Address:
        """Where clients connect to."""
        return self._listener.address

    def endpoints(self) -> list[Endpoint]:
        """The connections there are now."""
        with self._lock:
            return list(self._endpoints)

    @property
    def config(self) -> ResponderConfig:
        """The present policy."""
        return self._config

    def reconfigure(self, config: ResponderConfig) -> None:
        """Use another policy for every handshake that begins from now on."""
        self._config = replace(config, revoked=self._revoked)

    def revoke(self, name: str) -> None:
        """Shut out a name, whatever proves it: no new session, and the ones there are end."""
        with self._lock:
            self._revoked.update((kind, name) for kind in _KINDS)
            ended = [endpoint for endpoint, peer in self._peers.items() if peer.peer == name]
        for endpoint in ended:
            endpoint.expel("revoked", f"{name} has been shut out")

    def is_revoked(self, peer: Established) -> bool:
        """Whether a peer has been shut out."""
        return (peer.credential, peer.peer) in self._revoked

    def half_open(self) -> int:
        """How many connections are not established yet."""
        with self._lock:
            return len(self._unconfirmed)

    def stop_accepting(self) -> None:
        """Close the listener; connections go on."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._listener.interrupt()
        self._thread.join()
        self._listener.close()

    def close(self) -> None:
        """Stop accepting and close every connection in order; returns when everything is released."""
        self.stop_accepting()
        endpoints = self.endpoints()
        closers = [threading.Thread(target=one.close, daemon=True) for one in endpoints]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()

    def abort(self) -> None:
        """Stop accepting and end every connection at once; does not wait for their threads."""
        self.stop_accepting()
        for endpoint in self.endpoints():
            endpoint.abort()

    def _accept_all(self) -> None:
        while True:
            try:
                stream = self._listener.accept()
            except TransportError as error:
                self._application.on_refused(error.reason, str(error))
                if error.reason == "internal":
                    time.sleep(_ACCEPT_PAUSE_S)
                continue
            if stream is None:
                return
            self._admit(stream)

    def _admit(self, stream: Stream) -> None:
        """Give a new stream its own thread, or shed it."""
        accepted_at = self._clock.monotonic()
        endpoint = Endpoint(
            f"srv{next(_NUMBERS)}",
            Origin(lambda: stream, lambda: self._connection(accepted_at)),
            self._handlers,
            self._clock,
            self._settings.timeouts,
        )
        with self._lock:
            full = len(self._endpoints) >= self._limits.connections
            if not full and len(self._unconfirmed) < self._limits.handshakes and not self._closing:
                self._endpoints.add(endpoint)
                self._unconfirmed.add(endpoint)
            else:
                endpoint.cancelled.set()
        if endpoint.cancelled.is_set():
            self._shed(stream)
            return
        CONNECTION_THREADS.submit(lambda: self._serve(endpoint))

    def _shed(self, stream: Stream) -> None:
        """Tell a peer that there is no room, if it takes that now, and let it go."""
        refusal = Responder(self._config, SYSTEM_ENTROPY, self._clock.wall())
        refusal.refuse_busy(_RETRY_AFTER_MS)
        try:
            stream.write_some(refusal.data_to_send())
        except TransportError as error:
            detail = f"too many connections; not told: {error}"
        else:
            detail = "too many connections"
        stream.hang_up()
        stream.close()
        self._application.metrics.count("rejected")
        self._application.on_refused("limit", detail)

    def _connection(self, accepted_at: float) -> Connection:
        wall = self._clock.wall()
        if FAULTS.armed and FAULTS.hit("key-store"):
            raise LocalError("the key store gives no key")
        handshake = Responder(self._config, SYSTEM_ENTROPY, wall)
        context = Context(False, wall, SYSTEM_ENTROPY.random, self._application.metrics.count)
        return Connection(handshake, self._settings, context, accepted_at)

    def _serve(self, endpoint: Endpoint) -> None:
        try:
            endpoint.run()
        finally:
            with self._lock:
                self._endpoints.discard(endpoint)
                self._unconfirmed.discard(endpoint)
                self._peers.pop(endpoint, None)

    def _on_event(self, endpoint: Endpoint, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._application.on_event(endpoint, event)
            return
        if isinstance(event, (Established, Rejected)):
            with self._lock:
                self._unconfirmed.discard(endpoint)
                if isinstance(event, Established):
                    self._peers[endpoint] = event
        self._application.on_event(endpoint, event)
        if isinstance(event, Established) and self.is_revoked(event):
            # It was shut out between its judgement and now.
            endpoint.expel("revoked", f"{event.peer} has been shut out")
