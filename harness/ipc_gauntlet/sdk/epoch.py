"""An epoch: everything that is made between two `reset`s.

Rule: whatever belongs to an ended epoch may still run down, but nothing it tells gets out. That is why notifications
go through the epoch and not straight to the output.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from ipc_gauntlet.sdk.endpoints import Connection, Listener
from ipc_gauntlet.sdk.errors import BadParams
from ipc_gauntlet.sdk.lanes import Lanes
from ipc_gauntlet.sdk.output import Output


class Epoch:
    """Connections, listeners and threads since the last `reset`.

    Args:
        output: Where notifications go.
        numbers: Numbers for the ids of accepted connections, shared by all epochs so that none repeats.
    """

    def __init__(self, output: Output, numbers: Iterator[int] | None = None) -> None:
        self._output = output
        self._numbers = numbers if numbers is not None else itertools.count(1)
        self._lock = threading.Lock()
        self._over = False
        self._connections: dict[str, Connection] = {}
        self._listeners: dict[str, Listener] = {}
        self._threads: list[threading.Thread] = []
        self.lanes = Lanes(self.spawn)

    def notify(self, method: str, members: Mapping[str, object]) -> None:
        """Send a notification, unless the epoch is over."""
        self._output.notify(lambda: not self._over, method, members)

    def spawn(self, name: str, target: Callable[[], None]) -> threading.Thread:
        """Start a thread that `end` will wait for."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        with self._lock:
            self._threads = [one for one in self._threads if one.is_alive()]
            thread.start()
            self._threads.append(thread)
        return thread

    def adopt(self, connection: Connection) -> None:
        """Let a connection live here; one that was accepted gets its id now."""
        with self._lock:
            connection.id = connection.id or self._free_id()
            self._connections[connection.id] = connection
            stale = self._over
        connection.start(self, stale)

    def open(self, listener: Listener) -> None:
        """Let a listener accept."""
        with self._lock:
            self._listeners[listener.id] = listener
        listener.start(self)

    def connection(self, name: object) -> Connection:
        """Find a connection.

        Raises:
            BadParams: There is none of that name.
        """
        found = self._connections.get(name) if isinstance(name, str) else None
        if found is None:
            raise BadParams(f"no connection {name!r}")
        return found

    def listener(self, name: object) -> Listener:
        """Find a listener; raises as `connection`."""
        found = self._listeners.get(name) if isinstance(name, str) else None
        if found is None:
            raise BadParams(f"no listener {name!r}")
        return found

    def check_free(self, name: str) -> None:
        """Refuse an id that is in use, before the driver makes something of that name.

        Raises:
            BadParams: A connection or a listener has it.
        """
        if name in self._listeners or name in self._connections:
            raise BadParams(f"the id {name!r} is in use")

    def count_live(self) -> int:
        """Count the connections that are not over."""
        with self._lock:
            return sum(connection.alive for connection in self._connections.values())

    def end(self, patience_s: float = 2.0) -> None:
        """Silence, drop and await everything; complains on stderr about what does not go away in time."""
        with self._output.lock:
            self._over = True
        with self._lock:
            listeners, connections = list(self._listeners.values()), list(self._connections.values())
        for listener in listeners:
            listener.closing = True
            listener.drop()
        for connection in connections:
            connection.drop()
        deadline = time.monotonic() + patience_s
        while (thread := self._next_thread()) is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                sys.stderr.write(f"reset: {thread.name} does not end\n")
                return

    def next(self) -> Epoch:
        """Make the epoch that follows."""
        return Epoch(self._output, self._numbers)

    def _free_id(self) -> str:
        names = (f"s{number}" for number in self._numbers)
        return next(name for name in names if name not in self._connections)

    def _next_thread(self) -> threading.Thread | None:
        me = threading.current_thread()
        with self._lock:
            alive = [one for one in self._threads if one.is_alive() and one is not me]
        return alive[0] if alive else None
