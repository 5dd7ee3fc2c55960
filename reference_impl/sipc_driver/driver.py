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
from sipc_driver.reports import Reports
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
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.endpoint_parts import PeerBehind
from sipc_runtime.host import Host
from sipc_runtime.places import listen_in, listen_on_loopback
from sipc_runtime.server import Application, Server, ServerLimits
from sipc_runtime.service import Surroundings
from sipc_runtime.store import Store
from sipc_runtime.transport import TransportError
from sipc_runtime.workers import Workers

_RESET_WAIT_S = 2.0


class Conn:
    """A connection as the driver knows it.

    Args:
        name: Its name in the driver protocol.
        reports: Where its notifications go.
        default_ms: Budget of requests that have none.
        listener: Where it came from; None for a client's.
    """

    __slots__ = ("_closers", "_lock", "default_ms", "ended", "endpoint", "listener", "name", "reports")

    def __init__(self, name: str, reports: Reports, default_ms: float, listener: str | None = None) -> None:
        self.name = name
        self.reports = reports
        self.default_ms = default_ms
        self.listener = listener
        self.endpoint: Endpoint | None = None
        self.ended = False
        self._lock = threading.Lock()
        self._closers: list[Reply] = []

    def on_event(self, _endpoint: Endpoint, event: Event) -> None:
        """Report an event of the implementation."""
        if isinstance(event, MessageReceived):
            self.reports.delivered(self.name, event)
        elif isinstance(event, Established):
            self.reports.established(self.name, self.listener, event)
        elif isinstance(event, MessageRefused):
            self.reports.rejected({"conn": self.name}, Rejected("established", "protocol", event.detail))
        elif isinstance(event, Rejected):
            self.reject(event)
        elif isinstance(event, Closed):
            self._end(event)

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

    def _end(self, event: Closed) -> None:
        self.reports.closed(self.name, event)
        with self._lock:
            self.ended = True
            closers, self._closers = self._closers, []
        for reply in closers:
            reply.result()


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
        reports = Reports(self._output)
        around = Surroundings(self._clock_for(options), lambda: self._store(options), self._workers)
        default_ms = options.settings.timeouts.request * 1000
        # Beside the driver's own table, which `reset` empties before the last events have been told.
        mine: dict[Endpoint, Conn] = {}

        def on_event(endpoint: Endpoint, event: Event) -> None:
            if isinstance(event, Rejected):
                reports.rejected({"listener": listener}, event)
                return
            if isinstance(event, Established):
                conn = mine[endpoint] = Conn(endpoint.label, reports, default_ms, listener)
                conn.endpoint = endpoint
                with self._lock:
                    self._conns[endpoint.label] = conn
            known = mine.pop(endpoint, None) if isinstance(event, Closed) else mine.get(endpoint)
            if known is not None:
                known.on_event(endpoint, event)

        def on_refused(reason: str, detail: str) -> None:
            reports.rejected({"listener": listener}, Rejected("transport", reason, detail))

        host = Host(methods(reports.executed, around.clock), around, on_event)
        return Application(host.on_event, host.on_request_ended, on_refused)

    def _connect(self, params: Json, reply: Reply) -> None:
        name, address = text(params, "conn"), parse_address(params)
        options = parse_options(params)
        if name in self._conns:
            raise RpcError(INVALID_PARAMS, f"there is a connection {name}")
        conn = Conn(name, Reports(self._output), options.settings.timeouts.request * 1000)
        try:
            config = initiator_config(params, options)
        except RpcError as error:
            if error.code != FAILED:
                raise
            # The implementation refuses to try: that is how this attempt ended.
            self._conns[name] = conn
            reply.result()
            conn.reject(Rejected("handshake", error.reason or "internal", str(error)))
            return
        with self._lock:
            self._conns[name] = conn
        handlers = Handlers(conn.on_event, lambda _endpoint, _event: None)
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

    # --- send, close, configure ---

    def _conn(self, params: Json) -> Conn:
        conn = self._conns.get(text(params, "conn"))
        if conn is None:
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
            conn.use().request(call, lambda outcome: reply.result(outcome_of(outcome)))
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
        if not conn.answer_when_ended(reply):
            return
        if mode == "graceful":
            conn.use().begin_close()
        else:
            conn.use().abort()

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
            self._conn(params).use().rekey()
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


def _send_event(conn: Conn, message: Message, reply: Reply) -> None:
    endpoint = conn.use()
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
