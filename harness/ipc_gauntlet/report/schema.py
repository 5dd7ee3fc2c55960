"""The JSON Schema of the report: `python -m ipc_gauntlet.report.schema > docs/report.schema.json`."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import msgspec

from ipc_gauntlet.report.model import SCHEMA, Report

_MEMBER = re.compile(r"^    (\w+): (.*)$")


def json_schema() -> dict[str, Any]:
    """The schema; what the types' docstrings say about a member is that member's description."""
    # By way of text, because defaults are tuples in the types and arrays in JSON.
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Report)))
    for definition in schema["$defs"].values():
        _describe(definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "ipc-gauntlet report",
        **schema,
    }


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
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(json_schema()), indent=1).decode() + "\n")
