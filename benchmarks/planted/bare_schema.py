"""The planted parser under atheris with the wire schema as its custom mutator, as anybody would write it.

`python -m benchmarks.planted.bare_schema LIBFUZZER-OPTIONS`. The bugs count as refusals: what is measured is the rate.
"""

import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["benchmarks.planted.parser"]):
    from benchmarks.planted import parser

from benchmarks.planted.targets import SCHEMA

_RNG = Random(7)  # noqa: S311 - the same inputs each time


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Make an input of another one."""
    del seed
    return SCHEMA.mutate(data, _RNG)[:most]


def one(data: bytes) -> None:
    """Parse one input."""
    try:
        parser.parse(data)
    except (parser.Refused, parser.MagicBug, parser.NestedBug, parser.SessionBug):
        return


atheris.Setup(sys.argv, one, custom_mutator=mutate)
atheris.Fuzz()
