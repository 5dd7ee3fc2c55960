"""How a peer breaks the rules of docs/sipc1.md: frozen values, grouped by layer. The defaults break none.

They are for what has to happen inside of a step. Everything else, such as frames in a wrong order, comes from taking
the steps one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc_gauntlet.peer.noise import CipherName


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationQuirks:
    """Section 4.

    Args:
        offer: These bytes are the OFFER, whatever the configuration says.
        suites: The OFFER lists exactly these numbers, also too many or none.
        versions: The OFFER's lowest, highest and chosen version.
        psk_id: The OFFER's psk_id.
        service: The OFFER's service.
        trailing: Bytes behind the end of every negotiation structure.
        reserved: The reserved bytes of a RETRY.
        retry: A responder answers every OFFER with a RETRY to this version and suite.
        retries: How many RETRY frames it sends at once.
        reject: A responder answers every OFFER with a REJECT of this code and retry_after_ms.
        choice: An initiator answers a RETRY with a CHOICE of this version and suite, and goes on as asked.
        accept_as: A responder goes on under this version and suite as if they had been the offer's beginning.
        message1: These bytes stand in place of the Noise message 1 of an OFFER or CHOICE.
    """

    offer: bytes | None = None
    suites: tuple[int, ...] | None = None
    versions: tuple[int, int, int] | None = None
    psk_id: bytes | None = None
    service: bytes | None = None
    trailing: bytes = b""
    reserved: bytes = bytes(3)
    retry: tuple[int, int] | None = None
    retries: int = 1
    reject: tuple[int, int] | None = None
    choice: tuple[int, int] | None = None
    accept_as: tuple[int, int] | None = None
    message1: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeQuirks:
    """Sections 4 (prologue), 5, 7 and 8.

    Args:
        prologue: The whole Noise prologue.
        application: The application prologue within an otherwise right one.
        ephemeral: An ephemeral public key without a private one, such as a point of low order.
        static: A static public key without a private one.
        static_private: The private part of another static key than that of the certificate.
        psk: Another pre-shared key.
        payload1: A payload for XX message 1, which has none.
        payload: The plaintext of this side's other payload, with length and padding if it is to have them.
        tag_bytes: How much is left of the 16 bytes that end this side's last handshake message.
        tag_flip: These bits of the last byte of that message are changed.
        tail: Bytes behind the end of the Noise message, within its frame.
        message_negotiation: The negotiation field of frames in which it must be empty.
        hash_name: The Noise protocol name that the transcript hash begins with, also another suite's.
        key_name: The Noise protocol name that the chaining key begins with.
        cipher: The AEAD, also another suite's; the names stay those of the suite.
    """

    prologue: bytes | None = None
    application: bytes | None = None
    ephemeral: bytes | None = None
    static: bytes | None = None
    static_private: bytes | None = None
    psk: bytes | None = None
    payload1: bytes = b""
    payload: bytes | None = None
    tag_bytes: int = 16
    tag_flip: int = 0
    tail: bytes = b""
    message_negotiation: bytes = b""
    hash_name: str = ""
    key_name: str = ""
    cipher: CipherName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateQuirks:
    """Sections 5 to 7: what the payload claims.

    Args:
        chain: These certificates instead of one's own, also somebody else's or none.
        own_name: The name that the payload of a psk handshake puts first.
        other_name: The name that it puts second.
        body: The payload's body, as it is: any CBOR or none.
    """

    chain: tuple[bytes, ...] | None = None
    own_name: str | None = None
    other_name: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuirks:
    """Sections 9 to 12.

    Args:
        ready: The body of READY behind type and flags, as it is.
        skip_ready: READY is never sent.
        eager_ready: A responder sends READY right behind its last handshake frame, without waiting for the other's.
        ratchet: Whether REKEY changes the sending key.
        rekeys: Whether REKEY is sent when it is due.
        stuck_nonce: Every record is sealed with this nonce.
        tag_bytes: How much of the tag of a record is sent.
        block: A payload is padded to a multiple of this; 1 means no padding.
        fill: The byte that padding consists of.
        length_off: What is added to a payload's length field.
        fragment: The longest fragment of a message.
        first_flag: Whether the first fragment is marked FIRST.
        last_flag: Whether the last fragment is marked LAST.
        sent_off: What is added to the count of messages sent in CLOSE.
        processed_off: What is added to the count of messages processed in CLOSE.
        pong: Answers to PING carry these bytes.
    """

    ready: bytes | None = None
    skip_ready: bool = False
    eager_ready: bool = False
    ratchet: bool = True
    rekeys: bool = True
    stuck_nonce: int | None = None
    tag_bytes: int = 16
    block: int = 64
    fill: int = 0
    length_off: int = 0
    fragment: int = 65468
    first_flag: bool = True
    last_flag: bool = True
    sent_off: int = 0
    processed_off: int = 0
    pong: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeQuirks:
    """Sections 13 to 15.

    Args:
        first_mid: Number of the first message.
        mid_step: What is added to it for each further message.
        corr_off: What is added to the number of the request that a response names.
        copies: How often each response is sent, each time as a message of its own.
        descending: The keys of the map are in the wrong order.
        wide: The map's integers have longer heads than they need.
        without: Keys that are left out.
    """

    first_mid: int = 0
    mid_step: int = 1
    corr_off: int = 0
    copies: int = 1
    descending: bool = False
    wide: bool = False
    without: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingQuirks:
    """When it says something.

    Args:
        stop_after: After a frame of this label nothing more is sent by itself; `nothing` sends nothing at all.
        dribble_s: Frames are sent byte by byte, one every so many seconds; 0 sends them whole.
        pings: Whether PING is answered.
        requests: Whether requests are answered.
        closes: Whether CLOSE is answered.
    """

    stop_after: str = ""
    dribble_s: float = 0.0
    pings: bool = True
    requests: bool = True
    closes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """All of them; a peer with `Quirks()` follows every rule."""

    negotiation: NegotiationQuirks = NegotiationQuirks()
    handshake: HandshakeQuirks = HandshakeQuirks()
    certificate: CertificateQuirks = CertificateQuirks()
    record: RecordQuirks = RecordQuirks()
    envelope: EnvelopeQuirks = EnvelopeQuirks()
    timing: TimingQuirks = TimingQuirks()

    def describe(self) -> list[str]:
        """One line for each value that is not its default."""
        lines = []
        for group in ("negotiation", "handshake", "certificate", "record", "envelope", "timing"):
            chosen = getattr(self, group)
            usual = type(chosen)()
            for name in chosen.__slots__:
                value = getattr(chosen, name)
                if value != getattr(usual, name):
                    lines.append(f"{group}.{name} = {_shown(value)}")
        return lines


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes {value[:16].hex()}"
    if isinstance(value, tuple) and value and isinstance(value[0], bytes):
        return f"{len(value)} byte strings"
    return repr(value)
