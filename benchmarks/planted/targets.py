"""The parser with planted bugs as fuzz targets: without and with its wire schema. No seeds: everything has to be found."""

import zlib

from benchmarks.planted import parser
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import (
    Bytes,
    Checksum,
    Const,
    Field,
    Int,
    Length,
    Record,
    Repeat,
    Schema,
    Span,
    tlv,
)

MEASURED = ("benchmarks.planted.parser",)
_HEAD = ("magic", "version", "type", "flags", "session", "sequence", "length", "body")


def _items(levels: int) -> Field:
    if not levels:
        return Bytes("value", high=8)
    nested = _items(levels - 1)
    return tlv(
        "items", {1: Bytes("text", high=8), 2: Bytes("number", size=4), 0x80: nested, 0x81: nested}, high=4
    )


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


FRAME = Record(
    "frame",
    (
        Const("magic", parser.MAGIC),
        Int("version", words={parser.VERSION: "2"}),
        Int("type", words={1: "hello", 2: "accept", 3: "data", 4: "close"}),
        Int("flags", words={0: "none", parser.REKEY: "rekey", parser.LAST: "last"}),
        Int("session", 4),
        Int("sequence", 4),
        Length("length", 2, of=("body",)),
        Span("body", _items(4)),
        Checksum("crc", size=4, over=_HEAD, compute=_crc),
    ),
)

SCHEMA = Schema(Repeat("frames", FRAME, high=6))

TARGETS = tuple(
    Target(
        name=name,
        title="A parser with three planted bugs.",
        layer="other",
        parse=parser.parse,
        rejects=(parser.Refused,),
        measured=MEASURED,
        structure=structure,
    )
    for name, structure in (
        ("planted.bytes", None),
        ("planted.structured", SCHEMA),
    )
)
