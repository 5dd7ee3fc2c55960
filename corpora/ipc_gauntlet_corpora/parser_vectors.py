"""Inputs for parsers of SIPC/1 with their verdicts, few, and together pinning each check that the reference's parsers have.

`vectors/parsers/PARSER.json` is made by `ipc-gauntlet fuzz pin --write-vectors`, never by hand. Parsers are called as
the driver protocol's `parse` calls them.
"""

import base64
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class ParserVector:
    """One input.

    Args:
        name: Unique among all parsers' vectors: `cbor-001`.
        parser: The parser it is for.
        data: The input.
        accepted: Whether the parser must accept it.
        reason: Class of the rejection, of the driver protocol's section 6; empty if accepted.
        value: What `parse` makes of an accepted input, as the reference spells it in JSON.
        why: One line for people: what is wrong with it, and which check it pins.
        pins: Names of the checks of the reference that it was chosen for.
    """

    name: str
    parser: str
    data: bytes
    accepted: bool
    reason: str
    value: Any
    why: str
    pins: tuple[str, ...]


@cache
def parsers_with_vectors() -> tuple[str, ...]:
    """Names of the parsers that have vectors, sorted."""
    folder = files("ipc_gauntlet_corpora") / "vectors" / "parsers"
    return tuple(
        sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
    )


@cache
def parser_vectors(parser: str) -> tuple[ParserVector, ...]:
    """The vectors of a parser, the shortest first.

    Raises:
        KeyError: It has none.
    """
    if parser not in parsers_with_vectors():
        raise KeyError(parser)
    path = files("ipc_gauntlet_corpora") / "vectors" / "parsers" / f"{parser}.json"
    document = json.loads(path.read_bytes())
    return tuple(
        ParserVector(
            name=entry["name"],
            parser=document["parser"],
            data=base64.b64decode(entry["input"]),
            accepted=entry["accepted"],
            reason=entry.get("reason", ""),
            value=entry.get("value"),
            why=entry.get("why", ""),
            pins=tuple(pin["id"] for pin in entry.get("pins", ())),
        )
        for entry in document["vectors"]
    )
