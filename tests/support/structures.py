"""Structures for tests, and the laws that every structure keeps."""

import zlib
from itertools import pairwise, zip_longest
from random import Random

from ipc_gauntlet.fuzz import Part, Structure
from ipc_gauntlet.fuzz.mutate.cbor import CborArray, CborBytes, CborInt, CborMap, CborText, Entry
from ipc_gauntlet.fuzz.mutate.schema import (
    Bytes,
    Checksum,
    Choice,
    Const,
    Count,
    Int,
    Length,
    Maybe,
    Padding,
    Record,
    Repeat,
    Schema,
    Span,
    Text,
    tlv,
)

CLAIMS = CborMap(
    "claims",
    (
        Entry(1, CborText("iss", samples=(b"issuer",))),
        Entry(4, CborInt("exp", high=2**32)),
        Entry(8, CborMap("cnf", (Entry(1, CborBytes("key", size=32)),)), chance=0.3),
        Entry(-65537, CborArray("ops", CborText("op", samples=(b"a.b", b"c.d")), 1, 4)),
    ),
)


def chance(seed: int) -> Random:
    """What decides in a test."""
    return Random(seed)  # noqa: S311 - a test has to come out the same every time


def crc(data: bytes) -> bytes:
    """Four bytes."""
    return zlib.crc32(data).to_bytes(4)


MESSAGE = Record(
    "message",
    (
        Const("magic", b"MSG"),
        Int("kind", words={0: "claims", 1: "list", 2: "text"}),
        Length("size", 2, of=("body",)),
        Choice(
            "body",
            by="kind",
            cases={
                0: CLAIMS,
                1: Record("list", (Count("count", of="items"), Repeat("items", Int("number", 2), 1, 8))),
                2: Text("text", samples=(b"hello",)),
            },
        ),
        Checksum("crc", size=4, over=("magic", "kind", "size", "body"), compute=crc),
    ),
)
PADDED = Record(
    "padded",
    (
        Length("length", 2, of=("body",), order="little"),
        Maybe("body", Span("", tlv("items", {1: Int("one"), 2: Bytes("two")}))),
        Padding("padding", over=("length", "body"), multiple=16),
    ),
)


def check_laws(structure: Structure, data: bytes, seed: int) -> None:
    """What holds for any bytes: nothing raises, one seed does the same, smaller is smaller, explain tells all."""
    assert structure.mutate(data, chance(seed)) == structure.mutate(data, chance(seed))
    assert structure.generate(chance(seed)) == structure.generate(chance(seed))
    check_parts(structure.explain(data), data)
    less = list(structure.smaller(data))
    assert all((len(one), one) < (len(data), data) for one in less)
    assert all(len(one) <= len(other) for one, other in pairwise(less))
    assert list(structure.smaller(data)) == less


def check_parts(parts: list[Part], data: bytes) -> None:
    """The innermost parts are the whole input, in order; each group is as long as what is in it."""
    inner = [one for one, after in zip_longest(parts, parts[1:]) if after is None or after.depth <= one.depth]
    at = 0
    for part in inner:
        assert part.offset == at, part
        assert part.length > 0
        at += part.length
    assert at == len(data)
    assert all(part.path for part in parts)
    assert all(part.offset + part.length <= len(data) for part in parts)


SCHEMAS = (Schema(MESSAGE), Schema(PADDED), Schema(CLAIMS))
