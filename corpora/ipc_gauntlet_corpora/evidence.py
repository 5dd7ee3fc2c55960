"""Published vulnerabilities and incidents, and the requirements that would have caught them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that went wrong in the world.

    Args:
        ids: Names under which it is known, such as `CVE-2023-48795`.
        what: What went wrong, in one sentence.
        source: Where that is written.
        group: The kind of software.
        requirements: Ids of requirements that it violated.
    """

    ids: tuple[str, ...]
    what: str
    source: str
    group: str
    requirements: tuple[str, ...]


@cache
def evidence() -> tuple[Evidence, ...]:
    """All of it."""
    document = json.loads((files("ipc_gauntlet_corpora") / "evidence.json").read_bytes())
    return tuple(
        Evidence(
            ids=tuple(entry["ids"]),
            what=entry["what"],
            source=entry["source"],
            group=entry["group"],
            requirements=tuple(entry["requirements"]),
        )
        for entry in document["evidence"]
    )
