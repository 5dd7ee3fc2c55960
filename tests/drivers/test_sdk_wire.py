"""Lines, parameters and framing of the SDK."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.sdk import BadParams, Failed, Framing, Unsupported, raw, raws, wire
from ipc_gauntlet.sdk.params import Abilities, request_params

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def code_of(line: bytes) -> int | None:
    """The code with which a line is refused, None if it is not."""
    try:
        wire.parse(line)
    except wire.Refused as refused:
        return refused.error.code
    return None


@given(st.binary().filter(lambda line: b"\n" not in line))
def test_any_line_is_a_request_or_refused(line: bytes) -> None:
    """Arbitrary bytes never raise anything but `Refused`."""
    assert code_of(line) in (None, -32700, -32600)


@given(JSON_VALUES)
def test_any_json_value_is_a_request_or_refused(value: object) -> None:
    """JSON that is not a request is refused as such, with -32600."""
    assert code_of(json.dumps(value).encode()) in (None, -32600)


@given(st.integers() | st.text(), st.text(min_size=1), st.dictionaries(st.text(), JSON_VALUES))
def test_requests_survive_the_wire(request_id: int | str, method: str, params: dict[str, object]) -> None:
    """What a harness encodes is parsed back unchanged."""
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    assert wire.parse(json.dumps(message).encode()) == wire.Request(request_id, method, params)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", -32700),
        (b"\xff\xfe", -32700),
        (b"{", -32700),
        (b"[" * 100_000, -32700),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"a"}', -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"a"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"a"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"a"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"a","params":[]}', -32600),
        (None, -32700),
    ],
    ids=[
        "empty", "not UTF-8", "cut", "nested", "NaN", "batch", "id of truth", "id of fraction", "version", "method",
        "params", "too long",
    ],
)  # fmt: skip
def test_bad_lines_have_the_code_of_json_rpc(line: bytes | None, code: int) -> None:
    """Each kind of bad line is answered with its own code."""
    with pytest.raises(wire.Refused) as caught:
        wire.parse(line)
    assert caught.value.error.code == code


def test_a_json_rpc_notification_is_not_answered() -> None:
    """A message without an id is no request."""
    assert wire.parse(b'{"jsonrpc":"2.0","method":"describe"}') is None


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b""))), st.integers(2, 30))
def test_lines_are_bounded_and_never_merge(lines: list[bytes], limit: int) -> None:
    """A line that is too long is reported and skipped whole; its neighbours are untouched."""
    stream = io.BytesIO(b"".join(line + b"\n" for line in lines))
    expected = [line if len(line) < limit else None for line in lines]
    assert list(wire.read_lines(stream, limit)) == expected


def test_a_line_without_an_end_is_dropped() -> None:
    """When stdin ends inside a line there is nobody to answer."""
    assert list(wire.read_lines(io.BytesIO(b"one\ntwo"))) == [b"one"]


@given(st.dictionaries(st.text(), st.none() | st.binary() | st.lists(st.binary())))
def test_bytes_become_base64_and_none_is_left_out(members: dict[str, object]) -> None:
    """Notifications need no encoding by the driver."""
    line = wire.encode(wire.notification("delivered", members))
    params = json.loads(line)["params"]
    assert set(params) == {name for name, value in members.items() if value is not None}
    for name, value in members.items():
        if isinstance(value, bytes):
            assert base64.b64decode(params[name]) == value
    assert line.count(b"\n") == 1
    assert line.isascii()


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 20)))
def test_framing_gives_back_messages_however_the_stream_is_cut(
    messages: list[bytes], cuts: list[int]
) -> None:
    """Boundaries of `feed` mean nothing, boundaries of messages everything."""
    sender, receiver = Framing(2, 50), Framing(2, 50)
    stream = b"".join(sender.frame(message) for message in messages)
    got = []
    for cut in cuts:
        got += receiver.feed(stream[:cut])
        stream = stream[cut:]
    got += receiver.feed(stream)
    assert got == messages
    assert not receiver.inside


@given(st.binary(min_size=1, max_size=50), st.data())
def test_framing_knows_that_a_message_was_cut(message: bytes, data: st.DataObject) -> None:
    """After any proper part of a message the framing is inside it."""
    framing = Framing(4, 50)
    stream = framing.frame(message)
    part = data.draw(st.integers(1, len(stream) - 1))
    assert framing.feed(stream[:part]) == []
    assert framing.inside


def test_framing_refuses_what_is_too_long() -> None:
    """Neither side of the framing exceeds the limit, and an announcement alone is refused."""
    with pytest.raises(Failed, match="51 bytes"):
        Framing(4, 50).frame(b"x" * 51)
    with pytest.raises(Failed) as caught:
        Framing(4, 50).feed((51).to_bytes(4, "big"))
    assert caught.value.reason == "limit"


STATEMENT = {"transports": ["unix", "tcp"], "credentials": [{"kind": "psk"}]}
LISTEN = {"listener": "l1", "transport": "unix", "directory": "/d", "service": "s"}
CONNECT = {"conn": "c1", "address": {"transport": "tcp", "host": "127.0.0.1", "port": 1}}


def abilities() -> Abilities:
    return Abilities.of(STATEMENT, {"suites", "timeouts.handshake_ms"})


def test_parameters_are_taken_over() -> None:
    """What was declared passes, and absent members have their meaning."""
    options = {"timeouts": {"handshake_ms": 5}, "suites": ["a"]}
    listen = abilities().listen({**LISTEN, "trust": {"kind": "psk"}, "options": options, "strange": 1})
    assert (listen.listener, listen.service, listen.peer) == ("l1", "s", None)
    assert listen.trust == {"kind": "psk"}
    assert listen.credential is None
    assert listen.options == options
    assert abilities().connect(CONNECT).address["port"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"transport": "pipe"},
        {"credential": {"kind": "x509"}},
        {"trust": {"kind": "raw-key"}},
        {"options": {"versions": [1, 2]}},
        {"options": {"timeouts": {"idle_ms": 1}}},
        {"options": {"strange": None}},
    ],
    ids=["transport", "credential", "trust", "option", "timer", "unknown option"],
)
def test_what_was_not_declared_is_unsupported(change: dict[str, object]) -> None:
    """The SDK refuses it before the driver sees it."""
    with pytest.raises(Unsupported):
        abilities().listen({**LISTEN, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"listener": 1},
        {"directory": None},
        {"service": 5},
        {"credential": "psk"},
        {"credential": {}},
        {"options": []},
        {"options": {"timeouts": 3}},
        {"options": {"timeouts": {"handshake_ms": -1}}},
        {"options": {"timeouts": {"handshake_ms": True}}},
    ],
    ids=str,
)
def test_nonsense_is_a_bad_parameter(change: dict[str, object]) -> None:
    """Types are checked before the driver sees them."""
    with pytest.raises(BadParams):
        abilities().listen({**LISTEN, **change})


@given(
    st.dictionaries(
        st.sampled_from([*LISTEN, *CONNECT, "options", "trust", "credential", "peer"]), JSON_VALUES
    )
)
def test_any_parameters_are_taken_or_refused(params: dict[str, object]) -> None:
    """Arbitrary parameters never raise anything undeclared."""
    for check in (abilities().listen, abilities().connect):
        with contextlib.suppress(BadParams, Unsupported):
            check(params)


def test_bytes_in_parameters() -> None:
    """Base64 is decoded strictly."""
    assert raw({"key": "aGk="}, "key") == b"hi"
    assert raws({"chain": ["aGk=", ""]}, "chain") == [b"hi", b""]
    assert raws({}, "chain") == []
    for value in ("a", "aGk=!", 5, None):
        with pytest.raises(BadParams):
            raw({"key": value}, "key")
    with pytest.raises(BadParams):
        raws({"chain": "aGk="}, "chain")


def test_request_parameters() -> None:
    """Requests of the test application are checked as well."""
    request = request_params({"operation": "echo", "payload": "aGk=", "key": "aw==", "deadline_ms": 5})
    assert (request.operation, request.payload, request.key, request.deadline_ms) == ("echo", b"hi", b"k", 5)
    with pytest.raises(BadParams):
        request_params({"operation": "echo", "payload": "", "deadline_ms": math.pi})
