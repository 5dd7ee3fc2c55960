"""What fuzzing found in the reference's driver: lines after which it was gone, or answered what is no JSON."""

import json
from base64 import b64encode

import pytest

from sipc.rpc import Message
from sipc_driver import sending
from sipc_driver.conns import Conn
from sipc_driver.rpc import (
    FAILED,
    INVALID_PARAMS,
    PARSE_ERROR,
    Json,
    Output,
    RpcError,
    answer_line,
    text,
    texts,
)


class Told(Output):
    """Keeps what would be written."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.lines: list[Json] = []

    def _write(self, message: Json) -> None:
        self.lines.append(json.loads(json.dumps(message, allow_nan=False)))


class NoMethods:
    """Knows none."""

    def method(self, name: str) -> None:
        """See `sipc_driver.rpc.Methods`."""


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"id": NaN, "method": "x"}',
        b'{"id": -Infinity, "method": "x"}',
        b'{"id": 1e999, "method": "x"}',
        b'{"id": [-1e999], "method": "x"}',
    ],
    ids=["arrays", "objects", "nan", "infinity", "too large", "too small"],
)
def test_lines_that_cannot_be_answered_as_they_are(line: bytes) -> None:
    """Nesting beyond Python's recursion ended the driver; numbers that are none were told back to the harness."""
    output = Told()
    answer_line(line, NoMethods(), output)
    assert [one["error"]["code"] for one in output.lines] == [PARSE_ERROR]  # type: ignore[index]


def test_usual_numbers_are_told_again() -> None:
    """An id of any kind comes back as it was."""
    output = Told()
    answer_line(b'{"id": [1.5, -1e300, 10], "method": "x"}', NoMethods(), output)
    assert output.lines[0]["id"] == [1.5, -1e300, 10]


@pytest.mark.parametrize("value", ["\ud800", "a\udc00b"])
def test_half_a_surrogate_pair_is_no_text(value: str) -> None:
    """A lane or a purpose of that kind ended the driver."""
    with pytest.raises(RpcError) as refused:
        text({"lane": value}, "lane")
    assert refused.value.code == INVALID_PARAMS
    with pytest.raises(RpcError):
        texts({"via": ["a", value]}, "via")
    assert text({"lane": "a\U0001f600ü"}, "lane") == "a\U0001f600ü"


def test_a_signing_key_of_the_wrong_length_for_its_kind() -> None:
    """An error of the library that is none of the usual ones ended the driver."""
    key = b64encode(bytes.fromhex("302e020100300506032b657104220420") + bytes(range(32))).decode()
    given: Json = {"key": key, "from": "a", "to": "b", "id": ""}
    with pytest.raises(RpcError) as refused:
        sending._signed(Message("a.b"), Conn("c", None, 1.0), given)  # type: ignore[arg-type]  # nothing is told
    assert (refused.value.code, refused.value.reason) == (FAILED, "malformed")
