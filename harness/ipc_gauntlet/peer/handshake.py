"""Negotiation and handshake of one attempt (docs/sipc1.md, sections 3 to 8): every frame can be made at any time.

A frame's maker does what the rules say for its step and returns the bytes; nothing stops a caller from taking the
steps in another order. Where there is no Noise state for a step, `NoiseError` says so.
"""

from __future__ import annotations

from ipc_gauntlet.peer.config import Entropy, PeerConfig
from ipc_gauntlet.peer.heard import HeardFrame, Outgoing
from ipc_gauntlet.peer.negotiation import (
    KINDS,
    Choice,
    Offer,
    Policy,
    Reject,
    Retry,
    accepted_prologue,
    counted,
    retried_prologue,
    select,
)
from ipc_gauntlet.peer.noise import TAG, CipherState, Handshake, KeyPair, NoiseError, Setup, SymmetricState
from ipc_gauntlet.peer.payloads import own_body, pack
from ipc_gauntlet.peer.quirks import Quirks
from ipc_gauntlet.peer.suites import DATAGRAM_PROLOGUE, PROLOGUES, SUITES, Suite


class Negotiating:
    """What is common to both roles: the frames so far, and the Noise state under way.

    Args:
        config: Who this side is.
        entropy: Where ephemeral keys come from.
        quirks: How it breaks the rules.
    """

    def __init__(self, config: PeerConfig, entropy: Entropy, quirks: Quirks) -> None:
        self.config = config
        self.quirks = quirks
        self.version = config.chosen
        self.suite = config.suites[0] if config.suites else 0
        self.noise: Handshake | None = None
        self.offer_bytes = b""
        self.first_message = b""
        self.retry_bytes = b""
        self.choice_bytes = b""
        self.second_message = b""
        self.prologue = b""
        self.remote_payload = b""
        self._entropy = entropy

    @property
    def known_suite(self) -> Suite | None:
        """The suite under way, if it means anything."""
        return SUITES.get(self.suite)

    @property
    def done(self) -> bool:
        """Whether every handshake message has been written and read."""
        return self.noise is not None and self.noise.done

    def early(self) -> tuple[CipherState, CipherState]:
        """The keys that `Split()` would give now, before there are any by right."""
        if self.noise is not None:
            return self.noise.symmetric.split()
        suite = self.known_suite or SUITES[1]
        return SymmetricState(suite.name, suite.cipher).split()

    # -- frames of the initiator --------------------------------------------------------------------------------------

    def offer(self) -> Outgoing:
        """OFFER with Noise message 1 under the first suite; random bytes where that suite means nothing."""
        quirk, config = self.quirks.negotiation, self.config
        lowest, highest, chosen = quirk.versions or (config.lowest, config.highest, config.chosen)
        service = config.service.encode() if quirk.service is None else quirk.service
        psk_id = config.identity.psk_id.encode() if quirk.psk_id is None else quirk.psk_id
        suites = config.suites if quirk.suites is None else quirk.suites
        if quirk.offer is None:
            self.offer_bytes = (
                Offer(lowest, highest, chosen, suites, psk_id, service).encode() + quirk.trailing
            )
        else:
            self.offer_bytes = quirk.offer
        self.version, self.suite = chosen, suites[0] if suites else 0
        self.first_message = self._begin(accepted_prologue(self.offer_bytes, self._application()))
        return Outgoing("offer", counted(self.offer_bytes) + counted(self.first_message))

    def choice(self) -> Outgoing:
        """CHOICE of what the RETRY asked for, with a new Noise message 1."""
        version, suite = self.quirks.negotiation.choice or (self.version, self.suite)
        self.choice_bytes = Choice(version, suite).encode() + self.quirks.negotiation.trailing
        message = self._begin(self._retried())
        return Outgoing("choice", counted(self.choice_bytes) + counted(message))

    def message3(self) -> Outgoing:
        """The third Noise message, with an empty negotiation field.

        Raises:
            NoiseError: It is not due, or the pattern has none.
        """
        if not self.config.role == "initiator":
            raise NoiseError("message 3 is the initiator's")
        return Outgoing("message3", self._last_frame(self._state().write(self._payload())))

    # -- frames of the responder --------------------------------------------------------------------------------------

    def selection(self) -> tuple[int, int] | int:
        """What the policy says about the offer that was heard: version and suite, or the code of a REJECT."""
        config = self.config
        policy = Policy(config.lowest, config.highest, config.suites)
        return select(Offer.decode(self.offer_bytes), policy)

    def accept(self) -> Outgoing:
        """Noise message 2, in answer to what was heard as message 1.

        Raises:
            NoiseError: Message 1 does not follow the pattern, or does not authenticate.
        """
        retried = bool(self.choice_bytes)
        forced = self.quirks.negotiation.accept_as
        if forced is not None and not retried:
            self.version, self.suite = forced
        prologue = self._retried() if retried else accepted_prologue(self.offer_bytes, self._application())
        self._setup(prologue)
        self.remote_payload = self._state().read(self.second_message if retried else self.first_message)
        message = self._state().write(self._payload())
        return Outgoing("accept", self._last_frame(message))

    def retry(self, version: int, suite: int) -> Outgoing:
        """RETRY, asking for a version and a suite."""
        self.version, self.suite = version, suite
        quirk = self.quirks.negotiation
        self.retry_bytes = Retry(version, suite, quirk.reserved).encode() + quirk.trailing
        return Outgoing("retry", counted(self.retry_bytes) + counted(b""))

    def reject(self, code: int, retry_after_ms: int = 0) -> Outgoing:
        """REJECT with a code."""
        body = Reject(self.config.highest, code, retry_after_ms).encode() + self.quirks.negotiation.trailing
        return Outgoing("reject", counted(body) + counted(b""))

    # -- frames that were heard -----------------------------------------------------------------------------------------

    def hear(self, data: bytes) -> HeardFrame:
        """Take a handshake frame of the other side and do what can be done with it.

        Raises:
            NoiseError: Its Noise message is out of turn, or does not authenticate.
            NegotiationError: Its negotiation field is malformed.
        """
        length = int.from_bytes(data[:2])
        negotiation, message = data[2 : 2 + length], data[4 + length :]
        kind = KINDS.get(negotiation[4], "garbage") if len(negotiation) > 4 else ""
        if kind == "offer":
            offer = Offer.decode(negotiation)
            self.offer_bytes, self.first_message = negotiation, message
            self.version, self.suite = offer.chosen, offer.suites[0]
        elif kind == "retry":
            retry = Retry.decode(negotiation)
            self.retry_bytes = negotiation
            self.version, self.suite = retry.version, retry.suite
        elif kind == "choice":
            choice = Choice.decode(negotiation)
            self.choice_bytes, self.second_message = negotiation, message
            self.version, self.suite = choice.version, choice.suite
        elif kind == "reject":
            Reject.decode(negotiation)
        if kind:
            return HeardFrame(kind, data, negotiation, message, None)
        label = "accept" if self.config.role == "initiator" else "message3"
        self.remote_payload = self._state().read(message)
        return HeardFrame(label, data, negotiation, message, self.remote_payload)

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _begin(self, prologue: bytes) -> bytes:
        """Start a handshake as initiator and return Noise message 1."""
        self._setup(prologue)
        quirk = self.quirks.negotiation.message1
        if self.noise is None:
            return self._ephemeral().public if quirk is None else quirk
        early = self.noise.setup.pattern == "NNpsk0"
        message = self.noise.write(self._payload() if early else self.quirks.handshake.payload1)
        return message if quirk is None else quirk

    def _setup(self, prologue: bytes) -> None:
        suite = self.known_suite
        quirk, identity = self.quirks.handshake, self.config.identity
        self.prologue = prologue if quirk.prologue is None else quirk.prologue
        static = identity.static
        if quirk.static is not None:
            static = KeyPair(quirk.static)
        elif quirk.static_private is not None:
            static = KeyPair.of(quirk.static_private)
        if suite is None:
            self.noise = None
            return
        self.noise = Handshake(
            Setup(
                pattern=suite.pattern,
                cipher=quirk.cipher or suite.cipher,
                initiator=self.config.role == "initiator",
                prologue=self.prologue,
                static=static,
                psk=identity.psk if quirk.psk is None else quirk.psk,
                ephemeral=self._ephemeral,
                hash_name=quirk.hash_name or suite.name,
                key_name=quirk.key_name or suite.name,
            )
        )

    def _state(self) -> Handshake:
        if self.noise is None:
            raise NoiseError("no handshake is under way")
        return self.noise

    def _ephemeral(self) -> KeyPair:
        fixed = self.quirks.handshake.ephemeral
        return KeyPair.of(self._entropy(32)) if fixed is None else KeyPair(fixed)

    def _payload(self) -> bytes:
        state = self._state()
        if self.quirks.handshake.payload is not None:
            return self.quirks.handshake.payload
        return pack(own_body(state.setup.pattern, self.config.identity, self.quirks.certificate))

    def _application(self) -> bytes:
        usual = PROLOGUES.get(self.version, b"SIPC/%d" % self.version)
        if self.config.datagram:
            usual = DATAGRAM_PROLOGUE if self.version == 1 else usual + b" D"
        quirk = self.quirks.handshake.application
        return usual if quirk is None else quirk

    def _retried(self) -> bytes:
        parts = (self.offer_bytes, self.first_message, self.retry_bytes, self.choice_bytes)
        return retried_prologue(parts, self._application())

    def _last_frame(self, message: bytes) -> bytes:
        quirk = self.quirks.handshake
        message = message[: len(message) - TAG + quirk.tag_bytes]
        if quirk.tag_flip and message:
            message = message[:-1] + bytes([message[-1] ^ quirk.tag_flip])
        return counted(quirk.message_negotiation) + counted(message + quirk.tail)
