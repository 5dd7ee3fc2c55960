"""Targets around the toy parser."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from random import Random

import toy_parser

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.target import Part

SEEDS = (b"BOX\x00\x02ab", b"BOX\x01\x01a", b"BOX\x02\x03abc")


class Boxes:
    """The structure of a box."""

    def generate(self, rng: Random) -> bytes:
        return self._box(rng, rng.randbytes(rng.randrange(4)))

    def mutate(self, data: bytes, rng: Random) -> bytes:
        body = bytearray(data[5:])
        if body:
            body[rng.randrange(len(body))] = rng.choice(b"\x00\x90\xd0\xf0")
        if rng.random() < 0.5:
            body.append(rng.choice(b"a\xf0"))
        return self._box(rng, bytes(body[:255]))

    def smaller(self, data: bytes) -> Iterator[bytes]:
        yield from (data[:5], data[:-1]) if len(data) > 5 else ()

    def explain(self, data: bytes) -> list[Part]:
        return [Part(0, len(data), "rest", data.hex())]

    def _box(self, rng: Random, body: bytes) -> bytes:
        return b"BOX" + bytes([rng.randrange(4), len(body)]) + body


class Broken(Boxes):
    """A structure that does what none may do."""

    def mutate(self, data: bytes, rng: Random) -> bytes:
        raise LookupError("structure")


kept: list[bytes] = []


def keeps(data: bytes) -> object:
    """Keeps what it refuses."""
    try:
        return toy_parser.parse(data)
    except toy_parser.Refused:
        if len(data) > 3:
            kept.append(data)
        raise


def dies(data: bytes) -> object:
    """Ends the process."""
    value = toy_parser.parse(data)
    if value[0] == 0x77:
        os.abort()
    return value


def hangs(data: bytes) -> object:
    """Does not come back."""
    value = toy_parser.parse(data)
    while value[0] == 0x77:
        time.sleep(0.01)
    return value


def told(data: bytes) -> object:
    """What a driver's answer has as the value."""
    kind, body = toy_parser.parse(data)
    return {"kind": kind, "body": base64.b64encode(body).decode()}


def target(name: str, **members: object) -> Target:
    """A target of the toy parser."""
    usual: dict[str, object] = {
        "parse": toy_parser.parse,
        "rejects": (toy_parser.Refused,),
        "measured": ("toy_parser", "toy_parser_late"),
        "seeds": lambda: SEEDS,
        "title": "Boxes.",
        "layer": "other",
        "longest": 64,
    }
    return Target(name=f"toy.{name}", **{**usual, **members})  # type: ignore[arg-type]


TARGETS = (
    target("box"),
    target("structured", structure=Boxes()),
    target("broken", structure=Broken()),
    target("canonical", encode=toy_parser.encode, canonical=True, tokens=(b"BOX\x09\x00",)),
    target("keeps", parse=keeps, residue=lambda: len(kept)),
    target("dies", parse=dies, tokens=(b"\x77",)),
    target("driven", reference_parser="box", told=told, tokens=(b"\x77\x00",)),
    target("hangs", parse=hangs, tokens=(b"\x77",)),
)
