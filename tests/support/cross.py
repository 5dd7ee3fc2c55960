"""The harness's own peer and the reference implementation, joined in memory: both were written from docs/sipc1.md."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import parties

from ipc_gauntlet.peer import Autopilot, Heard, HeardMessage, Identity, Outgoing, Peer, PeerConfig, Quirks
from ipc_gauntlet.peer.noise import KeyPair
from sipc.connection import Connection, Context
from sipc.events import Established, Event, RequestReceived
from sipc.exchange import Answer
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, X509Credential
from sipc.settings import Settings
from sipc.suites import SUITES

START = 100.0
KINDS = {"x509": parties.x509_pair, "psk": parties.psk_pair, "x509+psk": parties.both_pair}

Chunks = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    """Everything in one piece."""
    return [data] if data else []


def identity(config: InitiatorConfig | ResponderConfig) -> Identity:
    """What a side of the reference is configured with, for the peer to play that side."""
    own = config.credential
    if isinstance(own, PskCredential):
        return Identity(own.own, own.other, psk_id=own.identity, psk=own.key)
    assert isinstance(own, X509Credential)
    made = Identity(own.name, static=KeyPair.of(own.private_key), chain=own.chain)
    shared = config.psk if isinstance(config, InitiatorConfig) else config.trust.psk(parties.PSK_ID)
    return made if shared is None else replace(made, psk_id=shared.identity, psk=shared.key)


@dataclass
class Meeting:
    """The reference in one role and the peer in the other.

    Args:
        reference: The reference's connection.
        handshake: Its handshake.
        pilot: Runs the peer.
        chunks: How bytes are cut on their way, both ways.
    """

    reference: Connection
    handshake: object
    pilot: Autopilot
    chunks: Chunks = whole
    now: float = START
    events: list[Event] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    @property
    def peer(self) -> Peer:
        """The peer."""
        return self.pilot.peer

    def run(self) -> "Meeting":
        """Let both talk from the beginning until neither has anything to say."""
        self.say(self.pilot.begin())
        return self

    def say(self, frames: list[Outgoing]) -> None:
        """Bring frames of the peer to the reference, and everything that follows back and forth."""
        waiting = list(frames)
        while True:
            self.sent += waiting
            for piece in self.chunks(b"".join(one.data for one in waiting)):
                self.reference.receive_data(piece, self.now)
            waiting = []
            data = self.reference.data_to_send()
            while (event := self.reference.next_event()) is not None:
                self.events.append(event)
                if isinstance(event, RequestReceived):
                    self.reference.respond(event.mid, Answer(body=event.envelope.body))
            data += self.reference.data_to_send()
            if not data:
                return
            for piece in self.chunks(data):
                for one in self.pilot.receive(piece):
                    (waiting if isinstance(one, Outgoing) else self.heard).append(one)  # type: ignore[attr-defined]

    def of(self, kind: type[Event]) -> list[Event]:
        """The reference's events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def established(self) -> Established:
        """What the reference told of the session."""
        (event,) = self.of(Established)
        assert isinstance(event, Established)
        return event

    @property
    def bodies(self) -> list[object]:
        """Bodies of the messages that the peer heard."""
        return [one.fields.get(14) for one in self.heard if isinstance(one, HeardMessage)]


@dataclass(frozen=True)
class Scene:
    """Who meets.

    Args:
        mode: How both prove who they are.
        role: The peer's role.
        suites: Numbers that the reference allows; by default all of the mode.
        offered: Numbers that the peer offers or allows; by default what the reference allows.
        settings: The reference's settings.
        quirks: The peer's.
        reference: Changes to the reference's configuration.
        peer: Changes to the peer's.
    """

    mode: str
    role: str
    suites: tuple[int, ...] = ()
    offered: tuple[int, ...] = ()
    settings: Settings = field(default_factory=Settings)
    quirks: Quirks = field(default_factory=Quirks)
    reference: dict[str, object] = field(default_factory=dict)
    peer: dict[str, object] = field(default_factory=dict)

    def meet(self, chunks: Chunks = whole) -> Meeting:
        """Make both; nothing has been said."""
        numbers = self.suites or tuple(n for n, suite in SUITES.items() if suite.mode == self.mode)
        pair = KINDS[self.mode](*(SUITES[number] for number in numbers))
        initiating = self.role == "initiator"
        pair = pair.with_server(**self.reference) if initiating else pair.with_client(**self.reference)
        entropy = parties.SeededEntropy("peer")
        config = PeerConfig(
            role="initiator" if initiating else "responder",
            identity=identity(pair.client if initiating else pair.server),
            service=parties.SERVER,
            suites=self.offered or numbers,
        )
        config = replace(config, **self.peer)  # type: ignore[arg-type]
        handshake = pair.responder() if initiating else pair.initiator()
        context = Context(initiator=not initiating, wall=parties.WALL, random=lambda n: b"r" * n)
        connection = Connection(handshake, self.settings, context, START)
        return Meeting(connection, handshake, Autopilot(Peer(config, entropy.random, self.quirks)), chunks)
