"""One side of an SIPC/1 connection in the harness's hands: makes any frame at any time, understands what it hears.

Bytes in, what was heard out; what is made is returned as `Outgoing` and sent by whoever asked for it. Nothing is sent
by itself: `Autopilot` does that.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from ipc_gauntlet.peer.cbor import encode
from ipc_gauntlet.peer.config import Entropy, PeerConfig
from ipc_gauntlet.peer.conversation import Fields, Inbound, Outbound, event, request
from ipc_gauntlet.peer.handshake import Negotiating
from ipc_gauntlet.peer.heard import HeardMessage, HeardRecord, Outgoing
from ipc_gauntlet.peer.payloads import PayloadError, chain_of, names_of, unpack
from ipc_gauntlet.peer.quirks import Quirks
from ipc_gauntlet.peer.records import (
    Opener,
    RecordType,
    Sealer,
    close_body,
    error_body,
    fragments,
    label_of,
)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides of a session have to see alike, once the handshake is done.

    Args:
        version: The version.
        suite: The suite's Noise protocol name.
        mode: How both sides proved who they are.
        handshake_hash: Noise's `h`.
        binding: The channel binding.
        chain: The other side's certificates, unjudged.
        names: Under psk, the names that the other side sent.
        remote_static: The other side's static key.
    """

    version: int
    suite: str
    mode: str
    handshake_hash: bytes
    binding: bytes
    chain: tuple[bytes, ...]
    names: tuple[str, str] | None
    remote_static: bytes


class Peer:
    """A client or a server of SIPC/1 that can also do what it must not.

    Args:
        config: Who it is.
        entropy: Where its ephemeral keys and references come from.
        quirks: How it breaks the rules.
    """

    def __init__(self, config: PeerConfig, entropy: Entropy, quirks: Quirks = Quirks()) -> None:  # noqa: B008 - frozen
        self.config = config
        self.quirks = quirks
        self.negotiating = Negotiating(config, entropy, quirks)
        self.agreed: Agreed | None = None
        self.sealer: Sealer | None = None
        self.opener: Opener | None = None
        self.outbound = Outbound(quirks.envelope)
        self.inbound = Inbound(ordered=not config.datagram)
        self.records: list[HeardRecord] = []
        self.messages: list[HeardMessage] = []
        self.noted: list[str] = []
        self.pings: deque[bytes] = deque()
        self.remote_ready: dict[int, Any] = {}
        self.ready_sent = False
        self.close_sent = False
        self.close_heard = False
        self.error_heard = False
        self.rejected = False
        self.accept_heard = False
        self._entropy = entropy

    @property
    def established(self) -> bool:
        """Whether READY was sent and heard."""
        return self.ready_sent and bool(self.remote_ready)

    @property
    def initiator(self) -> bool:
        """Whether this side began."""
        return self.config.role == "initiator"

    # -- handshake frames -------------------------------------------------------------------------------------------------

    def offer(self) -> Outgoing:
        """OFFER with Noise message 1."""
        return self.negotiating.offer()

    def choice(self) -> Outgoing:
        """CHOICE with a new Noise message 1."""
        return self.negotiating.choice()

    def message3(self) -> Outgoing:
        """Noise message 3, after which there are keys.

        Raises:
            NoiseError: No message 2 was heard, or the pattern has no third.
        """
        made = self.negotiating.message3()
        self.settle()
        return made

    def accept(self) -> Outgoing:
        """Noise message 2 as responder.

        Raises:
            NoiseError: Message 1 is not usable.
        """
        made = self.negotiating.accept()
        self.settle()
        return made

    def retry(self, version: int, suite: int) -> Outgoing:
        """RETRY for a version and a suite."""
        return self.negotiating.retry(version, suite)

    def reject(self, code: int, retry_after_ms: int = 0) -> Outgoing:
        """REJECT with a code."""
        return self.negotiating.reject(code, retry_after_ms)

    # -- records ----------------------------------------------------------------------------------------------------------

    def record(self, record_type: int, body: bytes, flags: int = 0) -> Outgoing:
        """Any record under the present key and nonce.

        Before there are keys, those that `Split()` would give now are used.
        """
        return Outgoing(label_of(record_type), self._sealing().frame(record_type, body, flags))

    def sealed(self, plaintext: bytes, n: int | None = None) -> Outgoing:
        """A frame around any plaintext, with length and padding if they are to be there, under any nonce."""
        return Outgoing("sealed", self._sealing().seal(plaintext, n))

    def ready(self) -> Outgoing:
        """READY with the configured values."""
        quirk = self.quirks.record.ready
        self.ready_sent = True
        return self.record(RecordType.READY, encode(self.config.ready.fields()) if quirk is None else quirk)

    def ping(self, body: bytes = bytes(8)) -> Outgoing:
        """PING."""
        self.pings.append(body)
        return self.record(RecordType.PING, body)

    def pong(self, body: bytes) -> Outgoing:
        """PONG."""
        return self.record(
            RecordType.PONG, body if self.quirks.record.pong is None else self.quirks.record.pong
        )

    def rekey(self) -> list[Outgoing]:
        """REKEY and, unless a quirk forbids it, the new key; in profile D only the next epoch."""
        made = [] if self.config.datagram else [self.record(RecordType.REKEY, b"")]
        self._sealing().rekey()
        return made

    def close(self, reason: int = 0, sent: int | None = None, processed: int | None = None) -> Outgoing:
        """CLOSE with the right counts, quirks apart, or with these."""
        quirk = self.quirks.record
        if sent is None:
            sent = self.outbound.sent + quirk.sent_off
        if processed is None:
            processed = self.inbound.highest + 1 + quirk.processed_off
        self.close_sent = True
        return self.record(RecordType.CLOSE, close_body(reason, sent, processed))

    def error(self, code: int = 1) -> Outgoing:
        """ERROR."""
        return self.record(RecordType.ERROR, error_body(code, self._entropy(8)))

    # -- messages ---------------------------------------------------------------------------------------------------------

    def message(self, fields: Fields) -> list[Outgoing]:
        """A message from its map, as one or more MSG records, with REKEY in front when it is due."""
        return self.payload(self.outbound.encode(fields))

    def payload(self, message: bytes) -> list[Outgoing]:
        """MSG records around any bytes."""
        parts = list(fragments(message, self.quirks.record))
        made = self._rekey_if_due(len(parts))
        return made + [self.record(RecordType.MSG, part, flags) for flags, part in parts]

    def request(self, method: str, body: object, more: Fields | None = None) -> list[Outgoing]:
        """A request."""
        return self.message(request(method, body, more or {}))

    def response(
        self, corr: int, status: int = 0, body: object = None, more: Fields | None = None
    ) -> list[Outgoing]:
        """The response to a request of the other side; more than one if a quirk wants copies."""
        made: list[Outgoing] = []
        for _ in range(self.quirks.envelope.copies):
            made += self.message(self.outbound.response(corr, status, body, more or {}))
        return made

    def event(self, body: object, more: Fields | None = None) -> list[Outgoing]:
        """An event of the test application."""
        return self.message(event(body, more or {}))

    # -- what comes in ------------------------------------------------------------------------------------------------------

    @property
    def responses(self) -> dict[int, list[HeardMessage]]:
        """The responses that came, by the number of their request."""
        found: dict[int, list[HeardMessage]] = {}
        for one in self.messages:
            if one.kind == 1:
                found.setdefault(one.fields.get(3, -1), []).append(one)
        return found

    @property
    def reads_records(self) -> bool:
        """Whether the other side's next frame is a record."""
        return self.accept_heard if self.initiator else self.negotiating.done

    def note(self, text: str) -> None:
        """Keep a breach of the rules by the other side."""
        self.noted.append(text)

    # -- inside -------------------------------------------------------------------------------------------------------------

    def _sealing(self) -> Sealer:
        if self.sealer is None:
            first, second = self.negotiating.early()
            shift = self.config.epoch_bits if self.config.datagram else None
            self.sealer = Sealer(first if self.initiator else second, self.quirks.record, shift)
        return self.sealer

    def settle(self) -> None:
        """Take the keys of the session as soon as the handshake has them."""
        state = self.negotiating
        if state.noise is None or not state.done or self.agreed is not None:
            return
        first, second = state.noise.symmetric.split()
        sending, receiving = (first, second) if self.initiator else (second, first)
        shift = self.config.epoch_bits if self.config.datagram else None
        self.sealer = Sealer(sending, self.quirks.record, shift)
        self.opener = Opener(receiving, shift)
        digest = state.noise.symmetric.h
        suite = state.known_suite
        chain, names = self._claims()
        self.agreed = Agreed(
            version=state.version,
            suite=suite.name if suite else "",
            mode=suite.mode if suite else "",
            handshake_hash=digest,
            binding=hashlib.sha256(b"SIPC/1 cb" + digest).digest(),
            chain=chain,
            names=names,
            remote_static=state.noise.remote_static,
        )

    def _claims(self) -> tuple[tuple[bytes, ...], tuple[str, str] | None]:
        try:
            body = unpack(self.negotiating.remote_payload)
            suite = self.negotiating.known_suite
            if suite is not None and suite.pattern == "NNpsk0":
                return (), names_of(body)
            return chain_of(body), None
        except PayloadError as problem:
            self.note(f"payload of a handshake message: {problem}")
            return (), None

    def _rekey_if_due(self, count: int) -> list[Outgoing]:
        """REKEY if so many more records would use the key up (section 11); the REKEY itself counts."""
        if self.config.datagram or not self.quirks.record.rekeys:
            return []
        own, other = self.config.ready.rekey_after_records, self.remote_ready.get(2)
        limit = min(own, other) if isinstance(other, int) else own
        used = self._sealing().state.sealed
        return self.rekey() if used > 0 and used + count > limit - 1 else []
