"""Servers and clients of the runtime, over real sockets, that remember their events."""

import threading
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from local_places import LOCAL, listen_for
from sipc_identities import CLIENT, PSK, SERVER, leaf, root_der

from sipc.events import Closed, Established, Event, MessageReceived, Rejected, RequestEnded, RequestReceived
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.settings import Settings
from sipc.timers import Timeouts
from sipc_runtime.client import connect
from sipc_runtime.clock import SYSTEM_CLOCK, Clock
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.host import Host
from sipc_runtime.server import Application, Server, ServerLimits
from sipc_runtime.service import Method, Surroundings
from sipc_runtime.store import Store
from sipc_runtime.transport import Address
from sipc_runtime.workers import Workers

E = TypeVar("E", bound=Event)


def times(**changes: float) -> Settings:
    """Settings with some time-outs changed; none may be hit by accident on a slow machine."""
    long = {"handshake": 20.0, "first": 20.0, "drain": 20.0, "write": 60.0}
    return Settings(timeouts=Timeouts(allow_short=True, **{**long, **changes}))


def responder(credential: str = "x509", peers: frozenset[str] | None = None) -> ResponderConfig:
    """A server's identity."""
    if credential == "psk":
        key = PskCredential("k1", PSK, SERVER, CLIENT)
        return ResponderConfig(SERVER, key, TrustStore(psks=[key]), peers=peers)
    made = leaf(SERVER)
    own = X509Credential.load(made.chain, made.private_key)
    return ResponderConfig(SERVER, own, TrustStore([root_der()]), peers=peers)


def initiator(credential: str = "x509", name: str = CLIENT, service: str = SERVER) -> InitiatorConfig:
    """A client's identity."""
    if credential == "psk":
        key = PskCredential("k1", PSK, CLIENT, SERVER)
        return InitiatorConfig(service, key, TrustStore(psks=[key]))
    made = leaf(name)
    own = X509Credential.load(made.chain, made.private_key)
    return InitiatorConfig(service, own, TrustStore([root_der()]))


class Log:
    """Events in the order in which they were told."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[Event] = []
        self.endpoints: list[Endpoint] = []

    def add(self, endpoint: Endpoint, event: Event) -> None:
        """Remember an event."""
        with self._changed:
            self.events.append(event)
            if endpoint not in self.endpoints:
                self.endpoints.append(endpoint)
            self._changed.notify_all()

    def wait_for(self, kind: type[E], count: int = 1, seconds: float = 20.0) -> list[E]:
        """Wait for so many events of a type and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._of(kind)) >= count, seconds), self.events
            return self._of(kind)

    def _of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def of(self, kind: type[E]) -> list[E]:
        """The events of a type so far."""
        with self._changed:
            return self._of(kind)

    @property
    def bodies(self) -> list[object]:
        """Bodies of the messages so far."""
        return [event.envelope.body for event in self.of(MessageReceived)]

    def end(self) -> Closed | Rejected:
        """Wait for the one last event."""
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self._of(Closed) or self._of(Rejected)), 20.0)
            (last,) = [*self._of(Closed), *self._of(Rejected)]
            return last


class Serving(Log):
    """A server, its events, and what it refused."""

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.on_message: Callable[[Endpoint, MessageReceived], None] = lambda _endpoint, _event: None

    def start(
        self,
        running: "Running",
        settings: Settings,
        methods: Mapping[str, Method],
        around: Surroundings,
        limits: ServerLimits | None,
        credential: str,
        transport: str,
    ) -> None:
        """Listen."""

        host = Host(methods, around, self._told)

        def on_event(endpoint: Endpoint, event: Event) -> None:
            if isinstance(event, RequestReceived):
                self.add(endpoint, event)
            if methods or not isinstance(event, RequestReceived):
                host.on_event(endpoint, event)

        def on_request_ended(endpoint: Endpoint, event: RequestEnded) -> None:
            self.add(endpoint, event)
            host.on_request_ended(endpoint, event)

        self.server = Server(
            listen_for(transport, running.directory, running.next_name()),
            responder(credential),
            Application(on_event, on_request_ended, lambda reason, _text: self.refused.append(reason)),
            settings,
            around.clock,
            limits,
        )

    def _told(self, endpoint: Endpoint, event: Event) -> None:
        self.add(endpoint, event)
        if isinstance(event, MessageReceived):
            self.on_message(endpoint, event)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.server.address


class Connected(Log):
    """A client and its events."""

    endpoint: Endpoint


class Running:
    """Makes servers and clients in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.workers = Workers()
        self.store: Store | None = None
        self._servers: list[Server] = []
        self._clients: list[Endpoint] = []
        self._count = 0

    def next_name(self) -> str:
        """A new file name."""
        self._count += 1
        return f"s{self._count}"

    def serve(
        self,
        settings: Settings | None = None,
        methods: Mapping[str, Method] | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        limits: ServerLimits | None = None,
        credential: str = "x509",
        transport: str = LOCAL,
        tables: str = "",
    ) -> Serving:
        """Start a server."""
        serving = Serving()

        def store() -> Store:
            if self.store is None:
                self.store = Store(":memory:", clock, 600.0, tables)
            return self.store

        around = Surroundings(clock, store, self.workers)
        serving.start(self, settings or times(), methods or {}, around, limits, credential, transport)
        self._servers.append(serving.server)
        return serving

    def connect(
        self,
        address: Address,
        settings: Settings | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        config: InitiatorConfig | None = None,
        established: bool = True,
    ) -> Connected:
        """Start a client, and wait until it is established unless told not to."""
        client = Connected()
        handlers = Handlers(client.add, client.add)
        client.endpoint = connect("c", address, config or initiator(), handlers, settings or times(), clock)
        self._clients.append(client.endpoint)
        if established:
            client.wait_for(Established)
        return client

    def end(self) -> None:
        """End everything and wait for it."""
        for client in self._clients:
            client.abort()
        for server in self._servers:
            server.abort()
            for endpoint in server.endpoints():
                assert endpoint.wait_finished(5.0)
        for client in self._clients:
            assert client.wait_finished(5.0)
        if self.store is not None:
            self.store.close()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition, failing after a generous time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def b64(text: str) -> bytes:
    """Decode base64."""
    return b64decode(text)


def closed(log: Connected | Serving) -> Closed:
    """The end of an established connection."""
    last = log.end()
    assert isinstance(last, Closed)
    return last
