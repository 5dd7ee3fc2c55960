"""The JSON Schemas of the reports.

python -m ipc_gauntlet.report.schema > docs/report.schema.json
python -m ipc_gauntlet.report.schema kills > docs/kills.schema.json
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import msgspec

from ipc_gauntlet.report import kills
from ipc_gauntlet.report.model import SCHEMA, Report

_MEMBER = re.compile(r"^    (\w+): (.*)$")


def json_schema() -> dict[str, Any]:
    """The schema of a run's report."""
    return _schema_of(Report, SCHEMA, "ipc-gauntlet report")


def kills_schema() -> dict[str, Any]:
    """The schema of the report of `kills`."""
    return _schema_of(kills.KillReport, kills.SCHEMA, "ipc-gauntlet kills report")


def _schema_of(kind: type, name: str, title: str) -> dict[str, Any]:
    """A schema; what the types' docstrings say about a member is that member's description."""
    # By way of text, because defaults are tuples in the types and arrays in JSON.
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(kind)))
    for definition in schema["$defs"].values():
        _describe(definition)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, "title": title, **schema}


def _describe(definition: dict[str, Any]) -> None:
    """Move the `Args` of a docstring to the members they are about."""
    text, _, members = inspect.cleandoc(str(definition.get("description", ""))).partition("\n\nArgs:\n")
    if text:
        definition["description"] = text
    current = ""
    for line in members.splitlines():
        start = _MEMBER.match(line)
        if start is not None:
            current = start.group(1).rstrip("_")
            definition["properties"][current]["description"] = start.group(2)
        elif current and line.strip():
            definition["properties"][current]["description"] += f" {line.strip()}"


if __name__ == "__main__":
    made = kills_schema() if sys.argv[1:] == ["kills"] else json_schema()
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n")
