"""Targets for the tests of the portable engine."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import portable_parser as parser

from ipc_gauntlet.fuzz import Part, Target


class Careless:
    """A structure that raises."""

    def generate(self, rng: Random) -> bytes:
        """Fine."""
        return rng.randbytes(4)

    def mutate(self, data: bytes, rng: Random) -> bytes:
        """Not fine."""
        raise IndexError(len(data) + int(rng.random()))

    def smaller(self, data: bytes) -> Iterator[bytes]:
        """Nothing."""
        return iter(())

    def explain(self, data: bytes) -> list[Part]:
        """Nothing."""
        return []


def _target(name: str, parse: Callable[[bytes], object], *seeds: bytes, **more: Any) -> Target:  # noqa: ANN401
    return Target(
        name=f"toy.{name}",
        title="A toy.",
        layer="other",
        parse=parse,
        rejects=(parser.Refused,),
        reason=str,
        measured=("portable_parser",),
        seeds=lambda: seeds,
        **more,
    )


TARGETS = (
    _target("steps", parser.steps),
    _target("sums", parser.sums, b"abcdefgh"),
    _target("numbers", parser.numbers, b"1,20", encode=parser.written, canonical=True),
    _target("leaks", parser.leaks, b"k", residue=lambda: len(parser.KEPT)),
    _target("remembers", parser.remembers, b"k", residue=lambda: len(parser.REMEMBERED)),
    _target("caches", parser.remembers, b"k", residue=lambda: len(parser.KNOWN)),
    _target("quits", parser.quits, b"quit", b"recursion"),
    _target("spins", parser.spins, b"hang"),
    _target("waits", parser.waits, b"hang"),
    _target("backtracks", parser.backtracks, b"hang"),
    _target("grows", parser.grows, b"memory"),
    _target("slowly", parser.slowly),
    _target("careless", parser.slowly, structure=Careless()),
    Target(name="toy.elsewhere", title="A toy.", layer="other", parse=bytes, measured=("textwrap",)),
)
