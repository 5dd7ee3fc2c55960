"""Requirement sets: lists of requirements that do not change any more once they are published.

"Passes sipc-2026.1" has to mean the same next year. A set holds ids and a hash of each statement, so that a silent
rewording is noticed; what is new or worded anew belongs to the next set.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ipc_gauntlet_corpora.catalogue import requirements


@dataclass(frozen=True, slots=True)
class RequirementSet:
    """A published list of requirements.

    Args:
        name: `sipc-2026.1`.
        title: One line for people.
        order: Its place in the order of publication; the newest has the highest.
        statements: For each id in the set the SHA-256 of its statement in UTF-8, as hexadecimal digits.
    """

    name: str
    title: str
    order: int
    statements: Mapping[str, str]


@cache
def requirement_sets() -> tuple[RequirementSet, ...]:
    """All published sets, the oldest first."""
    folder = files("ipc_gauntlet_corpora") / "sets"
    documents = [json.loads(entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith(".json")]
    found = [RequirementSet(**document) for document in documents]
    return tuple(sorted(found, key=lambda one: one.order))


def requirement_set(name: str) -> RequirementSet:
    """Look a set up.

    Raises:
        KeyError: There is none of this name.
    """
    return {one.name: one for one in requirement_sets()}[name]


def statement_hash(statement: str) -> str:
    """What a set holds of a requirement's statement."""
    return hashlib.sha256(statement.encode()).hexdigest()


def departures(one: RequirementSet) -> dict[str, str]:
    """Where the present catalogue is not what a set was published with: ids, and whether `missing` or `reworded`."""
    present = {item.id: statement_hash(item.statement) for item in requirements()}
    return {
        name: "missing" if name not in present else "reworded"
        for name, digest in one.statements.items()
        if present.get(name) != digest
    }
