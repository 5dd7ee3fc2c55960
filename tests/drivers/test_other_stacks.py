"""Particulars of the drivers for multiprocessing, CurveZMQ and Noise."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Pair

MakePair = Callable[[str], "Pair"]


def code_of(call: Callable[..., object], *args: Any, **params: Any) -> int:  # noqa: ANN401 - passed on
    with pytest.raises(Exception, match="-32") as caught:
        call(*args, **params)
    return caught.value.code


def replace(side: Any, **members: Any) -> Any:  # noqa: ANN401 - a Side
    return type(side)(**{"credential": side.credential, "trust": side.trust, **members})


def test_one_secret_or_none_at_all(make_pair: MakePair) -> None:
    """What cannot be said with one secret is refused, and never becomes an open endpoint."""
    pair = make_pair("python-multiprocessing")
    sides = pair.stack.sides()
    good, other = sides["server"], sides["foreign server"]
    both = {"kind": "psk", "keys": [good.credential, other.credential]}
    for side in (
        replace(good, credential=None),
        replace(good, trust=None),
        replace(good, trust={"kind": "psk", "keys": []}),
        replace(good, trust=both),
        replace(good, trust=other.trust),
    ):
        assert code_of(pair.listen, side) == -32001
        assert code_of(pair.connect, {"transport": "tcp", "host": "127.0.0.1", "port": 1}, side) == -32001


def test_junk_instead_of_a_handshake_does_not_end_the_endpoint(make_pair: MakePair) -> None:
    """The accept loop of the multiprocessing driver outlives whatever a visitor sends."""
    pair = make_pair("python-multiprocessing")
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"])
    junk = [
        b"",
        b"GET / HTTP/1.0\r\n\r\n",
        struct.pack("!i", 5) + b"12345",
        struct.pack("!iQ", -1, 1 << 62),
        os.urandom(99),
    ]
    for number, data in enumerate(junk, start=1):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(address["path"])
            visitor.sendall(data)
        pair.server.wait("rejected", count=number, listener=listener)
    conn = pair.connect(address, sides["client"])
    pair.client.wait("established", conn=conn)


def test_reset_needs_no_name_to_wake_a_listener(make_pair: MakePair) -> None:
    """The multiprocessing driver lets go of a listener at once also when the folder with its socket has been removed."""
    pair = make_pair("python-multiprocessing")
    _, address = pair.listen(pair.stack.sides()["server"])
    Path(address["path"]).unlink()
    pair.server.call("reset")
    assert "does not end" not in pair.server.told()
    assert pair.session()


def test_nothing_is_ever_unpickled(make_pair: MakePair) -> None:
    """A pickle is just bytes to the multiprocessing driver."""
    pair = make_pair("python-multiprocessing")
    conn, accepted = pair.session()
    pickle = b"\x80\x04\x95\x0e\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x05abort\x94\x93\x94)R\x94."
    pair.client.call("send", conn=conn, payload=base64.b64encode(pickle).decode())
    pair.server.wait("delivered", conn=accepted)
    assert pair.server.payloads(accepted) == [pickle]


@pytest.mark.parametrize("name", ["curvezmq", "noise-xx"])
def test_peers_are_named_by_their_keys(make_pair: MakePair, name: str) -> None:
    """Both sides report the name under which the trust has the key that was proved."""
    pair = make_pair(name)
    conn, accepted = pair.session()
    assert pair.client.wait("established", conn=conn)["peer"] == "server.test.example"
    assert pair.server.wait("established", conn=accepted)["peer"] == "client.test.example"


@pytest.mark.parametrize("name", ["curvezmq", "noise-xx"])
def test_raw_keys_that_cannot_be_used(make_pair: MakePair, name: str) -> None:
    """No key is unsupported, a key of the wrong length malformed."""
    pair = make_pair(name)
    good = pair.stack.sides()["server"]
    assert code_of(pair.listen, replace(good, credential=None)) == -32001
    short = {**good.credential, "private": "AAAA"}
    assert code_of(pair.listen, replace(good, credential=short)) == -32000


@pytest.mark.parametrize("name", ["curvezmq", "noise-xx"])
@pytest.mark.parametrize("keys", [[], None], ids=["no keys", "no trust"])
def test_raw_key_trust_that_trusts_nobody(make_pair: MakePair, name: str, keys: list[Any] | None) -> None:
    """Neither role establishes anything with anybody."""
    pair = make_pair(name)
    sides = pair.stack.sides()
    trust = None if keys is None else {"kind": "raw-key", "keys": keys}
    _, address = pair.listen(sides["server"])
    conn = pair.connect(address, replace(sides["client"], trust=trust))
    refused = pair.client.wait("rejected", conn=conn)
    assert (refused["stage"], refused["reason"]) == ("handshake", "authentication")
    listener, address = pair.listen(replace(sides["server"], trust=trust))
    pair.connect(address, sides["client"])
    assert pair.server.wait("rejected", listener=listener)["reason"] == "authentication"
    assert pair.server.seen("established") == []


@pytest.mark.parametrize("name", ["curvezmq", "noise-xx"])
def test_a_listener_can_be_restricted_to_one_name(make_pair: MakePair, name: str) -> None:
    """With `peer` only the key of that name may come in."""
    pair = make_pair(name)
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"], peer="somebody.test.example")
    pair.connect(address, sides["client"])
    assert pair.server.wait("rejected", listener=listener)["reason"] == "authentication"
    listener, address = pair.listen(sides["server"], peer="client.test.example")
    pair.connect(address, sides["client"])
    pair.server.wait("established", listener=listener)


def test_noise_channel_bindings_agree(make_pair: MakePair) -> None:
    """Both ends report the same handshake hash, and another one for another session."""
    pair = make_pair("noise-xx")
    bindings = []
    for _ in range(2):
        conn, accepted = pair.session()
        bindings.append(pair.client.wait("established", conn=conn)["binding"])
        assert pair.server.wait("established", conn=accepted)["binding"] == bindings[-1]
    assert len(set(bindings)) == 2
    assert len(base64.b64decode(bindings[0])) == 32


def test_noise_messages_at_the_limit(make_pair: MakePair) -> None:
    """The longest message fits; one byte more is refused without using up a nonce."""
    pair = make_pair("noise-xx")
    conn, accepted = pair.session()
    limit = pair.client.call("describe")["limits"]["max_message"]
    for size in (limit, limit + 1, limit):
        request = {"conn": conn, "payload": base64.b64encode(b"x" * size).decode()}
        if size > limit:
            assert code_of(pair.client.call, "send", **request) == -32000
        else:
            pair.client.call("send", **request)
    pair.server.wait("delivered", count=2, conn=accepted)


@pytest.mark.parametrize(
    "data",
    [b"\x00\x00", b"\x00\x05hello", b"\x00\x20" + bytes(32), b"\x00\x20" + b"\x01" * 32 + b"\x00\x01x", b"\xff\xff" + bytes(65535)],
    ids=["empty", "short", "zero key", "short third message", "long"],
)  # fmt: skip
def test_junk_instead_of_a_noise_handshake(make_pair: MakePair, data: bytes) -> None:
    """Whatever a visitor sends is a rejection, never a defect."""
    pair = make_pair("noise-xx")
    listener, address = pair.listen(pair.stack.sides()["server"])
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(address["path"])
        visitor.sendall(data)
        visitor.shutdown(socket.SHUT_WR)
        refused = pair.server.wait("rejected", listener=listener)
    assert refused["reason"] in ("malformed", "integrity", "peer-closed")
    assert "Traceback" not in pair.server.told()


def test_one_of_several_zeromq_peers_cannot_be_closed(make_pair: MakePair) -> None:
    """A ROUTER has no call for it, so the driver says unsupported, and both peers go on."""
    pair = make_pair("curvezmq")
    sides = pair.stack.sides()
    _, address = pair.listen(sides["server"])
    for number in (1, 2):
        pair.connect(address, sides["client"])
        pair.server.wait("established", count=number)
    accepted = [one["conn"] for one in pair.server.seen("established")]
    for mode in ("graceful", "abort"):
        assert code_of(pair.server.call, "close", conn=accepted[0], mode=mode) == -32001
    for conn in accepted:
        pair.server.call("send", conn=conn, payload="eA==")
    pair.client.wait("delivered", count=2)


def test_closing_a_zeromq_listener_ends_its_connections(make_pair: MakePair) -> None:
    """The endpoint is one socket: with it all its peers go."""
    pair = make_pair("curvezmq")
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"])
    conn = pair.connect(address, sides["client"])
    accepted = pair.server.wait("established")["conn"]
    pair.server.call("close", listener=listener)
    assert pair.server.wait("closed", conn=accepted)["how"] == "local"
    pair.client.wait("closed", conn=conn)


def test_the_handshake_timer_of_zeromq(make_pair: MakePair) -> None:
    """libzmq's own interval lets a silent visitor go."""
    pair = make_pair("curvezmq")
    _, address = pair.listen(pair.stack.sides()["server"], options={"timeouts": {"handshake_ms": 100}})
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(address["path"])
        visitor.settimeout(20)
        while visitor.recv(4096):
            pass


def test_the_greeting_of_zeromq_is_not_delivered(make_pair: MakePair) -> None:
    """The server learns of a silent client by the driver's greeting alone."""
    pair = make_pair("curvezmq")
    pair.session()
    assert pair.server.seen("delivered") == []
    assert json.dumps(pair.server.notifications).count("established") == 1
