"""The side that connects: it offers, and judges the responder before it shows who it is."""

from __future__ import annotations

from typing import ClassVar

from sipc.entropy import Entropy
from sipc.errors import (
    AuthenticationError,
    BusyError,
    IntegrityError,
    LocalError,
    MalformedError,
    NegotiationError,
)
from sipc.framing import encode_frame, pad
from sipc.handshake_config import InitiatorConfig
from sipc.handshake_party import REFUSALS, Party, State
from sipc.handshake_payload import encode_names
from sipc.handshake_proof import certified_peer, shared_key_peer, with_shared_key
from sipc.identity import PeerIdentity
from sipc.negotiation import (
    Kind,
    Reject,
    RejectCode,
    Selection,
    acceptable_retry,
    encode_choice,
    parse_retry,
    prologue,
    retry_prologue,
)
from sipc.noise_handshake import HandshakeState, Keys
from sipc.suites import SUITES, Mode


class Initiator(Party):
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
        self._noise, message = self._begin(prologue(negotiation, offer.chosen, datagram=config.datagram))
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
        bound = retry_prologue(
            self._first, negotiation, choice, selection.version, datagram=self._config.datagram
        )
        self._noise, answer = self._begin(bound)
        self._outbox = encode_frame(choice, answer)
        return State.RETRIED

    def _on_second_retry(self, negotiation: bytes, message: bytes) -> State:
        raise NegotiationError("a second retry")

    def _on_reject(self, negotiation: bytes, message: bytes) -> State:
        reject = Reject.parse(negotiation)
        if message:
            raise MalformedError("a refusal with a Noise message", stage="negotiation")
        if reject.code == RejectCode.BUSY:
            raise BusyError("the responder refused the offer: busy", reject.retry_after_ms)
        text, reason = REFUSALS.get(reject.code, (f"code {reject.code}", "protocol"))
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
