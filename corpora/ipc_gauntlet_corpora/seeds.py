"""Inputs to begin with and words to build inputs of, for each fuzz target of SIPC/1: for fuzzers in any language.

Made by `ci/make_fuzz_seeds.py`, never by hand. Each input says what the reference makes of it.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


@dataclass(frozen=True, slots=True)
class Seed:
    """One input.

    Args:
        data: Its bytes.
        verdict: `accepted`, or `rejected:<reason>`.
    """

    data: bytes
    verdict: str


@dataclass(frozen=True, slots=True)
class TargetSeeds:
    """The inputs of a target.

    Args:
        target: Its name.
        layer: What its bytes are: `frame`, `negotiation`, `cbor` and so on.
        title: What is parsed.
        parser: Name of the driver protocol's parser that reads the same bytes; empty if there is none.
        seeds: The inputs.
    """

    target: str
    layer: str
    title: str
    parser: str
    seeds: tuple[Seed, ...]


@cache
def seed_targets() -> tuple[str, ...]:
    """Names of the targets that have seeds, sorted."""
    entries = (entry.name for entry in _folder("seeds").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in entries if name.endswith(".json")))


@cache
def seeds(target: str) -> TargetSeeds:
    """The inputs of a target.

    Raises:
        KeyError: There are none.
    """
    document = _document("seeds", target)
    found = tuple(Seed(bytes.fromhex(one["hex"]), one["verdict"]) for one in document["seeds"])
    return TargetSeeds(document["target"], document["layer"], document["title"], document["parser"], found)


@cache
def dictionary(target: str) -> tuple[bytes, ...]:
    """Byte strings that mean something to a target.

    Raises:
        KeyError: There is no such target.
    """
    return tuple(bytes.fromhex(one) for one in _document("dictionaries", target)["tokens"])


def _folder(name: str) -> Traversable:
    return files("ipc_gauntlet_corpora") / name


def _document(folder: str, target: str) -> dict[str, Any]:
    if target not in seed_targets():
        raise KeyError(target)
    document: dict[str, Any] = json.loads((_folder(folder) / f"{target}.json").read_bytes())
    return document
