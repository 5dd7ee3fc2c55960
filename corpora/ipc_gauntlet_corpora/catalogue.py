"""The requirement catalogue: what a secure IPC implementation must do, one JSON file for each suite."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

MODES: Mapping[str, str] = {
    "B": "black box: the adversary on the byte path, any protocol",
    "D": "driver: what the implementation tells its user",
    "W": "wire: the tester crafts or decrypts messages of the protocol",
    "O": "operating system: descriptors, sockets, permissions, files of the process",
    "V": "virtual clock, where the driver has one",
}
"""How a requirement can be observed, by the letters used in `Requirement.modes` and inside observations."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A named defect that violates a requirement; a suite is worth as much as the mutants it finds.

    Args:
        id: `REPL-01.m1`.
        defect: What the flawed implementation does.
        not_expressible: Why the reference cannot be given this defect; empty where it can.
    """

    id: str
    defect: str
    not_expressible: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a violation shows: what a failed case of the requirement may say.

    Args:
        stages: How far the attacked session can have come.
        reasons: Classes of what was seen, such as `delivered-twice`.
    """

    stages: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One normative requirement.

    Args:
        id: `REPL-01`.
        suite: Name of the suite and of its folder, such as `replay`.
        level: `MUST` or `SHOULD` (RFC 2119).
        profile: The least profile that has to meet it: `local`, `channel`, `messaging` or `governed`.
        statement: What is required.
        source: Specifications, weaknesses and vulnerabilities behind it.
        principle: The goal it serves, in a few words; may be empty.
        observation: Stimulus and expected result, as the tester sees it.
        modes: Letters of `MODES`.
        cves: Published vulnerabilities that violate it.
        mutants: Defects that violate it.
        failure: How cases of it fail; None where there are no cases yet.
    """

    id: str
    suite: str
    level: str
    profile: str
    statement: str
    source: str
    principle: str
    observation: str
    modes: tuple[str, ...]
    cves: tuple[str, ...]
    mutants: tuple[Mutant, ...]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A group of requirements.

    Args:
        name: Folder name, such as `replay`.
        code: Prefix of the requirements' ids, such as `REPL`.
        title: For people.
        requirements: In order.
    """

    name: str
    code: str
    title: str
    requirements: tuple[Requirement, ...]


@cache
def suites() -> tuple[Suite, ...]:
    """All suites of the catalogue in their reading order."""
    folder = files("ipc_gauntlet_corpora") / "requirements"
    documents = [json.loads(entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith(".json")]
    return tuple(
        _suite(document) for document in sorted(documents, key=lambda document: int(document["order"]))
    )


def requirements() -> tuple[Requirement, ...]:
    """All requirements in their reading order."""
    return tuple(requirement for suite in suites() for requirement in suite.requirements)


def requirement(requirement_id: str) -> Requirement:
    """Look a requirement up.

    Raises:
        KeyError: There is none with this id.
    """
    return _by_id()[requirement_id]


@cache
def _by_id() -> dict[str, Requirement]:
    return {requirement.id: requirement for requirement in requirements()}


def _suite(document: Mapping[str, Any]) -> Suite:
    name = document["suite"]
    entries = tuple(_requirement(entry, name) for entry in document["requirements"])
    return Suite(name=name, code=document["code"], title=document["title"], requirements=entries)


def _requirement(entry: Mapping[str, Any], suite: str) -> Requirement:
    members: dict[str, Any] = {**entry, "suite": suite}
    for name in ("modes", "cves"):
        members[name] = tuple(entry[name])
    members["mutants"] = tuple(Mutant(**mutant) for mutant in entry["mutants"])
    if "failure" in entry:
        members["failure"] = Failure(**{name: tuple(words) for name, words in entry["failure"].items()})
    return Requirement(**members)
