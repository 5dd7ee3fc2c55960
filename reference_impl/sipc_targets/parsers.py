"""Targets for everything that is parsed in one go, from negotiation to tokens."""

from __future__ import annotations

from collections.abc import Iterator

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.cbor import ANY
from ipc_gauntlet.fuzz.mutate.schema import Schema, Span
from ipc_gauntlet.peer import cbor as spelling
from sipc import cbor, control, envelope, handshake_payload, idempotency, negotiation, records
from sipc.envelope import Envelope
from sipc.errors import MalformedError, ProtocolError
from sipc_targets import seeds, wire

_MALFORMED = (MalformedError,)
Negotiation = negotiation.Offer | negotiation.Reject | tuple[negotiation.Kind, negotiation.Selection] | None


def read_negotiation(data: bytes) -> Negotiation:
    """What a party makes of the negotiation field of a frame."""
    kind = negotiation.kind_of(data)
    if kind is negotiation.Kind.NONE:
        return None
    if kind is negotiation.Kind.OFFER:
        return negotiation.Offer.parse(data)
    if kind is negotiation.Kind.REJECT:
        return negotiation.Reject.parse(data)
    read = negotiation.parse_retry if kind is negotiation.Kind.RETRY else negotiation.parse_choice
    return kind, read(data)


def write_negotiation(value: Negotiation) -> bytes:
    """The one encoding of it."""
    if value is None:
        return b""
    if isinstance(value, tuple):
        kind, selection = value
        write = negotiation.encode_retry if kind is negotiation.Kind.RETRY else negotiation.encode_choice
        return write(selection)
    return value.encode()


def read_message(data: bytes) -> Envelope:
    """Decode a message, and do with it what is done before anybody acts on it."""
    message = envelope.decode(data)
    kind = message.kind
    read: list[object] = [
        repr(message),
        kind,
        message.mid,
        message.trace,
        message.extensions,
        message.is_signed,
    ]
    if kind in (envelope.Kind.REQUEST, envelope.Kind.EVENT):
        read += [message.method, message.schema, message.label, message.purpose, message.okey, message.token]
    if kind is envelope.Kind.REQUEST:
        read += [message.idem, message.budget_ms, message.body]
    elif kind is envelope.Kind.RESPONSE:
        read += [message.corr, message.status, message.retryable, message.body]
    return message


def fingerprint(data: bytes) -> bytes:
    """The fingerprint of a request; it cannot fail for one that was accepted."""
    message = envelope.decode(data)
    if message.kind is not envelope.Kind.REQUEST:
        raise ProtocolError("only requests have fingerprints")
    return idempotency.fingerprint(message, message.body)


def _broken() -> Iterator[bytes]:
    """One input for each way to spell a value wrongly."""
    yield from (
        spelling.wide(1, 1).data,
        spelling.pairs([(2, 0), (1, 0)]).data,
        spelling.pairs([(1, 0), (1, 0)]).data,
        spelling.indefinite([1]).data,
        spelling.tagged(1, 1).data,
        spelling.floating(1.0).data,
        spelling.text_of(b"\xed\xa0\x80").data,
        spelling.encode(spelling.nested(16)),
        spelling.encode(spelling.nested(17)),
    )


def _cbor_seeds() -> Iterator[bytes]:
    yield from (
        cbor.encode({1: b"x", 2: [1, None, True]}),
        cbor.encode("text"),
        cbor.encode(["a", -1, {b"b": {}}]),
    )
    yield from (
        cbor.encode([0, 23, 24, 255, 256, 65536, 1 << 32, -1, -25, -(1 << 64)]),
        cbor.encode(b"b" * 300),
    )
    yield from _broken()


def _negotiation() -> Iterator[Target]:
    yield Target(
        name="sipc.negotiation",
        title="Negotiation data of any kind: one encoding each, everything else is malformed.",
        layer="negotiation",
        parse=read_negotiation,
        encode=write_negotiation,
        canonical=True,
        rejects=_MALFORMED,
        measured=("sipc.negotiation",),
        seeds=seeds.negotiation,
        tokens=(b"SIPC\0", b"SIPC\1", b"SIPC\2", b"SIPC\3"),
        structure=Schema(wire.NEGOTIATION),
        reach=(
            "sipc.negotiation:Offer.parse",
            "sipc.negotiation:Reject.parse",
            "sipc.negotiation:parse_retry",
            "sipc.negotiation:parse_choice",
            "sipc.negotiation:_counted",
        ),
        reference_parser="negotiation",
        longest=512,
    )
    yield Target(
        name="sipc.negotiation.offer",
        title="An OFFER by itself.",
        layer="negotiation",
        parse=negotiation.Offer.parse,
        encode=negotiation.Offer.encode,
        canonical=True,
        rejects=_MALFORMED,
        measured=("sipc.negotiation",),
        seeds=lambda: [one for one in seeds.negotiation() if one[4:5] == b"\0"],
        tokens=(b"SIPC\0",),
        structure=Schema(wire.only(0)),
        reach=("sipc.negotiation:Offer.parse", "sipc.negotiation:_counted", "sipc.negotiation:_malformed"),
        reference_parser="offer",
        longest=512,
    )


def _payloads() -> Iterator[Target]:
    for name, read, schema, mark in (
        ("certificates", handshake_payload.read_certificates, wire.CERTIFICATES, "read_certificates"),
        ("names", handshake_payload.read_names, wire.NAMES, "read_names"),
    ):
        yield Target(
            name=f"sipc.handshake.payload.{name}",
            title=f"The {name} in the payload of a handshake message, with length and padding.",
            layer="handshake",
            parse=read,
            rejects=_MALFORMED,
            measured=("sipc.handshake_payload", "sipc.framing", "sipc.cbor"),
            seeds=seeds.chains if name == "certificates" else seeds.name_pairs,
            tokens=(b"\xa1\x01\x81", b"\xa2\x02\x60\x03\x60", b"\x59\x20\0"),
            structure=Schema(wire.payload(schema)),
            reach=(f"sipc.handshake_payload:{mark}", "sipc.framing:unpad", "sipc.cbor:_decode_map"),
            longest=2048,
        )


def _control() -> Iterator[Target]:
    yield Target(
        name="sipc.control.ready",
        title="READY: what a peer announces; no number may mean for ever.",
        layer="record",
        parse=control.decode_ready,
        rejects=_MALFORMED,
        measured=("sipc.control", "sipc.cbor"),
        seeds=seeds.readies,
        structure=Schema(wire.READY),
        reach=("sipc.control:decode_ready", "sipc.control:_fields", "sipc.control:_number"),
        residue=lambda: control.decode_ready.cache_info().currsize,
        reference_parser="ready",
        longest=1024,
    )
    yield Target(
        name="sipc.control.close",
        title="CLOSE: counts that both sides compare.",
        layer="record",
        parse=control.decode_close,
        rejects=_MALFORMED,
        measured=("sipc.control", "sipc.cbor"),
        seeds=seeds.closes,
        structure=Schema(wire.CLOSE),
        reach=("sipc.control:decode_close", "sipc.control:_fields"),
        reference_parser="close",
        longest=1024,
    )
    yield Target(
        name="sipc.control.error",
        title="ERROR: a code and a reference.",
        layer="record",
        parse=control.decode_error,
        rejects=_MALFORMED,
        measured=("sipc.control", "sipc.cbor"),
        seeds=seeds.errors,
        structure=Schema(wire.ERROR),
        reach=("sipc.control:decode_error", "sipc.control:_fields"),
        longest=1024,
    )


def _messages() -> Iterator[Target]:
    marks = (
        "sipc.envelope:check_fields",
        "sipc.envelope:_check_response",
        "sipc.envelope:_require_understood",
    )
    yield Target(
        name="sipc.envelope",
        title="A message: the grammar of section 13 over deterministic CBOR, and the shortcut for the usual shapes.",
        layer="envelope",
        parse=read_message,
        encode=envelope.encode,
        canonical=True,
        rejects=(MalformedError, envelope.UnsupportedEnvelope),
        measured=("sipc.envelope", "sipc.shapes", "sipc.cbor"),
        seeds=seeds.messages,
        tokens=(b"app.echo", b"\xa5\x00\x01\x01", b"\xa6\x00\x01\x01", b"\x0e\x40", b"\x11\x81", b"\x18\x40"),
        structure=Schema(wire.MESSAGE),
        reach=(
            *marks,
            "sipc.shapes:decode",
            "sipc.envelope:_hop",
            "sipc.envelope:_err",
            "sipc.envelope:_once",
        ),
        reference_parser="envelope",
    )
    yield Target(
        name="sipc.idempotency",
        title="The fingerprint of every request that is accepted can be computed.",
        layer="envelope",
        parse=fingerprint,
        rejects=(MalformedError, ProtocolError),
        measured=("sipc.idempotency", "sipc.cbor"),
        seeds=seeds.messages,
        structure=Schema(wire.REQUEST),
        reach=("sipc.idempotency:fingerprint",),
    )


def targets() -> Iterator[Target]:
    """All of them."""
    yield Target(
        name="sipc.cbor",
        title="Deterministic CBOR: one encoding for each value, everything else is refused as malformed.",
        layer="cbor",
        parse=cbor.decode,
        rejects=_MALFORMED,
        measured=("sipc.cbor",),
        encode=cbor.encode,
        canonical=True,
        seeds=_cbor_seeds,
        tokens=(
            b"\x18\x18",
            b"\x19\x01\0",
            b"\x1a\0\1\0\0",
            b"\x1b\0\0\0\1\0\0\0\0",
            b"\xf4",
            b"\xf6",
            b"\xa1\0\0",
            b"\x81\0",
        ),
        structure=Schema(ANY),
        reach=(
            "sipc.cbor:_decode_long_keys",
            "sipc.cbor:_argument",
            "sipc.cbor:_decode_string",
            "sipc.cbor:_decode_map",
        ),
        reference_parser="cbor",
    )
    yield from _negotiation()
    yield from _payloads()
    yield Target(
        name="sipc.records.plaintext",
        title="The plaintext of a record: lengths, type and flags.",
        layer="record",
        parse=records.parse_plaintext,
        rejects=(MalformedError, ProtocolError),
        measured=("sipc.records",),
        seeds=seeds.plaintexts,
        structure=Schema(Span("", wire.PLAINTEXT)),
        reach=("sipc.records:parse_plaintext",),
        reference_parser="record",
    )
    yield from _control()
    yield from _messages()
