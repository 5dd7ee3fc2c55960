"""Two connections joined in memory, with a stand-in for the handshake, so that records can be tested alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sipc.connection import Connection, Context
from sipc.errors import AuthenticationError
from sipc.events import Event
from sipc.noise import Cipher, CipherState
from sipc.records import Record, RecordOpener, RecordSealer, RecordType
from sipc.settings import Settings
from sipc.timers import Timeouts

START = 1000.0
WALL = 1_800_000_000.0
C2S_KEY = b"\x01" * 32
S2C_KEY = b"\x02" * 32
HELLO = b"HELLO"
WORLD = b"WORLD"


def c2s() -> CipherState:
    """A CipherState with the key of the initiator's direction."""
    return CipherState(Cipher.CHACHAPOLY, C2S_KEY)


def s2c() -> CipherState:
    """A CipherState with the key of the responder's direction."""
    return CipherState(Cipher.CHACHAPOLY, S2C_KEY)


@dataclass(frozen=True)
class FakePeer:
    name: str
    kind: str = "x509"
    valid_until: float | None = None


@dataclass(frozen=True)
class FakeSuite:
    name: str = "fake"


@dataclass(frozen=True)
class FakeOutcome:
    send: CipherState
    receive: CipherState
    peer: FakePeer
    local_name: str
    channel_binding: bytes = b"binding"
    suite: FakeSuite = FakeSuite()
    version: int = 1


class FakeHandshake:
    """HELLO from the initiator, WORLD from the responder, then fixed keys."""

    def __init__(self, *, initiator: bool, valid_until: float | None = None) -> None:
        self._initiator = initiator
        self._valid_until = valid_until
        self._buffer = b""
        self._out = HELLO if initiator else b""
        self.result: FakeOutcome | None = None

    def receive(self, data: bytes) -> None:
        self._buffer += data
        expected = WORLD if self._initiator else HELLO
        if not self._buffer.startswith(expected[: len(self._buffer)]):
            raise AuthenticationError("not the expected greeting")
        if len(self._buffer) >= len(expected):
            self._buffer = self._buffer[len(expected) :]
            self._finish()

    def _finish(self) -> None:
        mine, theirs = (c2s(), s2c()) if self._initiator else (s2c(), c2s())
        names = ("spiffe://t/server", "spiffe://t/client")
        other, own = names if self._initiator else names[::-1]
        self._out += b"" if self._initiator else WORLD
        self.result = FakeOutcome(mine, theirs, FakePeer(other, valid_until=self._valid_until), own)

    def data_to_send(self) -> bytes:
        out, self._out = self._out, b""
        return out

    def trailing(self) -> bytes:
        rest, self._buffer = self._buffer, b""
        return rest


def settings(**changes: object) -> Settings:
    """Settings with time-outs that are easy to count with; names of timers are taken as time-outs."""
    times = {
        "handshake": 5.0,
        "first": 2.0,
        "idle": 60.0,
        "probe": 10.0,
        "write": 10.0,
        "drain": 5.0,
        "reassembly": 30.0,
        "lifetime": 3600.0,
        "rekey": 900.0,
    }
    others = {}
    for name, value in changes.items():
        (times if name in times else others)[name] = value  # type: ignore[index, assignment]
    return replace(Settings(timeouts=Timeouts(allow_short=True, **times)), **others)  # type: ignore[arg-type]


class Side:
    """One connection, and every event it has told."""

    def __init__(self, *, initiator: bool, config: Settings, valid_until: float | None = None) -> None:
        handshake = FakeHandshake(initiator=initiator, valid_until=valid_until)
        context = Context(initiator=initiator, wall=WALL, random=lambda n: b"\xab" * n)
        self.connection = Connection(handshake, config, context, START)
        self.events: list[Event] = []
        self.now = START

    def take(self) -> bytes:
        """What the connection wants to send; its events are collected on the way."""
        data = self.connection.data_to_send()
        while (event := self.connection.next_event()) is not None:
            self.events.append(event)
        return data

    def feed(self, data: bytes) -> None:
        """Give the connection bytes of its peer."""
        self.connection.receive_data(data, self.now)

    def of(self, kind: type) -> list[Event]:
        """The events of one type."""
        self.take_events()
        return [event for event in self.events if isinstance(event, kind)]

    def take_events(self) -> None:
        """Collect events without taking output."""
        while (event := self.connection.next_event()) is not None:
            self.events.append(event)


class Pair:
    """An initiator and a responder; `pump` carries bytes until both are quiet."""

    def __init__(
        self, client: Settings | None = None, server: Settings | None = None, valid_until: float | None = None
    ) -> None:
        self.client = Side(initiator=True, config=client or settings(), valid_until=valid_until)
        self.server = Side(initiator=False, config=server or settings())

    def pump(self, chunks: Callable[[bytes], Iterable[bytes]] = lambda data: [data]) -> None:
        """Carry bytes both ways, cut into chunks by `chunks`."""
        while True:
            up, down = self.client.take(), self.server.take()
            if not up and not down:
                return
            for piece in chunks(up) if up else ():
                self.server.feed(piece)
            for piece in chunks(down) if down else ():
                self.client.feed(piece)

    def established(self) -> "Pair":
        """Run the handshake and return this pair."""
        self.pump()
        return self

    def set_time(self, now: float) -> None:
        """Let it be `now` for both, firing timers."""
        for side in (self.client, self.server):
            side.now = now
            side.connection.handle_timer(now)


def frames_of(data: bytes) -> list[bytes]:
    """Cut a stream of transport frames into frames."""
    frames = []
    while data:
        end = 2 + int.from_bytes(data[:2])
        frames.append(data[:end])
        data = data[end:]
    return frames


class Peer:
    """A peer played by the test: it has the keys and obeys no rule.

    Args:
        side: The connection under test.
        initiator: Role of the *test*.
    """

    def __init__(self, side: Side, *, initiator: bool) -> None:
        self.side = side
        self.sealer = RecordSealer(c2s() if initiator else s2c())
        self.opener = RecordOpener(s2c() if initiator else c2s())
        if initiator:
            side.feed(HELLO)
        else:
            assert side.take().startswith(HELLO)
            side.feed(WORLD)

    def send(self, kind: RecordType, payload: bytes = b"", flags: int = 0) -> None:
        """Seal a record and give it to the connection."""
        self.side.feed(self.sealer.seal(kind, payload, flags))

    def received(self) -> list[Record]:
        """The records that the connection has sent since the last call."""
        data = self.side.take()
        for greeting in (HELLO, WORLD):
            data = data.removeprefix(greeting)
        return list(self.opener.feed(data))
