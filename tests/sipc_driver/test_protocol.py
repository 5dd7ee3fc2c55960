"""The driver protocol itself: framing, errors, leaving."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from local_places import LOCAL
from sipc_identities import SERVER, identities, text
from sipc_program import Program
from systems import needs_unix_sockets


def test_the_statement(program: Program) -> None:
    """What the driver says about itself."""
    statement = program.call("describe")
    assert (statement["protocol"], statement["name"], statement["profile"]) == (1, "reference", "messaging")
    assert statement["version"] == version("ipc-gauntlet")
    assert statement["wire"] == {"protocol": "sipc/1", "framing": "sipc"}
    assert statement["timeouts"]["handshake_ms"] == 5000


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"junk\n", -32700),
        (b"\xff\xfe\n", -32700),
        (b"{\n", -32700),
        (b"\n", -32700),
        (b"[]\n", -32600),
        (b"1\n", -32600),
        (b"{}\n", -32600),
        (b'{"method":7}\n', -32600),
    ],
    ids=["word", "not-utf8", "half", "empty", "list", "number", "no-method", "method-is-a-number"],
)
def test_junk_is_answered_and_survived(program: Program, line: bytes, code: int) -> None:
    """What is not a request gets an error without an id, and the next request is served."""
    program.write(line)
    assert program.answer(None)["error"]["code"] == code
    program.call("describe")


def test_a_line_that_is_too_long_is_refused(program: Program) -> None:
    """It is not kept in memory, and the next line is a line again."""
    program.write(b'{"padding":"' + b"x" * (9 << 20) + b'"}\n')
    assert program.answer(None)["error"]["code"] == -32700
    program.call("describe")


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("no_such_method", {}, -32601),
        ("method", {}, -32601),
        ("_reset", {}, -32601),
        ("parse", {"parser": "x", "data": ""}, -32001),
        ("configure", {"action": "revoke", "conn": "c1", "name": "x"}, -32001),
        ("inspect", {"what": ["audit"]}, -32001),
        ("inspect", {"what": "ledger"}, -32602),
        ("send", {"conn": "none", "payload": ""}, -32602),
        ("send", {"conn": 7, "payload": ""}, -32602),
        ("close", {"conn": "none"}, -32602),
        ("close", {"listener": "none"}, -32602),
        ("close", {"conn": "none", "mode": "slowly"}, -32602),
        ("connect", {"conn": "c1"}, -32602),
        ("connect", {"conn": "c1", "address": {"transport": "carrier-pigeon"}}, -32001),
        ("connect", {"conn": "c1", "address": {"transport": "tcp", "host": "127.0.0.1", "port": 0}}, -32602),
        ("advance_clock", {"ms": -1}, -32602),
        ("advance_clock", {"ms": "1"}, -32602),
    ],
)
def test_errors_of_requests(program: Program, method: str, params: dict[str, object], code: int) -> None:
    """Each mistake has its code."""
    assert program.error(method, **params)["code"] == code


def test_parameters_must_be_an_object(program: Program) -> None:
    """A list of parameters is a bad parameter."""
    program.write(b'{"jsonrpc":"2.0","id":"x","method":"describe","params":[]}\n')
    assert program.answer("x")["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"colour": "blue"}, -32001),
        ({"suites": ["Noise_NN_25519_ChaChaPoly_SHA256"]}, -32001),
        ({"suites": []}, -32602),
        ({"suites": [1]}, -32602),
        ({"versions": [2, 3]}, -32001),
        ({"versions": [3, 2]}, -32602),
        ({"versions": [1]}, -32602),
        ({"timeouts": {"lunch_ms": 5}}, -32001),
        ({"timeouts": {"idle_ms": 0}}, -32602),
        ({"timeouts": {"idle_ms": 1.5}}, -32602),
        ({"timeouts": {"handshake_ms": 10**9}}, -32001),
        ({"timeouts": []}, -32602),
        ({"clock": "atomic"}, -32001),
        ({"store": 5}, -32602),
        ({"store": "/nowhere/at/all"}, -32000),
    ],
    ids=str,
)
def test_options(program: Program, directory: Path, options: dict[str, object], code: int) -> None:
    """An option that is not supported is refused by listen, and a wrong value too."""
    server, _ = identities("x509")
    error = program.error(
        "listen",
        listener="l1",
        transport=LOCAL,
        directory=str(directory),
        service=SERVER,
        options=options,
        **server,
    )
    assert error["code"] == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"transport": "pipe" if LOCAL == "unix" else "unix"}, -32001),
        ({"transport": "carrier-pigeon"}, -32001),
        ({"credential": {"kind": "raw-key"}}, -32001),
        ({"trust": {"kind": "raw-key", "keys": []}}, -32001),
        ({"credential": None}, -32000),
        ({"credential": {"kind": "x509", "name": "x", "chain": ["AAAA"], "private_key": "AAAA"}}, -32000),
        ({"credential": {"kind": "x509", "name": "x", "chain": ["!"], "private_key": ""}}, -32602),
        ({"credential": {"kind": "psk", "id": "k", "key": "AAAA", "self": "a", "other": "b"}}, -32000),
        ({"trust": {"kind": "x509", "roots": ["AAAA"]}}, -32000),
        ({"trust": {"kind": "x509", "roots": "AAAA"}}, -32602),
        ({"trust": {"kind": "psk", "keys": ["k"]}}, -32602),
        pytest.param({"directory": "/nowhere"}, -32000, marks=needs_unix_sockets),
        pytest.param({"directory": "/"}, -32000, marks=needs_unix_sockets),
        ({"service": ""}, -32000),
        ({"service": 5}, -32602),
        ({"listener": None}, -32602),
    ],
    ids=str,
)
def test_listening_with_wrong_parameters(
    program: Program, directory: Path, changes: dict[str, object], code: int
) -> None:
    """What cannot be used is refused where it is given."""
    server, _ = identities("x509")
    params = {"listener": "l1", "transport": LOCAL, "directory": str(directory), "service": SERVER}
    assert program.error("listen", **params | server | changes)["code"] == code


def test_requests_in_pieces_and_together(program: Program) -> None:
    """Where the pipe cuts does not matter."""
    line = json.dumps({"jsonrpc": "2.0", "id": "p1", "method": "describe"}).encode() + b"\n"
    more = line.replace(b"p1", b"p2") + line.replace(b"p1", b"p3")
    for position in range(0, len(line), 7):
        program.write(line[position : position + 7])
    program.write(more)
    assert all(program.answer(ident)["result"]["protocol"] == 1 for ident in ("p1", "p2", "p3"))


def test_it_leaves_when_its_input_ends(fresh: Callable[[], Program], directory: Path) -> None:
    """At once, also with connections open and a request running."""
    program = fresh()
    server, client = identities("psk")
    address = program.call(
        "listen", listener="l1", transport=LOCAL, directory=str(directory), service=SERVER, **server
    )["address"]
    program.call("connect", conn="c1", address=address, service=SERVER, **client)
    program.note("established", lambda params: params["conn"] == "c1")
    program.submit("send", conn="c1", kind="request", operation="wait", payload=text(b"60000"))
    assert program.end() == 0


def test_it_leaves_on_shutdown(fresh: Callable[[], Program]) -> None:
    """It answers first."""
    program = fresh()
    assert program.call("shutdown") == {}
    assert program.process.wait(30.0) == 0


def test_it_leaves_when_nobody_reads() -> None:
    """A closed output is the end, too."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen([sys.executable, "-m", "sipc_driver"], stdin=subprocess.PIPE, stdout=writing)
    os.close(writing)
    assert process.stdin is not None
    process.stdin.write(b'{"id":1,"method":"describe"}\n')
    process.stdin.flush()
    assert process.wait(30.0) == 0
    process.stdin.close()


def test_output_of_others_goes_to_the_standard_error(fresh: Callable[[], Program]) -> None:
    """Only protocol lines are on the standard output, and nothing is said without a reason."""
    program = fresh()
    program.call("describe")
    program.call("reset")
    assert program.process.stdin is not None
    program.process.stdin.close()
    assert program.process.wait(30.0) == 0
    assert program.stderr() == ""
