"""The driver's methods: they translate between the driver protocol and the reference implementation."""

import itertools
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator

from sipc.errors import LocalError
from sipc.events import (
    Closed,
    Established,
    Event,
    How,
    MessageReceived,
    MessageRefused,
    Rejected,
    RequestEnded,
    RequestReceived,
)
from sipc.rpc import Call, Message
from sipc_driver.application import LEDGER_QUERY, LEDGER_TABLE, MESSAGE, PREFIX, methods
from sipc_driver.options import (
    Options,
    format_address,
    initiator_config,
    parse_address,
    parse_options,
    responder_config,
)
from sipc_driver.outcomes import not_sent, outcome_of
from sipc_driver.rpc import (
    FAILED,
    INVALID_PARAMS,
    UNSUPPORTED,
    Json,
    Output,
    Reply,
    RpcError,
    encoded,
    octets,
    optional_text,
    text,
)
from sipc_driver.statement import MAX_CONNECTIONS, statement
from sipc_runtime.client import connect
from sipc_runtime.clock import SYSTEM_CLOCK, Clock, VirtualClock
from sipc_runtime.endpoint import Endpoint, Handlers, PeerBehind
from sipc_runtime.places import listen_in, listen_on_loopback
from sipc_runtime.server import Application, Server, ServerLimits
from sipc_runtime.service import Desk, Surroundings, Task
from sipc_runtime.store import Store
from sipc_runtime.transport import TransportError
from sipc_runtime.workers import Workers

_RESET_WAIT_S = 2.0


class Conn:
    """A connection as the driver knows it."""

    __slots__ = ("closers", "default_ms", "desk", "ended", "endpoint", "generation", "listener")

    def __init__(
        self, endpoint: Endpoint | None, generation: int, listener: str | None, default_ms: float
    ) -> None:
        self.endpoint = endpoint
        self.generation = generation
        self.listener = listener
        self.default_ms = default_ms
        self.desk: Desk | None = None
        self.closers: list[Reply] = []
        self.ended = False


class ReferenceDriver:
    """Hosts the reference implementation.

    Attributes:
        leaving: `shutdown` was asked for.
    """

    def __init__(self, output: Output) -> None:
        self.leaving = False
        self._output = output
        self._lock = threading.Lock()
        self._conns: dict[str, Conn] = {}
        self._servers: dict[str, Server] = {}
        self._stores: dict[str, Store] = {}
        self._workers = Workers()
        self._clock = _virtual_clock()
        self._sockets = itertools.count()
        # Starts the clock's thread now, so that threads can be counted before and after a connection.
        SYSTEM_CLOCK.call_at(SYSTEM_CLOCK.monotonic(), lambda: None)
        self._methods: dict[str, Callable[[Json, Reply], None]] = {
            "describe": self._describe,
            "listen": self._listen,
            "connect": self._connect,
            "send": self._send,
            "close": self._close,
            "reset": self._reset,
            "inspect": self._inspect,
            "configure": self._configure,
            "advance_clock": self._advance_clock,
            "parse": self._parse,
            "shutdown": self._shutdown,
        }

    def method(self, name: str) -> Callable[[Json, Reply], None] | None:
        """See `Methods`."""
        return self._methods.get(name)

    # --- describe, parse, shutdown ---

    def _describe(self, _params: Json, reply: Reply) -> None:
        reply.result(statement())

    def _parse(self, _params: Json, _reply: Reply) -> None:
        raise RpcError(UNSUPPORTED, "this driver has no parsers")

    def _shutdown(self, _params: Json, reply: Reply) -> None:
        self.leaving = True
        reply.result()

    # --- listen and connect ---

    def _listen(self, params: Json, reply: Reply) -> None:
        name, transport = text(params, "listener"), text(params, "transport")
        options = parse_options(params)
        if name in self._servers:
            raise RpcError(INVALID_PARAMS, f"there is a listener {name}")
        config = responder_config(params, options)
        if options.store is not None:
            self._store(options)
        try:
            if transport == "unix":
                listener = listen_in(text(params, "directory"), f"s{next(self._sockets)}")
            elif transport == "tcp":
                listener = listen_on_loopback()
            else:
                raise RpcError(UNSUPPORTED, f"transport {transport} is not supported")
        except TransportError as error:
            raise RpcError(FAILED, str(error), error.reason) from error
        server = Server(
            listener,
            config,
            self._application(name, options),
            options.settings,
            self._clock_for(options),
            ServerLimits(connections=MAX_CONNECTIONS),
        )
        self._servers[name] = server
        reply.result({"address": format_address(server.address)})

    def _application(self, listener: str, options: Options) -> Application:
        generation = self._output.generation
        around = Surroundings(self._clock_for(options), lambda: self._store(options), self._workers)
        served = methods(lambda task: self._executed(generation, task), around.clock)
        default_ms = options.settings.timeouts.request * 1000

        def on_event(endpoint: Endpoint, event: Event) -> None:
            if isinstance(event, Established):
                conn = Conn(endpoint, generation, listener, default_ms)
                conn.desk = Desk(event, served, around)
                with self._lock:
                    self._conns[endpoint.label] = conn
            self._on_server_event(generation, listener, endpoint, event)

        def on_request_ended(endpoint: Endpoint, event: RequestEnded) -> None:
            conn = self._conns.get(endpoint.label)
            if conn is not None and conn.desk is not None:
                conn.desk.on_request_ended(event)

        def on_refused(reason: str, detail: str) -> None:
            self._rejected(generation, {"listener": listener}, Rejected("transport", reason, detail))

        return Application(on_event, on_request_ended, on_refused)

    def _connect(self, params: Json, reply: Reply) -> None:
        name, address = text(params, "conn"), parse_address(params)
        options = parse_options(params)
        if name in self._conns:
            raise RpcError(INVALID_PARAMS, f"there is a connection {name}")
        generation = self._output.generation
        conn = Conn(None, generation, None, options.settings.timeouts.request * 1000)
        try:
            config = initiator_config(params, options)
        except RpcError as error:
            if error.code != FAILED:
                raise
            # The implementation refuses to try: that is how this attempt ended.
            reply.result()
            self._rejected(
                generation, {"conn": name}, Rejected("handshake", error.reason or "internal", str(error))
            )
            return
        handlers = Handlers(
            lambda endpoint, event: self._on_event(name, conn, endpoint, event),
            lambda _endpoint, _event: None,
        )
        with self._lock:
            self._conns[name] = conn
        conn.endpoint = connect(name, address, config, handlers, options.settings, self._clock_for(options))
        reply.result()

    def _clock_for(self, options: Options) -> Clock:
        return self._clock if options.virtual else SYSTEM_CLOCK

    def _store(self, options: Options) -> Store:
        path = options.store or ":memory:"
        with self._lock:
            store = self._stores.get(path)
            if store is None:
                horizon = options.settings.timeouts.idempotency
                try:
                    store = Store(path, self._clock_for(options), horizon, LEDGER_TABLE)
                except sqlite3.Error as error:
                    raise RpcError(FAILED, f"cannot use the store {path}: {error}", "internal") from error
                self._stores[path] = store
            return store

    # --- events of connections ---

    def _on_server_event(self, generation: int, listener: str, endpoint: Endpoint, event: Event) -> None:
        conn = self._conns.get(endpoint.label)
        if isinstance(event, RequestReceived):
            if conn is not None and conn.desk is not None:
                conn.desk.on_request(endpoint, event)
        elif conn is not None:
            self._on_event(endpoint.label, conn, endpoint, event)
        elif isinstance(event, Rejected):
            self._rejected(generation, {"listener": listener}, event)

    def _on_event(self, name: str, conn: Conn, endpoint: Endpoint, event: Event) -> None:
        generation = conn.generation
        if isinstance(event, MessageReceived):
            body = event.envelope.body
            if event.envelope.method == MESSAGE and isinstance(body, bytes):
                self._output.notify(generation, "delivered", {"conn": name, "payload": encoded(body)})
        elif isinstance(event, Established):
            self._established(name, conn, event)
        elif isinstance(event, MessageRefused):
            self._rejected(generation, {"conn": name}, Rejected("established", "protocol", event.detail))
        elif isinstance(event, Rejected):
            self._rejected(generation, {"conn": name}, event)
            self._ended(name, conn, Closed(How.ERROR, event.reason, event.detail, 0, 0, None))
        elif isinstance(event, Closed):
            self._ended(name, conn, event)

    def _established(self, name: str, conn: Conn, event: Established) -> None:
        params: Json = {
            "conn": name,
            "peer": event.peer,
            "version": event.version,
            "suite": event.suite,
            "binding": encoded(event.channel_binding),
            "credential": event.credential,
        }
        if conn.listener is not None:
            params["listener"] = conn.listener
        self._output.notify(conn.generation, "established", params)

    def _rejected(self, generation: int, where: Json, event: Rejected) -> None:
        params = {**where, "stage": event.stage, "reason": event.reason, "detail": event.detail}
        self._output.notify(generation, "rejected", params)

    def _ended(self, name: str, conn: Conn, event: Closed) -> None:
        params: Json = {
            "conn": name,
            "how": str(event.how),
            "reason": event.reason or "unspecified",
            "detail": event.detail,
        }
        self._output.notify(conn.generation, "closed", params)
        with self._lock:
            conn.ended = True
            closers, conn.closers = conn.closers, []
        for reply in closers:
            reply.result()

    def _executed(self, generation: int, task: Task) -> None:
        envelope = task.envelope
        params: Json = {
            "conn": task.endpoint.label,
            "operation": envelope.method.removeprefix(PREFIX),
            "payload": encoded(envelope.body if isinstance(envelope.body, bytes) else b""),
        }
        if envelope.idem is not None:
            params["key"] = encoded(envelope.idem)
        self._output.notify(generation, "executed", params)

    # --- send, close, configure ---

    def _conn(self, params: Json) -> Conn:
        conn = self._conns.get(text(params, "conn"))
        if conn is None or conn.endpoint is None:
            raise RpcError(INVALID_PARAMS, f"there is no connection {params['conn']}")
        return conn

    def _send(self, params: Json, reply: Reply) -> None:
        conn = self._conn(params)
        kind = optional_text(params, "kind") or "event"
        if kind == "request":
            self._send_request(conn, params, reply)
        elif kind == "event":
            _send_event(conn, Message(MESSAGE, octets(params, "payload")), reply)
        else:
            raise RpcError(UNSUPPORTED, f"messages of kind {kind} are not supported")

    def _send_request(self, conn: Conn, params: Json, reply: Reply) -> None:
        deadline = params.get("deadline_ms", conn.default_ms)
        if type(deadline) not in {int, float}:
            raise RpcError(INVALID_PARAMS, "deadline_ms must be a number")
        call = Call(
            PREFIX + text(params, "operation"),
            octets(params, "payload"),
            idem=None if params.get("key") is None else octets(params, "key"),
            budget_ms=deadline,  # type: ignore[arg-type]  # checked above
        )
        try:
            _endpoint(conn).request(call, lambda outcome: reply.result(outcome_of(outcome)))
        except LocalError as error:
            reply.result(not_sent(error))

    def _close(self, params: Json, reply: Reply) -> None:
        mode = optional_text(params, "mode") or "graceful"
        if mode not in {"graceful", "abort"}:
            raise RpcError(INVALID_PARAMS, f"there is no mode {mode}")
        if "listener" in params:
            self._close_listener(text(params, "listener"), mode)
            reply.result()
            return
        conn = self._conn(params)
        with self._lock:
            waits = not conn.ended
            if waits:
                conn.closers.append(reply)
        if not waits:
            reply.result()
        elif mode == "graceful":
            _endpoint(conn).begin_close()
        else:
            _endpoint(conn).abort()

    def _close_listener(self, name: str, mode: str) -> None:
        server = self._servers.pop(name, None)
        if server is None:
            raise RpcError(INVALID_PARAMS, f"there is no listener {name}")
        if mode == "abort":
            server.abort()
        else:
            server.stop_accepting()

    def _configure(self, params: Json, reply: Reply) -> None:
        action = text(params, "action")
        if action != "rekey":
            raise RpcError(UNSUPPORTED, f"action {action} is not supported")
        try:
            _endpoint(self._conn(params)).rekey()
        except LocalError as error:
            raise RpcError(FAILED, str(error), error.reason) from error
        reply.result()

    def _advance_clock(self, params: Json, reply: Reply) -> None:
        milliseconds = params.get("ms")
        if type(milliseconds) not in {int, float} or not 0 <= milliseconds <= 1e12:  # type: ignore[operator]
            raise RpcError(INVALID_PARAMS, "ms must be a number of milliseconds")
        self._clock.advance(milliseconds / 1000)  # type: ignore[operator]  # checked above
        reply.result()

    # --- reset and inspect ---

    def _reset(self, _params: Json, reply: Reply) -> None:
        self._output.new_generation()
        servers, self._servers = self._servers, {}
        for server in servers.values():
            server.stop_accepting()
        endpoints = {one for server in servers.values() for one in server.endpoints()}
        with self._lock:
            conns, self._conns = self._conns, {}
            stores, self._stores = self._stores, {}
        endpoints.update(conn.endpoint for conn in conns.values() if conn.endpoint is not None)
        for endpoint in endpoints:
            endpoint.abort("reset")
        for endpoint in endpoints:
            endpoint.wait_finished(_RESET_WAIT_S)
        for store in stores.values():
            store.close()
        self._clock = _virtual_clock()
        reply.result()

    def _inspect(self, params: Json, reply: Reply) -> None:
        what = params.get("what", [])
        if not isinstance(what, list):
            raise RpcError(INVALID_PARAMS, "what must be a list")
        result: Json = {}
        for topic in what:
            if topic == "ledger":
                result["ledger"] = list(self._ledger())
            elif topic == "resources":
                result["resources"] = self._resources()
            else:
                raise RpcError(UNSUPPORTED, f"{topic} cannot be inspected")
        reply.result(result)

    def _ledger(self) -> Iterator[Json]:
        with self._lock:
            stores = list(self._stores.values())
        for store in stores:
            for operation, payload, peer, conn, key in store.query(LEDGER_QUERY):
                row: Json = {"operation": operation, "payload": _base64(payload), "peer": peer, "conn": conn}
                if key is not None:
                    row["key"] = _base64(key)
                yield row

    def _resources(self) -> Json:
        with self._lock:
            count = sum(1 for conn in self._conns.values() if not conn.ended)
        resources: Json = {"threads": threading.active_count(), "connections": count}
        if sys.platform != "win32":
            # The listing itself has one descriptor open.
            resources["fds"] = len(os.listdir("/dev/fd")) - 1  # noqa: PTH208 - the names are not needed as paths
        return resources


def _virtual_clock() -> VirtualClock:
    """A clock that stands still now: credentials are made for the present."""
    return VirtualClock(wall=SYSTEM_CLOCK.wall())


def _endpoint(conn: Conn) -> Endpoint:
    if conn.endpoint is None:
        raise RpcError(INVALID_PARAMS, "the connection does not exist yet")
    return conn.endpoint


def _send_event(conn: Conn, message: Message, reply: Reply) -> None:
    endpoint = _endpoint(conn)
    try:
        endpoint.try_send_event(message)
    except PeerBehind:
        # The sending call waits for the peer; the driver must not.
        threading.Thread(target=_send_and_wait, args=(endpoint, message, reply), daemon=True).start()
        return
    except LocalError as error:
        raise RpcError(FAILED, str(error), error.reason) from error
    reply.result()


def _send_and_wait(endpoint: Endpoint, message: Message, reply: Reply) -> None:
    try:
        endpoint.send_event(message)
    except LocalError as error:
        reply.error(RpcError(FAILED, str(error), error.reason))
    else:
        reply.result()


def _base64(value: object) -> str:
    return encoded(value if isinstance(value, bytes) else b"")
