"""Two peers that talk to each other in memory, and identities for them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ipc_gauntlet.peer import Autopilot, Heard, Identity, Outgoing, Peer, PeerConfig, Quirks
from ipc_gauntlet.peer.noise import KeyPair

ALICE, BOB = "spiffe://test.example/alice", "spiffe://test.example/bob"


def entropy(label: int) -> Callable[[int], bytes]:
    """Bytes that are never the same twice, and always the same for the same label."""
    count = iter(range(1, 1 << 16))
    return lambda size: (label.to_bytes(1) + next(count).to_bytes(2)).ljust(size, b"e")[:size]


IDENTITIES = {
    "initiator": Identity(ALICE, BOB, KeyPair.of(b"a" * 32), (b"leaf of alice",), "psk-1", b"p" * 32),
    "responder": Identity(BOB, ALICE, KeyPair.of(b"b" * 32), (b"leaf of bob",), "psk-1", b"p" * 32),
}


def config(role: str, **changes: object) -> PeerConfig:
    """A configuration in which everything fits together."""
    made = PeerConfig("initiator" if role == "initiator" else "responder", IDENTITIES[role], BOB)
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Pair:
    """An initiator and a responder, and everything they said to each other."""

    initiator: Autopilot
    responder: Autopilot
    said: list[tuple[str, Outgoing]] = field(default_factory=list)
    heard: list[tuple[str, Heard]] = field(default_factory=list)

    def start(self) -> "Pair":
        """Let the initiator begin, and everybody answer until nothing moves."""
        self.deliver("initiator", self.initiator.begin())
        return self

    def deliver(self, sender: str, frames: list[Outgoing]) -> None:
        """Bring frames to the other side, and its answers back."""
        for one in frames:
            self.said.append((sender, one))
        other = "responder" if sender == "initiator" else "initiator"
        happened = getattr(self, other).receive(b"".join(one.data for one in frames)) if frames else []
        self.heard += [(other, one) for one in happened if isinstance(one, Heard)]
        answers = [one for one in happened if isinstance(one, Outgoing)]
        if answers:
            self.deliver(other, answers)

    def labels(self, sender: str) -> list[str]:
        """What one side said."""
        return [one.label for who, one in self.said if who == sender]

    @property
    def noted(self) -> list[str]:
        """What either side found wrong."""
        return self.initiator.peer.noted + self.responder.peer.noted


def pair(first: Quirks = Quirks(), second: Quirks = Quirks(), **changes: object) -> Pair:  # noqa: B008 - frozen
    """Two peers; `changes` go into both configurations."""
    made = [
        Autopilot(Peer(config(role, **changes), entropy(number), quirks))
        for number, (role, quirks) in enumerate((("initiator", first), ("responder", second)))
    ]
    return Pair(*made)
