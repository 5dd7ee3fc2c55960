"""The verbs `listen`, `connect` and `close`."""

from sipc.errors import LocalError
from sipc.events import Closed, Established, Event, Rejected
from sipc_driver.application import Stage, methods
from sipc_driver.conns import Conn
from sipc_driver.credentials import initiator_config, responder_config
from sipc_driver.options import Options, format_address, parse_address, parse_options, refused
from sipc_driver.reports import Reports
from sipc_driver.rpc import FAILED, INVALID_PARAMS, UNSUPPORTED, Json, Reply, RpcError, optional_text, text
from sipc_driver.statement import MAX_CONNECTIONS
from sipc_driver.world import Listening, World
from sipc_runtime.client import connect as open_connection
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.host import Host
from sipc_runtime.permission import Book, Roles, SignatureGate, TokenGate
from sipc_runtime.places import TRANSPORTS, listen_at_pipe, listen_in, listen_on_loopback
from sipc_runtime.server import Application, Server, ServerLimits
from sipc_runtime.service import Surroundings
from sipc_runtime.transport import EndpointRefused, Listener, TransportError


def listen(world: World, params: Json, reply: Reply) -> None:
    """Open a server endpoint."""
    name, transport = text(params, "listener"), text(params, "transport")
    options = parse_options(params, server=True)
    if name in world.listeners:
        raise RpcError(INVALID_PARAMS, f"there is a listener {name}")
    config = responder_config(params, options)
    if options.server.store is not None:
        world.store(options)
    serving = _Serving(world, name, options)
    server = Server(
        _listener(world, transport, params),
        config,
        serving.application(),
        options.settings,
        world.clock_for(options),
        ServerLimits(connections=MAX_CONNECTIONS),
    )
    serving.server = server
    world.add_listener(name, Listening(params, options, server, serving.stage, serving.roles))
    reply.result({"address": format_address(server.address)})


def _listener(world: World, transport: str, params: Json) -> Listener:
    if transport not in TRANSPORTS:
        raise RpcError(UNSUPPORTED, f"transport {transport} is not supported")
    try:
        if transport == "unix":
            return listen_in(text(params, "directory"), _file(params) or world.socket_name())
        return listen_at_pipe(_file(params)) if transport == "pipe" else listen_on_loopback()
    except TransportError as error:
        raise RpcError(FAILED, str(error), error.reason) from error


def _file(params: Json) -> str | None:
    """The name that the harness wants the socket or the pipe to have."""
    name = params.get("file")
    if name is not None and not isinstance(name, str):
        raise RpcError(INVALID_PARAMS, "file is a text")
    if name == "":
        raise EndpointRefused("a socket needs a name")
    return name


class _Serving:
    """What a listener does with its connections."""

    def __init__(self, world: World, name: str, options: Options) -> None:
        self._world = world
        self._name = name
        self._options = options
        self._reports = Reports(world.output)
        self.server: Server | None = None
        self.roles = Roles(options.server.roles)
        clock = world.clock_for(options)
        self.stage = Stage(self._reports.executed, lambda: world.store(options), clock)
        # Beside the driver's own table, which `reset` empties before the last events have been told.
        self._mine: dict[Endpoint, Conn] = {}

    def application(self) -> Application:
        """What the server calls."""
        world, given, stage = self._world, self._options.server, self.stage
        book = Book(stage.clock, stage.store, world.metrics)
        try:
            tokens = TokenGate(given.issuers, given.require_token, book)
        except LocalError as error:
            raise refused(error) from error
        around = Surroundings(
            stage.clock,
            stage.store,
            world.workers,
            allows=self._allows,
            admits=tokens.admits,
            verifies=None if given.signers is None else SignatureGate(given.signers, book).verifies,
            metrics=world.metrics,
        )
        host = Host(methods(stage), around, self._on_event)
        return Application(host.on_event, host.on_request_ended, self._on_refused, world.metrics)

    def _allows(self, peer: Established, method: str) -> bool:
        server = self.server
        return server is not None and not server.is_revoked(peer) and self.roles.allows(peer, method)

    def _on_event(self, endpoint: Endpoint, event: Event) -> None:
        if isinstance(event, Rejected):
            self._reports.rejected({"listener": self._name}, event)
            return
        if isinstance(event, Established):
            default_ms = self._options.settings.timeouts.request * 1000
            conn = self._mine[endpoint] = Conn(endpoint.label, self._reports, default_ms, self._name)
            conn.endpoint, conn.clock = endpoint, self.stage.clock
            self._world.add_conn(conn)
        known = self._mine.pop(endpoint, None) if isinstance(event, Closed) else self._mine.get(endpoint)
        if known is not None:
            known.on_event(endpoint, event)

    def _on_refused(self, reason: str, detail: str) -> None:
        self._reports.rejected({"listener": self._name}, Rejected("transport", reason, detail))


def connect(world: World, params: Json, reply: Reply) -> None:
    """Start a connection."""
    name, address = text(params, "conn"), parse_address(params)
    options = parse_options(params, server=False)
    if name in world.conns:
        raise RpcError(INVALID_PARAMS, f"there is a connection {name}")
    conn = Conn(name, Reports(world.output), options.settings.timeouts.request * 1000)
    conn.clock = clock = world.clock_for(options)
    try:
        config = initiator_config(params, options)
    except RpcError as error:
        if error.code != FAILED:
            raise
        # The implementation refuses to try: that is how this attempt ended.
        world.add_conn(conn)
        reply.result()
        conn.reject(Rejected("handshake", error.reason or "internal", str(error)))
        return
    world.add_conn(conn)
    conn.dial = lambda handlers: open_connection(name, address, config, handlers, options.settings, clock)
    conn.endpoint = conn.dial(Handlers(conn.on_event, lambda _endpoint, _event: None, world.metrics))
    reply.result()


def close(world: World, params: Json, reply: Reply) -> None:
    """Close a connection or a listener."""
    mode = optional_text(params, "mode") or "graceful"
    if mode not in {"graceful", "abort"}:
        raise RpcError(INVALID_PARAMS, f"there is no mode {mode}")
    if "listener" in params:
        server = world.listening(params).server
        del world.listeners[text(params, "listener")]
        if mode == "abort":
            server.abort()
        else:
            server.stop_accepting()
        reply.result()
        return
    conn = world.conn(params)
    for endpoint in conn.further:
        endpoint.begin_close()
    if not conn.answer_when_ended(reply):
        return
    if mode == "graceful":
        conn.use().begin_close()
    else:
        conn.use().abort()
