"""The formats of docs/sipc1.md as wire schemas."""

from __future__ import annotations

from ipc_gauntlet.fuzz.mutate.cbor import (
    CborAny,
    CborArray,
    CborBytes,
    CborInt,
    CborMap,
    CborOneOf,
    CborSimple,
    CborText,
    CborTuple,
    Entry,
)
from ipc_gauntlet.fuzz.mutate.fields import Node, Scope
from ipc_gauntlet.fuzz.mutate.schema import (
    Bytes,
    Choice,
    Const,
    Count,
    Field,
    Int,
    Length,
    Maybe,
    Padding,
    Raw,
    Record,
    Repeat,
    Span,
    Text,
)
from sipc_targets.material import ISSUER, material, names

MAX_UINT = (1 << 64) - 1
_SUITES = {
    0x0001: "XX",
    0x0002: "XX AESGCM",
    0x0011: "NNpsk0",
    0x0012: "NNpsk0 AESGCM",
    0x0021: "XXpsk3",
    0x0A0A: "grease",
}
_INITIATOR, _RESPONDER, _SERVICE, _PSK_ID = (name.encode() for name in names())

# --- section 4: negotiation ---

_VERSION = Int("version", low=1, samples=(1, 127))
_SUITE = Int("suite", 2, words=_SUITES)
OFFER = Record(
    "offer",
    (
        Int("lowest", low=1, samples=(1,)),
        Int("highest", low=1, samples=(1, 1, 127)),
        Int("chosen", low=1, samples=(1,)),
        Count("n", of="suites", high=16),
        Repeat("suites", _SUITE, 1, 16),
        Length("psk_id_length", of=("psk_id",), high=64),
        Text("psk_id", high=64, samples=(b"", _PSK_ID)),
        Length("service_length", of=("service",), low=1),
        Text("service", low=1, high=255, samples=(_SERVICE,)),
    ),
)
RETRY = Record("retry", (_VERSION, _SUITE, Int("reserved", samples=(0,)), Int("reserved2", 2, samples=(0,))))
CHOICE = Record("choice", (_VERSION, _SUITE))
REJECT = Record(
    "reject",
    (
        Int("highest", samples=(1, 127)),
        Int("reserved", 2, samples=(0,)),
        Int("code", words={1: "version", 2: "suite", 3: "busy"}),
        Int("retry_after_ms", 2),
    ),
)
NEGOTIATION = Record(
    "negotiation",
    (
        Const("magic", b"SIPC"),
        Int("kind", high=3, words={0: "OFFER", 1: "RETRY", 2: "CHOICE", 3: "REJECT"}),
        Choice("body", by="kind", cases={0: OFFER, 1: RETRY, 2: CHOICE, 3: REJECT}),
    ),
)


def only(kind: int) -> Record:
    """Negotiation data of one kind."""
    body = (OFFER, RETRY, CHOICE, REJECT)[kind]
    return Record("negotiation", (Const("magic", b"SIPC"), Const("kind", bytes((kind,))), Span("", body)))


HANDSHAKE_FRAME = Record(
    "frame",
    (
        Length("negotiation_length", 2, of=("negotiation",), high=362),
        Maybe("negotiation", NEGOTIATION, 0.7),
        Length("message_length", 2, of=("message",)),
        Bytes("message", high=96),
    ),
)

# --- section 5: payloads ---


def payload(body: Field, name: str = "payload") -> Record:
    """A body with its length and its padding."""
    return Record(
        name,
        (
            Length("body_length", 2, of=("body",)),
            Span("body", body),
            Padding("padding", over=("body_length", "body"), multiple=64),
        ),
    )


_MADE = material()
CERTIFICATES = CborMap(
    "certificates",
    (
        Entry(
            1,
            CborArray(
                "chain",
                CborBytes("certificate", high=8192, samples=(_MADE.initiator, _MADE.responder, _MADE.root)),
                1,
                3,
            ),
        ),
    ),
    others=(0, 2, 64),
)
NAMES = CborMap(
    "names",
    (
        Entry(2, CborText("own", samples=(_INITIATOR, _RESPONDER))),
        Entry(3, CborText("other", samples=(_RESPONDER, _INITIATOR))),
    ),
    others=(1, 4, 64),
)
BODIES = {0: CERTIFICATES, 1: NAMES}

# --- section 9: control records ---

READY = CborMap(
    "ready",
    (
        Entry(0, CborInt("max_message", 1 << 10, 1 << 24, (1 << 10, 1 << 20))),
        Entry(1, CborInt("max_inflight", 1, 0xFFFF, (1, 64))),
        Entry(2, CborInt("rekey_after_records", 2, 1 << 32, (2, 3, 1 << 20))),
        Entry(3, CborInt("idle_ms", 1, 86_400_000, (60_000,))),
        Entry(4, CborArray("features", CborInt("feature", 0, 0xFFFF), 0, 64)),
    ),
)
_COUNTER = (0, 1, 2, 3)
CLOSE = CborMap(
    "close",
    (
        Entry(0, CborInt("reason", samples=(0, 1, 2))),
        Entry(1, CborInt("sent", samples=_COUNTER)),
        Entry(2, CborInt("processed", samples=_COUNTER)),
    ),
)
ERROR = CborMap(
    "error", (Entry(0, CborInt("code", 1, 255, (1, 2))), Entry(1, CborBytes("reference", size=8)))
)

# --- sections 13, 18, 19: messages, signatures, tokens ---

_METHODS = (b"app.echo", b"app.message", b"a.b", b"app.write_file")
_METHOD = CborText("method", 3, 128, _METHODS)
TOKEN_CLAIMS = CborMap(
    "claims",
    (
        Entry(1, CborText("iss", 1, 255, (ISSUER.encode(),))),
        Entry(2, CborText("sub", 1, 255, (_INITIATOR,))),
        Entry(3, CborText("aud", 1, 255, (_RESPONDER,))),
        Entry(4, CborInt("exp", samples=(int(_MADE.wall) + 60, int(_MADE.wall) + 3600))),
        Entry(5, CborInt("nbf", samples=(int(_MADE.wall),)), 0.3),
        Entry(6, CborInt("iat", samples=(int(_MADE.wall),))),
        Entry(7, CborBytes("cti", size=16)),
        Entry(8, CborMap("cnf", (Entry(1, CborBytes("binding", size=32, samples=(b"b" * 32,))),)), 0.3),
        Entry(-65537, CborArray("ops", _METHOD, 1, 64)),
        Entry(-65539, CborText("purpose", 1, 255, (b"test",)), 0.3),
        Entry(-65540, CborInt("label", 0, 3), 0.3),
        Entry(-65541, CborInt("uses", 1, 1 << 32), 0.3),
    ),
)
TOKEN = CborTuple(
    "token",
    (
        CborBytes("protected", inner=CborMap("header", (Entry(1, CborInt("alg", -8, -8, (-8,))),))),
        CborMap("unprotected"),
        CborBytes("payload", inner=TOKEN_CLAIMS),
        CborBytes("signature", size=64),
    ),
)
_HOP = CborTuple("hop", (CborText("who"), CborText("operation"), CborBytes("digest")))
_ERR = CborMap(
    "err",
    (
        Entry(0, CborBytes("reference", size=8), 0.8),
        Entry(1, CborSimple("retryable"), 0.8),
        Entry(2, CborInt("retry_after_ms", 0, 600_000), 0.4),
    ),
)
_MID = CborInt("mid", samples=_COUNTER)
_ONCE = CborTuple("once", (CborBytes("id", size=16), CborInt("expires", samples=(int(_MADE.wall) + 60,))))


def _message(name: str, kind: int, *entries: Entry) -> CborMap:
    common = (
        Entry(0, CborInt("ver", 1, 1, (1,))),
        Entry(1, CborInt("kind", kind, kind, (kind,))),
        Entry(2, _MID),
        Entry(13, CborBytes("trace", size=25), 0.1),
        Entry(17, CborArray("crit", CborInt("key", samples=(10, 14, 18, 64)), 1, 64), 0.1),
    )
    return CborMap(name, (*common, *entries))


_CALL = (
    Entry(4, _METHOD),
    Entry(5, CborInt("schema", samples=(1,)), 0.2),
    Entry(9, CborText("purpose", 1, 128, (b"test",)), 0.2),
    Entry(10, CborBytes("cap", 1, 1 << 16, inner=TOKEN), 0.1),
    Entry(12, CborBytes("okey", 0, 32), 0.2),
)
_CONTENT = (
    Entry(8, CborInt("label", 0, 3), 0.3),
    Entry(11, CborArray("prov", _HOP, 0, 16), 0.1),
    Entry(14, CborOneOf("body", (CborBytes("body", samples=(b"hello", b"")), CborAny("body"))), 0.8),
)
_SIGNED = (
    Entry(18, CborText("from", 1, 255, (_INITIATOR,)), 0.1),
    Entry(19, CborText("to", 1, 255, (_RESPONDER,)), 0.1),
    Entry(20, CborBytes("sig", size=64), 0.1),
    Entry(21, _ONCE, 0.1),
)
_ALWAYS_SIGNED = tuple(Entry(entry.key, entry.value) for entry in _SIGNED)
_IDEM = Entry(6, CborBytes("idem", 16, 32, samples=(b"k" * 16,)), 0.3)
_BUDGET = Entry(7, CborInt("budget", 1, 600_000, (1, 1000, 30_000)))

REQUEST = _message("request", 0, *_CALL, _IDEM, _BUDGET, *_CONTENT, *_SIGNED)
RESPONSE = _message(
    "response",
    1,
    Entry(3, CborInt("corr", samples=_COUNTER)),
    *_CONTENT,
    Entry(15, CborInt("status", 0, 255, (0, 0, 0, 4))),
    Entry(16, _ERR, 0.1),
)
EVENT = _message("event", 2, *_CALL, *_CONTENT, *_SIGNED)
CANCEL = _message("cancel", 3, Entry(3, CborInt("corr", samples=_COUNTER)))
SIGNED_REQUEST = _message("request", 0, *_CALL, _BUDGET, *_CONTENT, *_ALWAYS_SIGNED)


class _Message(CborOneOf):
    """One of the four kinds, told apart by the fifth byte where it is where it should be."""

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        kind = text[pos + 4] if pos + 4 < end else 0
        return self.choices[kind if kind < len(self.choices) else 0].read(text, pos, end, scope)


MESSAGE = _Message("message", (REQUEST, RESPONSE, EVENT, CANCEL))

# --- sections 9 and 20: records ---

RECORD_TYPES = {
    1: "READY",
    2: "MSG",
    3: "PING",
    4: "PONG",
    5: "REKEY",
    6: "CLOSE",
    7: "ERROR",
    8: "fatal",
    0x80: "ignorable",
}


def record_body(message: Field) -> Record:
    """Type, flags and payload of a record.

    Args:
        message: What a MSG record carries.
    """
    eight = Bytes("bytes", size=8, samples=(bytes(8), (1).to_bytes(8)))
    cases: dict[int, Field] = {
        1: READY,
        2: message,
        3: eight,
        4: eight,
        5: Raw("nothing"),
        6: CLOSE,
        7: ERROR,
    }
    return Record(
        "record",
        (
            Int("type", words=RECORD_TYPES, samples=(2, 2, 2)),
            Int("flags", samples=(0, 1, 2, 3, 3, 3)),
            Choice(
                "content", by="type", cases={key: Span(RECORD_TYPES[key], one) for key, one in cases.items()}
            ),
        ),
    )


RECORD = record_body(MESSAGE)
PLAINTEXT = payload(RECORD, "plaintext")
