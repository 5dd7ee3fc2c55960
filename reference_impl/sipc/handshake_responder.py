"""The side that accepts: it selects, and answers strangers as little as it can."""

from __future__ import annotations

from typing import ClassVar

from sipc.entropy import Entropy
from sipc.errors import (
    AuthenticationError,
    IntegrityError,
    LocalError,
    MalformedError,
    NegotiationError,
    require,
)
from sipc.framing import encode_frame, pad
from sipc.handshake_config import ResponderConfig
from sipc.handshake_party import REFUSALS, Party, State
from sipc.handshake_payload import encode_names
from sipc.handshake_proof import SharedKey, certified_peer, shared_key_peer, with_shared_key
from sipc.identity import PeerIdentity
from sipc.negotiation import (
    Kind,
    Offer,
    Reject,
    RejectCode,
    Selection,
    encode_retry,
    parse_choice,
    prologue,
    retry_prologue,
    select,
)
from sipc.noise_handshake import HandshakeState, Keys
from sipc.suites import SUITES, Mode


class Responder(Party):
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
            raise NegotiationError(f"offer refused: {REFUSALS[selection][0]}")
        if offer.service != self._config.service.encode():
            raise AuthenticationError("the initiator wants another service")
        self._selection = selection
        self._psk_id = offer.psk_id
        if selection == Selection(offer.chosen, offer.suites[0]):
            bound = prologue(negotiation, selection.version, datagram=self._config.datagram)
            return self._answer(message, bound)
        self._first = negotiation, message
        self._retry = encode_retry(selection)
        self._outbox = encode_frame(self._retry, b"")
        return State.RETRYING

    def _on_choice(self, negotiation: bytes, message: bytes) -> State:
        if parse_choice(negotiation) != self._selection:
            raise NegotiationError("the initiator goes on with something else than it was asked to")
        bound = retry_prologue(
            self._first,
            self._retry,
            negotiation,
            self._selection.version,
            datagram=self._config.datagram,
        )
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
        if (peer.kind, peer.name) in self._config.revoked:
            raise AuthenticationError("this peer has been shut out", reason="revoked")
        if self._config.peers is not None and peer.name not in self._config.peers:
            raise AuthenticationError("this peer may not connect here", reason="unauthorized")
        return peer
