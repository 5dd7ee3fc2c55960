"""Makes the JSON Schema of the driver protocol from the message types.

`python -m ipc_gauntlet.driver.schema docs/driver-protocol.schema.json` writes the published file; without a path the
schema goes to standard output. A test fails when the file and the types have drifted apart.
"""

import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ipc_gauntlet.driver.messages import NOTIFICATIONS, PARAMS, RESULTS
from ipc_gauntlet.driver.vocabulary import PROTOCOL_VERSION

_Schema = dict[str, Any]
_ENVELOPE: _Schema = {"jsonrpc": {"const": "2.0"}}
_ERROR: _Schema = {
    "type": "object",
    "description": "Why a request was not carried out.",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "data": {"type": "object", "properties": {"reason": {"$ref": "#/$defs/Reason"}}},
    },
}


def build_schema() -> _Schema:
    """Return the schema of one line of the driver protocol, as JSON Schema 2020-12.

    Returns:
        An object whose `$defs` hold `requests`, `notifications`, and a `result` for each method, by name.
    """
    types = [*PARAMS.values(), *RESULTS.values(), *NOTIFICATIONS.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    params = dict(zip(PARAMS, schemas, strict=False))
    results = dict(zip(RESULTS, schemas[len(PARAMS) :], strict=False))
    notes = dict(zip(NOTIFICATIONS, schemas[len(PARAMS) + len(RESULTS) :], strict=True))
    _say_what_types_cannot(components)
    event_result = {"type": "object", "not": {"required": ["status"]}}
    results["send"] = {"anyOf": [event_result, *results["send"]["anyOf"]]}
    defs: _Schema = {
        **{name: _strip_noise(schema) for name, schema in sorted(components.items())},
        "Reason": components["Rejected"]["properties"]["reason"],
        "Error": _ERROR,
    }
    defs.update({f"request.{name}": _request(name, schema) for name, schema in params.items()})
    defs.update({f"response.{name}": _response(schema) for name, schema in results.items()})
    defs.update({f"notification.{name}": _notification(name, schema) for name, schema in notes.items()})
    defs["response.error"] = _line(
        ["id", "error"], {"id": {"type": ["integer", "null"]}, "error": _ref("Error")}
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The ipc-gauntlet driver protocol, version {PROTOCOL_VERSION}",
        "description": "One line of standard input (a request) or of standard output (a response or notification). "
        "Members that are not listed are ignored.",
        "anyOf": [_ref(name) for name in defs if "." in name],
        "$defs": defs,
    }


def render_schema() -> str:
    """Return the published text of the schema."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the schema to the path that is given, or to standard output.

    Args:
        arguments: The command line without the program; the process's own when None.
    """
    paths = sys.argv[1:] if arguments is None else arguments
    if paths:
        Path(paths[0]).write_text(render_schema(), encoding="utf-8", newline="\n")
    else:
        sys.stdout.write(render_schema())


def _say_what_types_cannot(components: dict[str, _Schema]) -> None:
    components["SendEvent"]["required"].remove("kind")  # `event` is the default
    statement = components["Statement"]["properties"]
    statement["protocol"] = {"const": PROTOCOL_VERSION}
    del statement["extra"]  # where the harness keeps unknown members


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}"}


def _line(required: list[str], properties: _Schema) -> _Schema:
    return {"type": "object", "required": ["jsonrpc", *required], "properties": {**_ENVELOPE, **properties}}


def _request(method: str, params: _Schema) -> _Schema:
    required = ["id", "method"] if params == _ref("NoParams") else ["id", "method", "params"]
    return _line(
        required, {"id": {"type": "integer", "minimum": 1}, "method": {"const": method}, "params": params}
    )


def _response(result: _Schema) -> _Schema:
    return _line(["id", "result"], {"id": {"type": "integer", "minimum": 1}, "result": result})


def _notification(method: str, params: _Schema) -> _Schema:
    note = _line(["method", "params"], {"method": {"const": method}, "params": params})
    return {**note, "not": {"required": ["id"]}}


def _strip_noise(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Drop titles, which repeat the name, and null defaults, which say nothing; take the indentation off docstrings."""
    if isinstance(schema, list):
        return [_strip_noise(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _strip_noise(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    if isinstance(kept.get("description"), str):
        kept["description"] = inspect.cleandoc(
            kept["description"]
        )  # Python 3.13 does so itself, 3.11 does not
    return kept


if __name__ == "__main__":
    main()
