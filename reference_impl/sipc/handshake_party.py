"""What both sides of a handshake share: frames, states, failure, result.

Rule of this file: which frame is legal when is said by the tables `_RULES` of the two roles and nothing else, and at
most one frame is legal at a time. A side that met anything unexpected sends nothing any more and stays unusable; the
one thing it may still say is that an offer could not be agreed on.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import ClassVar, Literal

from sipc.entropy import Entropy
from sipc.errors import LocalError, ProtocolError, Reason, SipcError
from sipc.framing import FrameReader
from sipc.identity import PeerIdentity
from sipc.negotiation import Kind, RejectCode, Selection, kind_of
from sipc.noise import CipherState
from sipc.noise_handshake import HandshakeState
from sipc.suites import SUITES, Suite

Role = Literal["initiator", "responder"]

_BINDING_LABEL = b"SIPC/1 cb"


@dataclass(frozen=True, slots=True)
class HandshakeResult:
    """What a finished handshake leaves behind.

    Args:
        role: Which side this is.
        send: Cipher of the records to the peer.
        receive: Cipher of the records from the peer.
        handshake_hash: The Noise handshake hash.
        channel_binding: A public value that the two ends of this session share and no other session has.
        peer: Whom the peer proved to be. Under a suite of mode `psk` the responder knows that the proof is fresh,
            not replayed, only from the initiator's first record on.
        local_name: Whom this side proved to be.
        suite: The suite in use.
        version: The protocol version in use.
    """

    role: Role
    send: CipherState
    receive: CipherState
    handshake_hash: bytes
    channel_binding: bytes
    peer: PeerIdentity
    local_name: str
    suite: Suite
    version: int


class State(Enum):
    """Where a handshake stands."""

    OFFERED = auto()  # initiator: waits for the answer to its offer
    RETRIED = auto()  # initiator: began again, waits for message 2
    LISTENING = auto()  # responder: waits for an offer
    RETRYING = auto()  # responder: asked to begin again, waits for that
    ANSWERED = auto()  # responder: sent message 2, waits for message 3
    DONE = auto()
    FAILED = auto()


class Party(ABC):
    """What both roles share: frames, states, failure."""

    # (state, kind of negotiation data) -> name of the method that handles the frame and returns the next state.
    # What is not listed is not legal.
    _RULES: ClassVar[dict[tuple[State, Kind], str]]
    _ROLE: ClassVar[Role]

    def __init__(self, entropy: Entropy, wall: float, state: State) -> None:
        self._entropy = entropy
        self._wall = wall
        self._state = state
        self._reader = FrameReader()
        self._outbox = b""
        self._farewell = b""
        self._result: HandshakeResult | None = None

    @property
    def state(self) -> State:
        """Where the handshake stands."""
        return self._state

    @property
    def result(self) -> HandshakeResult | None:
        """The result, once the handshake is finished."""
        return self._result

    def data_to_send(self) -> bytes:
        """Return, once, the bytes to send now. Ask after construction and after every `receive`, also a failed one."""
        data, self._outbox = self._outbox, b""
        return data

    def trailing(self) -> bytes:
        """Return, once, the bytes that arrived behind the last handshake frame."""
        return self._reader.take() if self._state is State.DONE else b""

    def receive(self, data: bytes) -> None:
        """Process bytes of the stream.

        Raises:
            SipcError: The handshake failed. After this, or any other exception, it stays failed.
            LocalError: It is already finished or has failed.
        """
        state = self._state
        if state in (State.DONE, State.FAILED):
            raise LocalError("this handshake is over", stage="handshake")
        self._state = State.FAILED
        try:
            self._state = self._advance(state, data)
        except SipcError as problem:
            if problem.stage == "established":  # the default of parts that do not know whom they serve
                problem.stage = "handshake"
            raise
        finally:
            if self._state is State.FAILED:
                self._outbox = self._farewell

    def _advance(self, state: State, data: bytes) -> State:
        frame = self._reader.feed(data)
        if frame is None:
            return state
        negotiation, message = frame
        kind = kind_of(negotiation)
        rule = self._RULES.get((state, kind))
        if rule is None:
            raise ProtocolError(f"{kind.name} frame while {state.name}", stage="handshake")
        if self._reader.pending and kind in (Kind.OFFER, Kind.RETRY, Kind.CHOICE):
            raise ProtocolError("the peer did not wait for the answer to its frame", stage="handshake")
        following: State = getattr(self, rule)(negotiation, message)
        return following

    def _finish(self, noise: HandshakeState, selection: Selection, peer: PeerIdentity, own: str) -> State:
        send, receive = noise.split()
        self._result = HandshakeResult(
            role=self._ROLE,
            send=send,
            receive=receive,
            handshake_hash=noise.handshake_hash,
            channel_binding=sha256(_BINDING_LABEL + noise.handshake_hash).digest(),
            peer=peer,
            local_name=own,
            suite=SUITES[selection.suite],
            version=selection.version,
        )
        return State.DONE


# What a refusal in the open means: text, and how it is reported.
REFUSALS: dict[int, tuple[str, Reason]] = {
    RejectCode.VERSION: ("no common version", "downgrade"),
    RejectCode.NO_COMMON_SUITE: ("no common suite", "downgrade"),
    RejectCode.BUSY: ("busy", "limit"),
}
