"""The handshake of SIPC/1: negotiation, Noise, and the proof of both identities.

Rule of this file: which frame is legal when is said by the two tables `_RULES` and nothing else, and at most one
frame is legal at a time. A side that met anything unexpected sends nothing any more and stays unusable; the one
thing it may still say is that an offer could not be agreed on.

Use: give bytes of the stream to `receive`, send what `data_to_send` returns, until `result` is there. Bytes behind
the last handshake frame are `trailing` and belong to the records.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import ClassVar, Literal

from sipc.entropy import Entropy
from sipc.errors import (
    AuthenticationError,
    IntegrityError,
    LocalError,
    MalformedError,
    NegotiationError,
    ProtocolError,
    Reason,
    SipcError,
    require,
)
from sipc.framing import FrameReader, encode_frame, pad
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.handshake_payload import encode_names
from sipc.handshake_proof import SharedKey, certified_peer, shared_key_peer, with_shared_key
from sipc.identity import PeerIdentity
from sipc.negotiation import (
    Kind,
    Offer,
    Reject,
    RejectCode,
    Selection,
    acceptable_retry,
    encode_choice,
    encode_retry,
    kind_of,
    parse_choice,
    parse_retry,
    prologue,
    retry_prologue,
    select,
)
from sipc.noise import CipherState
from sipc.noise_handshake import HandshakeState, Keys
from sipc.suites import SUITES, Mode, Suite

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


class _Party(ABC):
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


class Initiator(_Party):
    """The side that connects. Its offer is ready to be sent when it has been made.

    Args:
        config: Its configuration.
        entropy: Source of ephemeral keys.
        wall: Unix seconds, for validity of certificates and keys.

    Raises:
        LocalError: The pre-shared key is expired, or the entropy source failed.
    """

    _ROLE = "initiator"
    _RULES: ClassVar = {
        (State.OFFERED, Kind.NONE): "_on_answer",
        (State.OFFERED, Kind.RETRY): "_on_retry",
        (State.OFFERED, Kind.REJECT): "_on_reject",
        (State.RETRIED, Kind.NONE): "_on_answer",
        (State.RETRIED, Kind.RETRY): "_on_second_retry",
    }

    def __init__(self, config: InitiatorConfig, entropy: Entropy, wall: float) -> None:
        super().__init__(entropy, wall, State.OFFERED)
        self._config = config
        shared = config.shared_key
        if shared is not None and shared.expires is not None and wall > shared.expires:
            raise LocalError("the pre-shared key is expired", reason="expired", stage="handshake")
        offer, negotiation = config.offer, config.encoded_offer
        self._selection = Selection(offer.chosen, offer.suites[0])
        self._noise, message = self._begin(prologue(negotiation, offer.chosen))
        self._first = negotiation, message
        self._outbox = encode_frame(negotiation, message)

    def _begin(self, bound: bytes) -> tuple[HandshakeState, bytes]:
        """Start Noise for the present selection; always with a fresh ephemeral key."""
        suite, shared = SUITES[self._selection.suite], self._config.shared_key
        keys = Keys(self._entropy, self._config.static, shared.key if shared is not None else None)
        noise = HandshakeState(suite.protocol, initiator=True, prologue=bound, keys=keys)
        payload = b""
        if suite.mode is Mode.PSK and shared is not None:
            payload = pad(encode_names(shared.own, shared.other))
        return noise, noise.write_message(payload)

    def _on_retry(self, negotiation: bytes, message: bytes) -> State:
        selection = parse_retry(negotiation)
        if message:
            raise MalformedError("a retry with a Noise message", stage="negotiation")
        if not acceptable_retry(self._config.offer, self._config.policy, selection):
            raise NegotiationError("a retry to something that was not offered, or is nothing new")
        self._selection = selection
        choice = encode_choice(selection)
        self._noise, answer = self._begin(retry_prologue(self._first, negotiation, choice, selection.version))
        self._outbox = encode_frame(choice, answer)
        return State.RETRIED

    def _on_second_retry(self, negotiation: bytes, message: bytes) -> State:
        raise NegotiationError("a second retry")

    def _on_reject(self, negotiation: bytes, message: bytes) -> State:
        reject = Reject.parse(negotiation)
        if message:
            raise MalformedError("a refusal with a Noise message", stage="negotiation")
        text, reason = _REFUSALS.get(reject.code, (f"code {reject.code}", "protocol"))
        raise NegotiationError(f"the responder refused the offer: {text}", reason=reason)

    def _on_answer(self, negotiation: bytes, message: bytes) -> State:
        """Message 2. The responder is judged before message 3 tells it who this side is."""
        noise, mode = self._noise, SUITES[self._selection.suite].mode
        try:
            payload = noise.read_message(message)
        except IntegrityError as problem:
            if mode is Mode.PSK:
                raise AuthenticationError("the responder did not prove the pre-shared key") from problem
            raise
        peer = self._judge(payload, mode)
        if mode is not Mode.PSK:
            self._outbox = encode_frame(b"", noise.write_message(self._config.certificates))
        return self._finish(noise, self._selection, peer, self._config.name)

    def _judge(self, payload: bytes, mode: Mode) -> PeerIdentity:
        shared = self._config.shared_key
        if mode is Mode.PSK and shared is not None:
            return shared_key_peer(shared, payload)
        peer = certified_peer(self._config, payload, self._noise.remote_static, self._wall)
        if peer.name != self._config.expected_peer:
            raise AuthenticationError("the responder is somebody else than intended")
        return peer if shared is None else with_shared_key(peer, shared)


class Responder(_Party):
    """The side that accepts.

    Args:
        config: Its configuration.
        entropy: Source of ephemeral keys.
        wall: Unix seconds, for validity of certificates and keys.
    """

    _ROLE = "responder"
    _RULES: ClassVar = {
        (State.LISTENING, Kind.OFFER): "_on_offer",
        (State.RETRYING, Kind.CHOICE): "_on_choice",
        (State.ANSWERED, Kind.NONE): "_on_last",
    }

    def __init__(self, config: ResponderConfig, entropy: Entropy, wall: float) -> None:
        super().__init__(entropy, wall, State.LISTENING)
        self._config = config
        self._first = b"", b""
        self._psk_id = b""
        self._retry = b""
        self._selection = Selection(0, 0)
        self._noise: HandshakeState | None = None
        self._shared: SharedKey | None = None

    def refuse_busy(self, retry_after_ms: int) -> None:
        """Turn the initiator away before it has said anything; the refusal is in `data_to_send`.

        Args:
            retry_after_ms: When it may come back, at most 65535.

        Raises:
            LocalError: The handshake has already begun.
        """
        if self._state is not State.LISTENING or self._reader.pending:
            raise LocalError("only a responder that has heard nothing yet can be busy", stage="negotiation")
        self._state = State.FAILED
        reject = Reject(self._config.policy.highest, RejectCode.BUSY, min(max(retry_after_ms, 0), 0xFFFF))
        self._outbox = encode_frame(reject.encode(), b"")

    def _on_offer(self, negotiation: bytes, message: bytes) -> State:
        offer = Offer.parse(negotiation)
        selection = select(offer, self._config.policy)
        if isinstance(selection, RejectCode):
            self._farewell = encode_frame(Reject(self._config.policy.highest, selection).encode(), b"")
            raise NegotiationError(f"offer refused: {_REFUSALS[selection][0]}")
        if offer.service != self._config.service.encode():
            raise AuthenticationError("the initiator wants another service")
        self._selection = selection
        self._psk_id = offer.psk_id
        if selection == Selection(offer.chosen, offer.suites[0]):
            return self._answer(message, prologue(negotiation, selection.version))
        self._first = negotiation, message
        self._retry = encode_retry(selection)
        self._outbox = encode_frame(self._retry, b"")
        return State.RETRYING

    def _on_choice(self, negotiation: bytes, message: bytes) -> State:
        if parse_choice(negotiation) != self._selection:
            raise NegotiationError("the initiator goes on with something else than it was asked to")
        bound = retry_prologue(self._first, self._retry, negotiation, self._selection.version)
        return self._answer(message, bound)

    def _answer(self, message: bytes, bound: bytes) -> State:
        """Message 1 and message 2."""
        suite, config = SUITES[self._selection.suite], self._config
        if suite.mode is not Mode.X509:
            self._shared = SharedKey.find(config, self._psk_id, self._entropy, self._wall)
        keys = Keys(self._entropy, config.static, self._shared.secret if self._shared is not None else None)
        noise = HandshakeState(suite.protocol, initiator=False, prologue=bound, keys=keys)
        payload = self._read(noise, message)
        if suite.mode is Mode.PSK and self._shared is not None:
            credential = self._shared.accept()
            peer = self._authorized(shared_key_peer(credential, payload))
            names = pad(encode_names(credential.own, credential.other))
            self._outbox = encode_frame(b"", noise.write_message(names))
            return self._finish(noise, self._selection, peer, credential.own)
        if payload:
            raise MalformedError("message 1 must not carry anything", stage="handshake")
        self._outbox = encode_frame(b"", noise.write_message(config.certificates))
        self._noise = noise
        return State.ANSWERED

    def _on_last(self, negotiation: bytes, message: bytes) -> State:
        """Message 3."""
        noise = require(self._noise, "message 2")
        payload = self._read(noise, message)
        peer = certified_peer(self._config, payload, noise.remote_static, self._wall)
        if self._shared is not None:
            peer = with_shared_key(peer, self._shared.accept())
        return self._finish(noise, self._selection, self._authorized(peer), self._config.name)

    def _read(self, noise: HandshakeState, message: bytes) -> bytes:
        try:
            return noise.read_message(message)
        except IntegrityError as problem:
            if self._shared is not None:
                raise self._shared.refusal from problem
            raise

    def _authorized(self, peer: PeerIdentity) -> PeerIdentity:
        if self._config.peers is not None and peer.name not in self._config.peers:
            raise AuthenticationError("this peer may not connect here", reason="unauthorized")
        return peer


# What a refusal in the open means: text, and how it is reported.
_REFUSALS: dict[int, tuple[str, Reason]] = {
    RejectCode.VERSION: ("no common version", "downgrade"),
    RejectCode.NO_COMMON_SUITE: ("no common suite", "downgrade"),
    RejectCode.BUSY: ("busy", "limit"),
}
