"""Two connections of the reference in memory, joined by nothing but what a machine carries over."""

from collections.abc import Collection

from parties import CLIENT, SERVER, WALL, Pair, SeededEntropy

from ipc_gauntlet import Direction, EndView, Role, sender
from ipc_gauntlet.judge.outcome import Ending, Identity
from sipc.connection import Connection, Context
from sipc.errors import LocalError
from sipc.events import Closed, Established, Event, MessageReceived, Rejected
from sipc.handshake import Initiator, Responder
from sipc.rpc import Message
from sipc.settings import Settings

START = 1000.0
PREFIX_ENDS = {"c2s": ("client", "server"), "s2c": ("server", "client")}


class End:
    """One connection and what it has told.

    Args:
        connection: The connection under test.
        handshake: How many of the frames it sends belong to the handshake; these have two lengths.
    """

    def __init__(self, connection: Connection, handshake: int) -> None:
        self.connection = connection
        self._handshake = handshake
        self.established: list[Identity] = []
        self.delivered: list[bytes] = []
        self.endings: list[Ending] = []
        self.refusals: list[tuple[str, str]] = []

    def frames(self) -> list[bytes]:
        """What it wants to send, frame by frame."""
        data, found = self.connection.data_to_send(), []
        while data:
            end = 2 + int.from_bytes(data[:2])
            if self._handshake:
                self._handshake -= 1
                end += 2 + int.from_bytes(data[end : end + 2])
            found.append(data[:end])
            data = data[end:]
        self._listen()
        return found

    def view(self) -> EndView:
        """What it has told so far."""
        self._listen()
        return EndView(
            tuple(self.established), tuple(self.delivered), tuple(self.endings), tuple(self.refusals)
        )

    def _listen(self) -> None:
        while (event := self.connection.next_event()) is not None:
            self._on(event)

    def _on(self, event: Event) -> None:
        if isinstance(event, Established):
            binding = event.channel_binding
            self.established.append(
                Identity(event.peer, str(event.version), event.suite, binding, event.credential)
            )
        elif isinstance(event, MessageReceived):
            body = event.envelope.body
            self.delivered.append(body if isinstance(body, bytes) else b"")
        elif isinstance(event, Closed):
            self.endings.append(Ending(event.how, event.reason or "unspecified", event.detail))
        elif isinstance(event, Rejected):
            self.refusals.append((event.stage, event.reason))


class ReferenceSession:
    """The back end of `SessionMachine` for the protocol core of the reference; see `SessionBackend`.

    Args:
        pair: Configuration of both ends.
        settings: Decisions of both ends.
        number: Session number: its keys have nothing in common with those of another.
    """

    tells = True

    def __init__(self, pair: Pair, settings: Settings | None = None, number: int = 0) -> None:
        self._pair = pair
        self._settings = settings or Settings()
        self._number = number
        self._now = START
        self._over = False
        self.speaks: Collection[Direction] = ("c2s", "s2c")
        self.names: dict[Role, str | None] = {"client": SERVER, "server": CLIENT}
        self.ends: dict[Role, End] = {}
        self._other: dict[Direction, list[bytes]] | None = None

    def make(self, role: Role) -> Connection:
        """A fresh connection of one side."""
        entropy = SeededEntropy(f"{role}{self._number}")
        if role == "client":
            handshake: Initiator | Responder = Initiator(self._pair.client, entropy, WALL)
        else:
            handshake = Responder(self._pair.server, entropy, WALL)
        return Connection(
            handshake, self._settings, Context(role == "client", WALL, entropy.random), self._now
        )

    def connect(self) -> None:
        """Make both ends."""
        counts = (1, 1) if self._pair.name == "psk" else (2, 1)
        for role, count in zip(("client", "server"), counts, strict=True):
            self.ends[role] = End(self.make(role), count)

    def stirs(self) -> bool:
        """See `SessionBackend`; in memory everything happens at once."""
        return False

    def established(self, role: Role) -> bool:
        """See `SessionBackend`."""
        return bool(self.ends[role].view().established)

    def taken(self, direction: Direction) -> list[bytes]:
        """See `SessionBackend`."""
        return self.ends[sender(direction)].frames()

    def put(self, direction: Direction, data: bytes) -> None:
        """See `SessionBackend`."""
        end = self.ends[PREFIX_ENDS[direction][1]]
        if not self._over and not end.connection.ended:
            end.connection.receive_data(data, self._now)

    def cut(self) -> None:
        """See `SessionBackend`."""
        self._over = True
        for end in self.ends.values():
            if not end.connection.ended:
                end.connection.receive_eof()

    def send(self, direction: Direction, payload: bytes) -> bool:
        """See `SessionBackend`."""
        try:
            self.ends[sender(direction)].connection.send_event(Message("test.message", payload))
        except LocalError:
            return False
        return True

    def rekey(self, role: Role) -> bool:
        """See `SessionBackend`."""
        try:
            self.ends[role].connection.rekey(self._now)
        except LocalError:
            return False
        return True

    def close(self, role: Role) -> None:
        """See `SessionBackend`."""
        self.ends[role].connection.close(self._now)

    def advance(self, seconds: float) -> bool:
        """See `SessionBackend`."""
        self._now += seconds
        for end in self.ends.values():
            due = end.connection.next_timer()
            if due is not None and due <= self._now:
                end.connection.handle_timer(self._now)
        return True

    def elsewhere(self, direction: Direction) -> list[bytes]:
        """See `SessionBackend`."""
        if self._other is None:
            self._other = record(type(self)(self._pair, self._settings, self._number + 1))
        return self._other[direction]

    def view(self, role: Role) -> EndView:
        """See `SessionBackend`."""
        return self.ends[role].view()

    def settle(self) -> None:
        """See `SessionBackend`; in memory everything happens at once."""

    def close_all(self) -> None:
        """See `SessionBackend`."""
        self.ends.clear()


def record(session: ReferenceSession) -> dict[Direction, list[bytes]]:
    """Everything that both ends of an undisturbed session say."""
    session.connect()
    said: dict[Direction, list[bytes]] = {"c2s": [], "s2c": []}

    def carry() -> None:
        moved = True
        while moved:
            moved = False
            for direction in said:
                for frame in session.taken(direction):
                    said[direction].append(frame)
                    session.put(direction, frame)
                    moved = True

    carry()
    for direction in said:
        session.send(direction, f"another session, {direction}".encode())
    carry()
    return said
