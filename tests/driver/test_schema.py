"""The published JSON Schema: it is made from the types, and agrees with the document and with real drivers."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from ipc_gauntlet.driver import Driver, DriverCommand, Statement
from ipc_gauntlet.driver.messages import NOTIFICATIONS, PARAMS, RESULTS
from ipc_gauntlet.driver.schema import build_schema, main, render_schema

MakeDriver = Callable[..., Driver]
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema as it is published."""
    made: dict[str, Any] = json.loads((DOCS / "driver-protocol.schema.json").read_text(encoding="utf-8"))
    return made


def accepts(schema: dict[str, Any], name: str, value: object) -> bool:
    """Ask one definition of the schema."""
    return Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]}).is_valid(value)


def test_the_published_file_is_up_to_date() -> None:
    """The file is exactly what the types say; after a change: python -m ipc_gauntlet.driver.schema FILE."""
    assert (DOCS / "driver-protocol.schema.json").read_text(encoding="utf-8") == render_schema()


def test_it_is_a_valid_schema(schema: dict[str, Any]) -> None:
    """Every reference leads somewhere, and the dialect is the one it names."""
    Draft202012Validator.check_schema(schema)
    for name in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)):
        assert name in schema["$defs"]


def test_the_command_writes_a_file_or_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a path nothing is printed, without one nothing is written."""
    main([str(tmp_path / "out.json")])
    assert capsys.readouterr().out == ""
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == render_schema()
    main([])
    assert capsys.readouterr().out == render_schema()


def test_every_method_and_notification_of_the_document_is_defined(schema: dict[str, Any]) -> None:
    """The tables of the document and the types name the same things."""
    text = (DOCS / "driver-protocol.md").read_text(encoding="utf-8")
    methods = re.search(r"## 2\. Methods\n(.*?)\n`listen`:", text, re.DOTALL)
    assert methods is not None
    rows = [
        re.findall(r"`(\w+)`", row.split("|")[1]) for row in methods[1].splitlines() if row.startswith("| `")
    ]
    assert {name for row in rows for name in row} == set(PARAMS) == set(RESULTS)
    notes = re.search(r"## 6\. Notifications\n(.*?)\n\*\*Reason", text, re.DOTALL)
    assert notes is not None
    assert set(re.findall(r"^\| `(\w+)` \|", notes[1], re.MULTILINE)) == set(NOTIFICATIONS)
    for name in PARAMS:
        assert f"request.{name}" in schema["$defs"]
        assert f"response.{name}" in schema["$defs"]


def test_the_examples_of_the_document_are_accepted(schema: dict[str, Any]) -> None:
    """Every message line in the document, and its statement, fit the schema."""
    text = (DOCS / "driver-protocol.md").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in re.findall(r"^(?:->|<-) (\{.*\})$", text, re.MULTILINE)]
    assert len(lines) >= 3
    for line in lines:
        assert Draft202012Validator(schema).is_valid(line), line
    block = re.search(r"```json\n(\{\"protocol\".*?)```", text, re.DOTALL)
    assert block is not None
    statement = json.loads(block[1])
    assert accepts(schema, "response.describe", {"jsonrpc": "2.0", "id": 1, "result": statement})
    assert Statement.from_result(statement).name == "my-ipc"


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("SendEvent", {"conn": "c1", "payload": ""}, True),
        ("SendEvent", {"conn": "c1", "payload": "", "kind": "event", "new": 1}, True),
        ("SendEvent", {"conn": "c1"}, False),
        ("Options", {"suites": ["a"]}, True),
        ("Options", {"no_such_thing": 1}, False),
        ("Options", {"versions": [1]}, False),
        ("Options", {"clock": "virtual", "mode": "datagram", "roles": {"append": "writer"}}, True),
        ("Options", {"clock": "sundial"}, False),
        (
            "SendRequest",
            {"kind": "request", "conn": "c1", "payload": "", "operation": "gated", "tag": "a"},
            True,
        ),
        ("SendEvent", {"conn": "c1", "payload": "", "lane": "a", "label": 3, "purpose": "test"}, True),
        ("SendEvent", {"conn": "c1", "payload": "", "label": 4}, False),
        ("SignedClaim", {"from": "a", "to": "b", "key": "", "id": ""}, True),
        ("SignedClaim", {"sender": "a", "to": "b", "key": "", "id": ""}, False),
        ("Arm", {"action": "arm", "point": "before-effect", "what": "kill"}, True),
        ("Arm", {"action": "arm", "point": "before-effect", "what": "explode"}, False),
        ("StepWall", {"action": "step-wall", "ms": -1000}, True),
        ("SetCounter", {"action": "set-counter", "conn": "c1", "direction": "send", "value": -1}, False),
        ("Delivered", {"conn": "s1", "payload": "", "lane": "a", "peer": "b"}, True),
        ("InspectResult", {"metrics": {"established": 1}}, True),
        ("InspectResult", {"metrics": {"established": "one"}}, False),
        ("UnixAddress", {"transport": "unix", "path": "/a"}, True),
        ("TcpAddress", {"transport": "tcp", "host": "127.0.0.1", "port": 0}, False),
        ("Closed", {"conn": "s1", "how": "clean"}, True),
        ("Closed", {"conn": "s1", "how": "fine"}, False),
        ("Closed", {"conn": "s1", "how": "error", "reason": "bad_mac"}, False),
        ("Statement", {"protocol": 2}, False),
        ("response.send", {"jsonrpc": "2.0", "id": 1, "result": {}}, True),
        ("response.send", {"jsonrpc": "2.0", "id": 1, "result": {"status": "ok", "payload": "AA=="}}, True),
        ("response.send", {"jsonrpc": "2.0", "id": 1, "result": {"status": "maybe"}}, False),
        (
            "response.send",
            {"jsonrpc": "2.0", "id": 1, "result": {"status": "error", "reason": "limit"}},
            False,
        ),
        ("response.error", {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "x"}}, True),
        (
            "notification.closed",
            {"jsonrpc": "2.0", "id": 1, "method": "closed", "params": {"conn": "a"}},
            False,
        ),
        ("request.reset", {"jsonrpc": "2.0", "id": 1, "method": "reset"}, True),
        ("request.listen", {"jsonrpc": "2.0", "id": 1, "method": "listen"}, False),
    ],
)
def test_the_schema_draws_the_line_where_the_document_does(
    schema: dict[str, Any], name: str, value: object, valid: bool
) -> None:
    """Unknown members pass, except in options; wrong words and missing members do not."""
    assert accepts(schema, name, value) == valid


def test_what_a_real_driver_says_fits_the_schema(schema: dict[str, Any], make_driver: MakeDriver) -> None:
    """The statement of the plain driver, as the harness keeps it, is accepted again."""
    driver = make_driver("plain")
    statement = json.loads(msgspec.json.encode(driver.start()))
    statement.pop("extra", None)
    assert accepts(schema, "Statement", statement)


def test_two_builds_are_equal(command: Callable[[str], DriverCommand]) -> None:
    """Building the schema leaves no trace in what it is built from."""
    assert build_schema() == build_schema()
