"""Everything that was made since the last `reset`."""

import sqlite3
import threading
from dataclasses import dataclass
from itertools import count

from sipc.handshake_config import ResponderConfig
from sipc_driver.application import LEDGER_TABLE, Stage
from sipc_driver.conns import Conn
from sipc_driver.options import Options
from sipc_driver.rpc import FAILED, INVALID_PARAMS, Json, Output, RpcError, text
from sipc_runtime.clock import SYSTEM_CLOCK, Clock, VirtualClock
from sipc_runtime.faults import FAULTS
from sipc_runtime.metrics import Metrics
from sipc_runtime.permission import Roles
from sipc_runtime.server import Server
from sipc_runtime.store import Store
from sipc_runtime.workers import Workers

_RESET_WAIT_S = 2.0
# As many handlers as the connections of one test may have at work; most of them wait.
_MOST_HANDLERS = 1024
_SOCKETS = count()


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener.

    Attributes:
        params: Of `listen`, as they were given.
        options: Its options.
        server: What runs it.
        stage: What its operations work with.
        roles: Who may call which.
    """

    params: Json
    options: Options
    server: Server
    stage: Stage
    roles: Roles

    def reconfigure(self, config: ResponderConfig) -> None:
        """Use another policy for later handshakes."""
        self.server.reconfigure(config)


class World:
    """Connections, listeners, stores, a virtual clock and counters.

    Attributes:
        output: Where notifications go.
        clock: The virtual clock.
        metrics: Counters.
        workers: Threads of handlers.
        conns: Connections by name.
        listeners: Listeners by name.

    Args:
        output: Where notifications go.
    """

    def __init__(self, output: Output) -> None:
        self.output = output
        # It stands still now: credentials are made for the present.
        self.clock = VirtualClock(wall=SYSTEM_CLOCK.wall())
        self.metrics = Metrics()
        self.workers = Workers(limit=_MOST_HANDLERS)
        self.conns: dict[str, Conn] = {}
        self.listeners: dict[str, Listening] = {}
        # Also those that have been closed: their operations may still be at work.
        self.stages: list[Stage] = []
        self._servers: list[Server] = []
        self._lock = threading.Lock()
        self._stores: dict[tuple[str, bool], Store] = {}

    def clock_for(self, options: Options) -> Clock:
        """The clock that options ask for."""
        return self.clock if options.virtual else SYSTEM_CLOCK

    def socket_name(self) -> str:
        """A name for a socket that was not used before."""
        return f"s{next(_SOCKETS)}"

    def add_listener(self, name: str, listening: Listening) -> None:
        """A listener was opened."""
        self.listeners[name] = listening
        self.stages.append(listening.stage)
        self._servers.append(listening.server)

    def listening(self, params: Json) -> Listening:
        """The listener that parameters name."""
        listening = self.listeners.get(text(params, "listener"))
        if listening is None:
            raise RpcError(INVALID_PARAMS, f"there is no listener {params['listener']}")
        return listening

    def add_conn(self, conn: Conn) -> None:
        """A connection was made or accepted."""
        with self._lock:
            self.conns[conn.name] = conn

    def conn(self, params: Json) -> Conn:
        """The connection that parameters name."""
        conn = self.conns.get(text(params, "conn"))
        if conn is None:
            raise RpcError(INVALID_PARAMS, f"there is no connection {params['conn']}")
        return conn

    def all_conns(self) -> list[Conn]:
        """Every connection."""
        with self._lock:
            return list(self.conns.values())

    def store(self, options: Options) -> Store:
        """The store that options ask for; opened when it is first used."""
        path = options.server.store or ":memory:"
        with self._lock:
            store = self._stores.get((path, options.virtual))
            if store is None:
                horizon = options.settings.timeouts.idempotency
                try:
                    store = Store(
                        path, self.clock_for(options), horizon, LEDGER_TABLE, options.server.capacity
                    )
                except sqlite3.Error as error:
                    raise RpcError(FAILED, f"cannot use the store {path}: {error}", "internal") from error
                self._stores[path, options.virtual] = store
            return store

    def stores(self) -> list[Store]:
        """Every store that is open."""
        with self._lock:
            return list(self._stores.values())

    def half_open(self) -> int:
        """Connections that are not established yet."""
        return sum(server.half_open() for server in self._servers)

    def end(self) -> None:
        """Take everything down."""
        FAULTS.clear()
        for server in self._servers:
            server.stop_accepting()
        for stage in self.stages:
            stage.end()
        for conn in self.all_conns():
            for caller in conn.callers:
                caller.end()
        endpoints = {one for server in self._servers for one in server.endpoints()}
        endpoints.update(one for conn in self.all_conns() for one in conn.endpoints())
        for endpoint in endpoints:
            endpoint.abort("reset")
        for endpoint in endpoints:
            endpoint.wait_finished(_RESET_WAIT_S)
        for store in self.stores():
            store.close()
