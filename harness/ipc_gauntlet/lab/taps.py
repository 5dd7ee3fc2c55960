"""Following what a driver tells about one session, without reading everything again at every look."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ipc_gauntlet.driver import Observation
from ipc_gauntlet.lab.views import text

Source = Callable[[], list[Observation]]


class Tap:
    """The notifications that belong to one thing, in order of arrival.

    Args:
        source: All notifications of the driver; the list only grows.
        since: How many of them came before.
        belongs: Whether a notification belongs here; asked once for each, in order.
    """

    __slots__ = ("_belongs", "_next", "_seen", "_since", "_source", "delivered", "methods")

    def __init__(self, source: Source, since: int, belongs: Callable[[Observation], bool]) -> None:
        self._source = source
        self._since = self._next = since
        self._belongs = belongs
        self._seen: list[Observation] = []
        self.methods: set[str] = set()
        self.delivered: list[bytes] = []

    def seen(self) -> list[Observation]:
        """What has come so far; not to be changed."""
        everything = self._source()
        while self._next < len(everything):
            one = everything[self._next]
            self._next += 1
            if self._belongs(one):
                self._seen.append(one)
                self.methods.add(one.method)
                if one.method == "delivered":
                    self.delivered.append(one.payload or b"")
        return self._seen


class OfEndpoint:
    """Whether a notification is about one listener, or about a connection to it that began after some moment.

    Args:
        listener: The listener's id.
        life: The life of the driver in which it was opened.
        older: What the driver told before that moment.
        clients: Ids of connections that the same driver made as a client; more may be added later.
    """

    __slots__ = ("_clients", "_foreign", "_life", "_listener")

    def __init__(
        self, listener: str, life: int, older: Collection[Observation], clients: Collection[str]
    ) -> None:
        self._listener = listener
        self._life = life
        self._clients = clients
        self._foreign = {one.conn for one in older if one.life == life and one.conn is not None}

    def __call__(self, one: Observation) -> bool:
        """Whether it belongs here."""
        if one.life != self._life:
            return False
        ours = text(one, "listener") in (None, self._listener)
        if one.conn is None:
            return ours
        if not ours:
            self._foreign.add(one.conn)
        return one.conn not in self._foreign and one.conn not in self._clients
