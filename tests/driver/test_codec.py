"""Lines and messages: whatever a driver prints ends in a message or in one kind of error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.driver.codec import (
    CodecError,
    ErrorObject,
    LineBuffer,
    LineTooLong,
    decode_message,
    encode_request,
    quote,
)

LINES = st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b" ")), max_size=12)


@given(LINES, st.binary(max_size=20).map(lambda data: data.replace(b"\n", b" ")), st.data())
def test_lines_do_not_depend_on_how_the_stream_is_cut(
    lines: list[bytes], rest: bytes, data: st.DataObject
) -> None:
    """Any segmentation of a stream gives the same lines, and keeps what has no end yet."""
    stream = b"".join(line + b"\n" for line in lines) + rest
    buffer = LineBuffer(100)
    seen: list[bytes] = []
    position = 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        seen += buffer.feed(stream[position : position + size])
        position += size
    assert seen == lines
    assert buffer.partial == rest


@given(st.integers(1, 50), st.integers(1, 60), st.booleans())
def test_exactly_the_lines_above_the_limit_are_refused(limit: int, length: int, ended: bool) -> None:
    """A line may have as many bytes as the limit says, with or without its end, in one piece or byte by byte."""
    stream = b"x" * length + (b"\n" if ended else b"")
    for pieces in ([stream], [stream[index : index + 1] for index in range(len(stream))]):
        buffer = LineBuffer(limit)
        try:
            lines = [line for piece in pieces for line in buffer.feed(piece)]
        except LineTooLong:
            assert length > limit
        else:
            assert length <= limit
            assert lines == ([stream[:-1]] if ended else [])


@given(st.binary(max_size=200))
def test_decoding_bytes_never_raises_anything_else(line: bytes) -> None:
    """Arbitrary bytes are a message or a CodecError; anything else is a bug."""
    text = ""
    try:
        decode_message(line)
    except CodecError as error:
        text = str(error)
    assert "\n" not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.fixed_dictionaries(
    {}, optional={"id": JSON, "method": JSON, "params": JSON, "result": JSON, "error": JSON, "jsonrpc": JSON}
)


@given(MEMBERS, st.booleans())
def test_decoding_json_never_raises_anything_else(members: dict[str, object], versioned: bool) -> None:
    """Every JSON object is a response, a notification, or a CodecError."""
    if versioned:
        members = {**members, "jsonrpc": "2.0"}
    try:
        message = decode_message(json.dumps(members).encode("utf-8", "surrogatepass"))
    except CodecError:
        return
    if isinstance(message.method, str):
        assert "id" not in members
    else:
        assert ("result" in members) != ("error" in members)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON.*'hello'"),
        (b"[]", "not a JSON-RPC message"),
        (b"{}", '"jsonrpc":"2.0"'),
        (b'{"jsonrpc":"1.0","id":1,"result":{}}', '"jsonrpc":"2.0"'),
        (b'{"jsonrpc":"2.0","id":1}', "neither"),
        (b'{"jsonrpc":"2.0","result":{}}', "neither"),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}', "neither"),
        (b'{"jsonrpc":"2.0","id":1,"method":"delivered","params":{}}', "neither"),
        (b'{"jsonrpc":"2.0","id":"1","result":{}}', "not a JSON-RPC message.*id"),
        (b'{"jsonrpc":"2.0","id":1.5,"result":{}}', "not a JSON-RPC message.*id"),
        (b'{"jsonrpc":"2.0","id":1,"result":[]}', "not a JSON-RPC message.*result"),
        (b'{"jsonrpc":"2.0","id":1,"error":{"message":"x"}}', "code"),
        (b'{"jsonrpc":"2.0","id":1,"result":{"x":NaN}}', "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"result":{"x":"\xff"}}', "not UTF-8"),
        (b'{"jsonrpc":"2.0","id":1,"result":{"x":"\\ud800"}}', "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"result":{"x":' + b"[" * 100_000, "nested too deeply"),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"result":{}}', "not a JSON-RPC message"),
        (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"result":{}}', "not JSON"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line: bytes, text: str) -> None:
    """The error tells what the line is instead, and shows its beginning."""
    with pytest.raises(CodecError, match=text):
        decode_message(line)


def test_good_messages_are_decoded() -> None:
    """Responses, errors and notifications, with members that nobody knows, and with a carriage return."""
    response = decode_message(b'{"jsonrpc":"2.0","id":7,"result":{"a":1},"extra":true}\r')
    assert (response.id, response.result) == (7, {"a": 1})
    refusal = decode_message(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m","data":[1]}}')
    assert refusal.id is None
    assert refusal.error == ErrorObject(code=-32700, message="m", data=[1])
    note = decode_message(b'{"jsonrpc":"2.0","method":"closed","params":{"conn":"c1"}}')
    assert (note.method, note.params) == ("closed", {"conn": "c1"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"reason": "replay"}, "replay"),
        ({"reason": 7}, "unspecified"),
        ({}, "unspecified"),
        (None, "unspecified"),
    ],
)
def test_the_reason_of_an_error_is_found(data: object, reason: str) -> None:
    """A missing or odd reason class counts as unspecified."""
    assert ErrorObject(code=-32000, data=data).reason == reason


@given(st.integers(1, 2**31), st.binary(max_size=50), st.text(max_size=20))
def test_requests_are_one_line_of_json(number: int, payload: bytes, text: str) -> None:
    """Whatever is inside, the newline ends the line and is the only one; bytes are base64."""
    line = encode_request(number, "send", {"payload": payload, "text": text})
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    request = json.loads(line)
    assert request["id"] == number
    assert request["params"]["text"] == text
    assert line.isascii() or text


@given(st.binary(max_size=400))
def test_quoting_is_printable_and_short(line: bytes) -> None:
    """Terminal control characters of a driver never reach a terminal."""
    shown = quote(line)
    assert shown.isprintable()
    assert shown.isascii()
    assert len(shown) < 1300
