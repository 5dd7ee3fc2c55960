"""What the bundled drivers report when somebody on the path cuts the stream."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Pair, Relay

MakePair = Callable[[str], "Pair"]
MakeRelay = Callable[[dict[str, Any]], "Relay"]

CUT_BETWEEN = {
    "python-ssl": "clean",
    "python-ssl-strict": "truncated",
    "python-multiprocessing": "clean",
    "noise-xx": "clean",
}


def relayed(pair: Pair, make_relay: MakeRelay) -> tuple[str, str, Relay]:
    """Make a session through a relay, with one message each way, and return both ids and the relay."""
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"])
    relay = make_relay(address)
    conn = pair.connect(relay.address, sides["client"])
    pair.client.wait("established", conn=conn)
    accepted = pair.server.wait("established", listener=listener)["conn"]
    greeting = base64.b64encode(b"greeting").decode()
    pair.client.call("send", conn=conn, payload=greeting)
    pair.server.wait("delivered", conn=accepted)
    pair.server.call("send", conn=accepted, payload=greeting)
    pair.client.wait("delivered", conn=conn)
    return conn, accepted, relay


@pytest.mark.parametrize("name", sorted(CUT_BETWEEN))
def test_a_cut_between_messages(make_pair: MakePair, make_relay: MakeRelay, name: str) -> None:
    """Most stacks tell their user that this was an ordinary end; the strict one does not."""
    pair = make_pair(name)
    conn, accepted, relay = relayed(pair, make_relay)
    relay.cut_after("c2s", 0)
    pair.client.call("send", conn=conn, payload="bG9zdA==")
    assert pair.server.wait("closed", conn=accepted)["how"] == CUT_BETWEEN[name]
    assert pair.client.wait("closed", conn=conn)["how"] == CUT_BETWEEN[name]
    assert pair.server.payloads(accepted) == [b"greeting"]


@pytest.mark.parametrize("name", sorted(CUT_BETWEEN))
def test_a_cut_inside_a_large_message(make_pair: MakePair, make_relay: MakeRelay, name: str) -> None:
    """A message whose end is missing is never delivered and its end never clean."""
    pair = make_pair(name)
    conn, accepted, relay = relayed(pair, make_relay)
    relay.cut_after("c2s", 40_000)
    pair.client.submit("send", conn=conn, payload=base64.b64encode(b"x" * 60_000).decode())
    closed = pair.server.wait("closed", conn=accepted)
    assert (closed["how"], closed["reason"]) == ("truncated", "truncated")
    assert pair.server.payloads(accepted) == [b"greeting"]


def test_a_cut_stream_looks_like_any_end_to_a_zeromq_client(
    make_pair: MakePair, make_relay: MakeRelay
) -> None:
    """The monitor tells of a disconnection, and a ROUTER tells nothing."""
    pair = make_pair("curvezmq")
    conn, accepted, relay = relayed(pair, make_relay)
    relay.cut_after("s2c", 0)
    pair.server.call("send", conn=accepted, payload="bG9zdA==")
    assert pair.client.wait("closed", conn=conn)["how"] == "clean"
    assert pair.client.payloads(conn) == [b"greeting"]
    assert pair.server.seen("closed") == []


@pytest.mark.parametrize("direction", ["c2s", "s2c"])
def test_a_flipped_bit_drops_a_zeromq_connection(
    make_pair: MakePair, make_relay: MakeRelay, direction: str
) -> None:
    """Watching does not keep libzmq from dropping the connection, and a client that finds the flaw says why."""
    pair = make_pair("curvezmq")
    conn, accepted, relay = relayed(pair, make_relay)
    time.sleep(0.05)  # libzmq behaves differently within a millisecond of the last event
    relay.flip(direction)
    sender, ident = (pair.client, conn) if direction == "c2s" else (pair.server, accepted)
    sender.call("send", conn=ident, payload="bG9zdA==")
    closed = pair.client.wait("closed", conn=conn)
    assert (closed["how"], closed["reason"]) == (
        ("error", "integrity") if direction == "s2c" else ("clean", "unspecified")
    )
    assert pair.client.payloads(conn) == pair.server.payloads(accepted) == [b"greeting"]


@pytest.mark.parametrize("name", ["python-ssl", "python-ssl-strict", "noise-xx"])
def test_a_flipped_bit_is_an_error_where_it_is_found(
    make_pair: MakePair, make_relay: MakeRelay, name: str
) -> None:
    """The altered message is not delivered and the receiver's application is told why."""
    pair = make_pair(name)
    conn, accepted, relay = relayed(pair, make_relay)
    relay.flip("c2s")
    pair.client.call("send", conn=conn, payload="bG9zdA==")
    closed = pair.server.wait("closed", conn=accepted)
    assert (closed["how"], closed["reason"]) == ("error", "integrity")
    assert pair.server.payloads(accepted) == [b"greeting"]
    pair.client.wait("closed", conn=conn)


@pytest.mark.parametrize("name", ["python-ssl", "python-ssl-strict"])
def test_a_farewell_that_is_not_answered_is_bounded(
    make_pair: MakePair, make_relay: MakeRelay, name: str
) -> None:
    """A graceful close returns although the peer's half of the closing handshake never comes."""
    pair = make_pair(name)
    conn, _, relay = relayed(pair, make_relay)
    relay.hold("s2c")
    pair.client.call("close", conn=conn)
    closed = pair.client.wait("closed", conn=conn)
    assert (closed["how"], closed["reason"]) == ("local", "timeout")
