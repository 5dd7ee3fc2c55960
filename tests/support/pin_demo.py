"""A small parser with every kind of check, and targets of it: what `fuzz pin` is tried on."""

import re
from dataclasses import dataclass

from ipc_gauntlet.fuzz import Target

MAGIC = b"PD"
LONGEST = 12
_NAME = re.compile(rb"[a-c]{1,4}")


class Refused(Exception):
    """The parser says no."""

    reason = "malformed"

    def __init__(self, message: str, *, reason: str = "malformed") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Pair:
    """What a pair of fields says."""

    name: bytes
    number: int


def parse(data: bytes) -> list[Pair]:
    """Read magic, count, then fields: length, name, number."""
    if len(data) < 3 or data[:2] != MAGIC:
        raise Refused("no magic")
    count = data[2]
    at = 3
    found: list[Pair] = []
    while len(found) < count:
        pair, at = _pair(data, at)
        if found and pair.name <= found[-1].name:
            raise Refused("names out of order")
        found.append(pair)
    if at != len(data):
        raise Refused("something behind it")
    return found


def _pair(data: bytes, at: int) -> tuple[Pair, int]:
    try:
        length = data[at]
    except IndexError:
        raise Refused("ends early") from None
    if length > LONGEST:
        raise Refused("too long", reason="limit")
    end = at + 1 + length
    if end + 1 > len(data):
        raise Refused("ends inside a pair")
    name = data[at + 1 : end]
    if not _NAME.fullmatch(name):
        raise Refused("not a name")
    return Pair(name, data[end]), end + 1


def encode(pairs: list[Pair]) -> bytes:
    """The other direction: nothing of it is a check of the parser."""
    if len(pairs) > 255:
        raise Refused("too many")
    return (
        MAGIC
        + bytes((len(pairs),))
        + b"".join(bytes((len(one.name),)) + one.name + bytes((one.number,)) for one in pairs)
    )


def power(data: bytes) -> int:
    """Without its check it computes for ever, in one call that no count of steps reaches."""
    if len(data) > 2:
        raise Refused("too large", reason="limit")
    return int.from_bytes(data) % 1000 + 7 ** (len(data) * len(data) ** 8) % 10


SEEDS = (encode([Pair(b"a", 1), Pair(b"bc", 2)]), encode([]))

TARGETS = (
    Target(
        name="demo.pairs",
        title="Pairs of names and numbers.",
        layer="other",
        parse=parse,
        rejects=(Refused,),
        measured=("pin_demo",),
        seeds=lambda: SEEDS,
        encode=encode,
        longest=64,
        reference_parser="pairs",
    ),
    Target(
        name="demo.power",
        title="A parser with a mutant that hangs where no step is counted.",
        layer="other",
        parse=power,
        rejects=(Refused,),
        measured=("pin_demo",),
        seeds=lambda: (b"\x02", b"\x01\x02\x03" * 4),
        longest=64,
    ),
)
