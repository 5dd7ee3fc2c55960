"""Real handshakes, made once: the keys of a session, from which any number of connections start.

The reference and the harness's own peer shake hands in memory. What they agreed on is kept as bytes, so that a session
can be begun anew at the price of two cipher objects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from ipc_gauntlet.peer import Autopilot, Outgoing, Peer, PeerConfig, Quirks
from ipc_gauntlet.peer.noise import CipherName
from ipc_gauntlet.peer.noise import CipherState as OpenCipherState
from sipc.connection import Connection, Context
from sipc.handshake import HandshakeResult, Initiator, Responder
from sipc.noise import Cipher, CipherState
from sipc.settings import Settings
from sipc_targets.material import START, Entropy, configs, identity, material, names

_NONE = Quirks()
SUITES = (0x0001, 0x0002, 0x0011, 0x0012, 0x0021)
"""Every suite there is."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A finished handshake.

    Attributes:
        result: What the reference made of it.
        cipher: The AEAD.
        send: Key with which the reference sends.
        receive: Key with which it receives.
        last: The last handshake frame that the reference was sent.
    """

    result: HandshakeResult
    cipher: Cipher
    send: bytes
    receive: bytes
    last: bytes

    def outcome(self) -> HandshakeResult:
        """The handshake's result with fresh ciphers."""
        return replace(
            self.result,
            send=CipherState(self.cipher, self.send),
            receive=CipherState(self.cipher, self.receive),
        )

    def open_states(self) -> tuple[OpenCipherState, OpenCipherState]:
        """What the other side seals and opens with."""
        label = self.result.suite.protocol.cipher.label
        name: CipherName = "AESGCM" if label == "AESGCM" else "ChaChaPoly"
        return OpenCipherState(name, self.receive), OpenCipherState(name, self.send)


class Finished:
    """A handshake that is over already (`sipc.connection.Handshake`)."""

    def __init__(self, outcome: HandshakeResult) -> None:
        self._result = outcome
        self._trailing = b""
        # A responder has answered: its time-out for the first frame is over.
        self._out = b"answer" if outcome.role == "responder" else b""

    @property
    def result(self) -> HandshakeResult:
        """What it left."""
        return self._result

    def receive(self, data: bytes) -> None:
        """Bytes behind it."""
        self._trailing += data

    def data_to_send(self) -> bytes:
        """What stands for the last frame of a responder, once."""
        out, self._out = self._out, b""
        return out

    def trailing(self) -> bytes:
        """The bytes behind it, once."""
        data, self._trailing = self._trailing, b""
        return data


def parties(
    suite: int, *, initiator: bool, datagram: bool = False, quirks: Quirks = _NONE
) -> tuple[Initiator | Responder, Peer]:
    """A party of the reference in one role, and the harness's peer in the other; nothing has been said."""
    client, server = configs(suite, datagram=datagram)
    wall, entropy = material().wall, Entropy(f"reference/{suite}")
    ours = Initiator(client, entropy, wall) if initiator else Responder(server, entropy, wall)
    _, _, service, _ = names()
    config = PeerConfig(
        role="responder" if initiator else "initiator",
        identity=identity(initiator=not initiator),
        service=service,
        suites=(suite,),
        datagram=datagram,
        epoch_bits=4,
    )
    return ours, Peer(config, Entropy(f"peer/{suite}").random, quirks)


@cache
def snapshot(suite: int, *, initiator: bool, datagram: bool = False) -> Snapshot:
    """A finished handshake.

    Args:
        suite: Number of the suite.
        initiator: Whether the reference is the initiator.
        datagram: Whether it is of profile D.
    """
    ours, peer = parties(suite, initiator=initiator, datagram=datagram)
    pilot = Autopilot(peer)
    last = b""
    waiting = pilot.begin()
    while ours.result is None:
        for one in waiting:
            if ours.result is None:
                last = one.data
                ours.receive(one.data)
        waiting = [one for one in pilot.receive(ours.data_to_send()) if isinstance(one, Outgoing)]
    if initiator:
        pilot.receive(ours.data_to_send())
    agreed = peer.sealer, peer.opener
    if agreed[0] is None or agreed[1] is None:
        raise RuntimeError("the peer has no keys although the reference has")
    protocol = ours.result.suite.protocol
    return Snapshot(ours.result, protocol.cipher, agreed[1].state.key, agreed[0].state.key, last)


def connection(shot: Snapshot, settings: Settings, *, initiator: bool) -> Connection:
    """A connection of the reference whose handshake is over, before its first record."""
    context = Context(initiator=initiator, wall=material().wall, random=lambda n: b"r" * n)
    made = Connection(Finished(shot.outcome()), settings, context, START)
    made.receive_data(b"", START)
    if not initiator:
        made.data_to_send()
    return made
