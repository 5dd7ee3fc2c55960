"""READY, CLOSE and ERROR payloads."""

import pytest

from sipc import cbor
from sipc.cbor import Value
from sipc.control import (
    Close,
    Ready,
    decode_close,
    decode_error,
    decode_ready,
    encode_close,
    encode_error,
    encode_ready,
)
from sipc.errors import MalformedError

READY: dict[int | bytes | str, Value] = {0: 1 << 20, 1: 64, 2: 1 << 20, 3: 60_000, 4: []}


def test_ready_comes_back() -> None:
    """What is announced is what is read."""
    ready = Ready(2048, 3, 64, 600, (1, 7))
    assert decode_ready(encode_ready(ready)) == ready


def test_defaults_of_ready() -> None:
    """The defaults are those of the protocol document."""
    assert cbor.decode(encode_ready(Ready())) == READY


@pytest.mark.parametrize(
    "change",
    [
        {0: 1023},
        {0: (1 << 24) + 1},
        {0: 2**63},
        {1: 0},
        {1: 65536},
        {2: 1},
        {2: (1 << 32) + 1},
        {3: 0},
        {3: -1},
        {3: 86_400_001},
        {3: 2**64 - 1},
        {3: True},
        {3: None},
        {4: None},
        {4: [1, 1]},
        {4: [2, 1]},
        {4: [65536]},
        {4: ["1"]},
        {4: list(range(65))},
        {5: 1},
        {63: 1},
        {"0": 1},
        {-1: 1},
    ],
    ids=str,
)
def test_each_value_of_ready_has_a_range(change: dict[int | bytes | str, Value]) -> None:
    """No announced number can mean for ever, nothing, or overflow."""
    with pytest.raises(MalformedError):
        decode_ready(cbor.encode({**READY, **change}))


@pytest.mark.parametrize("key", [0, 1, 2, 3, 4])
def test_ready_is_complete(key: int) -> None:
    """Every key of READY is required."""
    with pytest.raises(MalformedError):
        decode_ready(cbor.encode({k: v for k, v in READY.items() if k != key}))


def test_extensions_of_ready_are_ignored() -> None:
    """Keys from 64 on are for later."""
    assert decode_ready(cbor.encode({**READY, 64: "later"})) == Ready()


def test_close_comes_back() -> None:
    """Reason and both counts survive."""
    assert decode_close(encode_close(Close(1, 2, 3))) == Close(1, 2, 3)


@pytest.mark.parametrize(
    "fields", [{}, {0: 0, 1: 0}, {0: 0, 1: -1, 2: 0}, {0: 0, 1: 0, 2: "0"}, {0: 0, 1: 0, 2: 0, 3: 0}], ids=str
)
def test_close_is_strict(fields: dict[int | bytes | str, Value]) -> None:
    """A count that is missing, negative or a text is not a count."""
    with pytest.raises(MalformedError):
        decode_close(cbor.encode(fields))


def test_error_comes_back() -> None:
    """The code survives; the reference is for people."""
    assert decode_error(encode_error(2, bytes(8))) == 2


@pytest.mark.parametrize(
    "fields",
    [{0: 1}, {0: 0, 1: bytes(8)}, {0: 1, 1: bytes(7)}, {0: 256, 1: bytes(8)}, {0: 1, 1: "12345678"}],
    ids=str,
)
def test_error_is_strict(fields: dict[int | bytes | str, Value]) -> None:
    """Code and reference are both required and in range."""
    with pytest.raises(MalformedError):
        decode_error(cbor.encode(fields))


@pytest.mark.parametrize("payload", [b"", b"\xa0\x00", b"\x80", b"\xf6"])
def test_control_records_are_maps(payload: bytes) -> None:
    """Anything but one map is refused, for each of them."""
    for parse in (decode_ready, decode_close, decode_error):
        with pytest.raises(MalformedError):
            parse(payload)
