"""The reference implementation over a Unix socket: XX with X.509, the whole runtime with requests and deadlines."""

import threading
from collections.abc import Callable
from pathlib import Path

from benchmarks.issuing import issue_spiffe
from benchmarks.stack import CLIENT, SERVICE, Channel
from sipc.cbor import Value
from sipc.events import Established, Event, Rejected, RequestEnded, RequestReceived, ResponseReceived
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import TrustStore, X509Credential
from sipc.rpc import Call, Message
from sipc.suites import SUITES, Suite
from sipc_runtime.client import connect
from sipc_runtime.clock import SYSTEM_CLOCK
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.places import listen_in
from sipc_runtime.server import Application, Server
from sipc_runtime.service import Desk, Method, Surroundings, Task
from sipc_runtime.store import Store
from sipc_runtime.transport import UnixAddress
from sipc_runtime.workers import Workers

HORIZON_S = 600.0


def echo(task: Task) -> Value:
    """The operation that is measured."""
    return task.envelope.body


METHODS = {"bench.echo": Method(handler=echo, inline=True)}


def name(host: str) -> str:
    """The SPIFFE name that stands for a host name of the other stacks."""
    return f"spiffe://bench.example/{host.partition('.')[0]}"


class Serving:
    """The server's half: a desk for each connection; events are taken and dropped."""

    def __init__(self) -> None:
        self._around = Surroundings(
            SYSTEM_CLOCK, lambda: Store(":memory:", SYSTEM_CLOCK, HORIZON_S), Workers()
        )
        self._desks: dict[Endpoint, Desk] = {}

    def on_event(self, endpoint: Endpoint, event: Event) -> None:
        """Open a desk, or bring a request to it; a connection that ended needs none any more."""
        if isinstance(event, RequestReceived):
            self._desks[endpoint].on_request(endpoint, event)
        elif isinstance(event, Established):
            self._desks[endpoint] = Desk(event, METHODS, self._around)
        elif endpoint.finished.is_set() or not endpoint.established:
            self._desks.pop(endpoint, None)

    def on_request_ended(self, endpoint: Endpoint, event: RequestEnded) -> None:
        """Pass it on."""
        desk = self._desks.get(endpoint)
        if desk is not None:
            desk.on_request_ended(event)


class ClientChannel:
    """The client's half: one endpoint."""

    def __init__(self, folder: Path, config: InitiatorConfig) -> None:
        self._settled = threading.Event()
        self._refused: Rejected | None = None
        handlers = Handlers(self._on_event, lambda _endpoint, _event: None)
        self._endpoint = connect("bench", UnixAddress(str(folder / "s")), config, handlers)
        self._settled.wait()
        if self._refused is not None:
            raise ConnectionError(self._refused.detail)

    def _on_event(self, _endpoint: Endpoint, event: Event) -> None:
        if isinstance(event, Rejected):
            self._refused = event
        self._settled.set()

    def echo(self, payload: bytes) -> bytes:
        """Send a request and return the answer's body."""
        outcome = self._endpoint.call(Call("bench.echo", payload))
        value = outcome.envelope.body if isinstance(outcome, ResponseReceived) else None
        if not isinstance(value, bytes):
            raise ConnectionError(f"no answer: {outcome}")
        return value

    def push(self, payload: bytes) -> None:
        """Send an event."""
        self._endpoint.send_event(Message("bench.event", payload))

    def flush(self) -> None:
        """A request is answered after the events before it were handled."""
        self.echo(b"")

    def close(self) -> None:
        """Close in order."""
        self._endpoint.close()


class Sipc:
    """Everything but the suite."""

    name: str
    suite: Suite

    def prepare(self, folder: Path) -> None:
        """Issue a root and one certificate for each end."""
        issue_spiffe(folder, {host: name(host) for host in (SERVICE, CLIENT)})

    def serve(self, folder: Path, ready: Callable[[], None]) -> None:
        """Serve connections in the server's own threads."""
        serving = Serving()
        config = ResponderConfig(
            name(SERVICE), self._credential(folder, SERVICE), self._trust(folder), (self.suite,)
        )
        application = Application(serving.on_event, serving.on_request_ended, lambda _reason, _text: None)
        server = Server(listen_in(str(folder), "s"), config, application)
        ready()
        threading.Event().wait()
        server.close()

    def connect(self, folder: Path) -> Channel:
        """Handshake over a new connection."""
        if not hasattr(self, "_config"):
            credential = self._credential(folder, CLIENT)
            self._config = InitiatorConfig(name(SERVICE), credential, self._trust(folder), (self.suite,))
        return ClientChannel(folder, self._config)

    @staticmethod
    def _credential(folder: Path, host: str) -> X509Credential:
        return X509Credential.load(
            [(folder / f"{host}.crt").read_bytes()], (folder / f"{host}.key").read_bytes()
        )

    @staticmethod
    def _trust(folder: Path) -> TrustStore:
        return TrustStore([(folder / "root.crt").read_bytes()])


class ChaCha(Sipc):
    """With ChaCha20-Poly1305, the suite that every implementation has."""

    name = "sipc-chacha"
    suite = SUITES[0x0001]


class AesGcm(Sipc):
    """With AES-256-GCM."""

    name = "sipc-aesgcm"
    suite = SUITES[0x0002]
