"""What every bundled driver must do, and what each library is known to tell."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from systems import NOWHERE, STACK_TRANSPORTS, connected_to, listening_in

if TYPE_CHECKING:
    from conftest import DriverClient, Pair

MakePair = Callable[[str], "Pair"]

NAMES = ["python-ssl", "python-ssl-strict", "python-multiprocessing", "curvezmq", "noise-xx"]
ROLES = ["client", "server"]
every_stack = pytest.mark.parametrize("name", NAMES)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@pytest.fixture
def pair(make_pair: MakePair, name: str) -> Pair:
    """Two processes of the stack under test."""
    return make_pair(name)


def refusal(client: DriverClient, method: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
    with pytest.raises(Exception, match="-32") as caught:
        client.call(method, **params)
    return caught.value


@every_stack
def test_the_statement_is_complete(pair: Pair, name: str) -> None:
    """Everything the harness decides by is there, and the name is the one of the entry point."""
    statement = pair.client.call("describe")
    assert statement["name"] == name
    assert statement["protocol"] == 1
    assert statement["profile"] in ("local", "channel")
    assert set(statement["roles"]) == {"client", "server"}
    assert {"push"} <= set(statement["features"])
    assert {"established", "delivered"} <= set(statement["observes"])
    assert statement["wire"]["framing"] in ("tls", "mp", "u16be", "zmtp")
    assert statement["version"]
    assert pair.client.notifications == []


@pytest.mark.parametrize("transport", STACK_TRANSPORTS)
@every_stack
def test_messages_travel_both_ways_unchanged(pair: Pair, transport: str) -> None:
    """Any bytes, the empty message too, arrive once and in order."""
    conn, accepted = pair.session(transport)
    payloads = [b"", b"\x00", b"\n\r\xff", bytes(range(256)) * 40, *(str(n).encode() for n in range(50))]
    for sender, source, receiver, sink in (
        (pair.client, conn, pair.server, accepted),
        (pair.server, accepted, pair.client, conn),
    ):
        for payload in payloads:
            sender.submit("send", conn=source, payload=b64(payload))
        sender.call("send", conn=source, payload=b64(b"last"))
        receiver.wait("delivered", conn=sink, payload=b64(b"last"))
        assert receiver.payloads(sink) == [*payloads, b"last"]


@every_stack
def test_several_connections_are_kept_apart(pair: Pair) -> None:
    """One listener serves several clients, each under its own id."""
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"])
    conns = []
    for number in range(1, 4):
        conns.append(pair.connect(address, sides["client"]))
        pair.client.wait("established", conn=conns[-1])
        pair.server.wait("established", count=number, listener=listener)
    for conn in conns:
        pair.client.call("send", conn=conn, payload=b64(conn.encode()))
        delivered = pair.server.wait("delivered", payload=b64(conn.encode()))
        pair.server.call("send", conn=delivered["conn"], payload=b64(b"to " + conn.encode()))
    for conn in conns:
        pair.client.wait("delivered", conn=conn, payload=b64(b"to " + conn.encode()))
    assert len({one["conn"] for one in pair.server.seen("established")}) == 3


@pytest.mark.parametrize("transport", STACK_TRANSPORTS)
@pytest.mark.parametrize("closer", ROLES)
@every_stack
def test_a_graceful_close_is_reported_as_the_library_does(pair: Pair, closer: str, transport: str) -> None:
    """What was sent before still arrives, then the end, once, at both sides."""
    conn, accepted = pair.session(transport)
    ids, other = {"client": conn, "server": accepted}, "server" if closer == "client" else "client"
    pair.role(closer).call("send", conn=ids[closer], payload=b64(b"last words"))
    pair.role(closer).call("close", conn=ids[closer])
    pair.role(other).wait("delivered", conn=ids[other], payload=b64(b"last words"))
    check_end(pair, ids, closer, pair.stack.regular_end[other])


@pytest.mark.parametrize("transport", STACK_TRANSPORTS)
@pytest.mark.parametrize("closer", ROLES)
@every_stack
def test_an_abort_is_reported_as_the_library_does(pair: Pair, closer: str, transport: str) -> None:
    """A transport that goes without a farewell is truncation only for the stack that tells so."""
    conn, accepted = pair.session(transport)
    ids, other = {"client": conn, "server": accepted}, "server" if closer == "client" else "client"
    pair.role(other).call("send", conn=ids[other], payload=b64(b"x"))
    pair.role(closer).wait("delivered", conn=ids[closer], payload=b64(b"x"))
    pair.role(closer).call("close", conn=ids[closer], mode="abort")
    check_end(pair, ids, closer, pair.stack.dropped[other])


def check_end(pair: Pair, ids: dict[str, str], closer: str, expected: tuple[str, str] | None) -> None:
    other = "server" if closer == "client" else "client"
    assert pair.role(closer).wait("closed", conn=ids[closer])["how"] == "local"
    if expected is not None:
        closed = pair.role(other).wait("closed", conn=ids[other])
        assert (closed["how"], closed["reason"]) == expected
        failed = refusal(pair.role(other), "send", conn=ids[other], payload="")
        assert failed.data == {"reason": "peer-closed"}
    pair.role(closer).call("close", conn=ids[closer])
    for role in ROLES:
        assert len(pair.role(role).seen("closed")) == (1 if role == closer or expected else 0)
        assert pair.role(role).seen("rejected") == []


@every_stack
def test_a_foreign_client_gets_nowhere(pair: Pair) -> None:
    """The server refuses for authentication; the client's view ends too, even if it was established for a moment."""
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"])
    conn = pair.connect(address, sides["foreign client"])
    refused = pair.server.wait("rejected", listener=listener)
    assert (refused["stage"], refused["reason"]) == ("handshake", "authentication")
    assert pair.client.wait_end(conn).get("how", "error") in ("error", "clean")
    assert pair.server.seen("established") == []


@every_stack
def test_a_foreign_server_gets_nowhere(pair: Pair, name: str) -> None:
    """The client never calls a server with an unknown key or certificate established."""
    sides = pair.stack.sides()
    _, address = pair.listen(sides["foreign server"])
    conn = pair.connect(address, sides["client"])
    assert pair.client.wait("rejected", conn=conn)["stage"] == "handshake"
    if name != "curvezmq":  # whose server is not told, see its page
        pair.server.wait("rejected")
    assert pair.client.seen("established") == []
    assert pair.server.seen("established") == []


@every_stack
def test_a_refused_client_does_not_spoil_the_endpoint(pair: Pair) -> None:
    """After a foreign client the right one is served."""
    sides = pair.stack.sides()
    listener, address = pair.listen(sides["server"])
    pair.connect(address, sides["foreign client"])
    pair.server.wait("rejected", listener=listener)
    conn = pair.connect(address, sides["client"])
    pair.client.wait("established", conn=conn)
    pair.server.wait("established", listener=listener)


@every_stack
def test_nobody_listening_is_a_rejection(pair: Pair) -> None:
    """A client that finds no server says so, in the transport stage."""
    side = pair.stack.sides()["client"]
    conn = pair.connect(NOWHERE, side)
    assert pair.client.wait("rejected", conn=conn)["stage"] == "transport"


@every_stack
def test_unknown_options_and_missing_abilities_are_unsupported(pair: Pair) -> None:
    """Nothing is guessed: what the stack does not have is -32001."""
    side = pair.stack.sides()["server"].params()
    listen = {"listener": "l", "transport": "tcp", "service": "server.test.example", **side}
    for options in ({"strange": 1}, {"suites": ["x"]}, {"timeouts": {"idle_ms": 5}}):
        assert refusal(pair.server, "listen", **listen, options=options).code == -32001
    assert refusal(pair.server, "listen", **{**listen, "transport": "pipe"}).code == -32001
    other = {"kind": "other"}
    assert refusal(pair.server, "listen", **{**listen, "credential": other}).code == -32001
    address = {"transport": "tcp", "host": "127.0.0.1", "port": 1}
    connect = {"conn": "c", "address": address, "service": "s", "options": {"strange": 1}}
    assert refusal(pair.client, "connect", **connect).code == -32001
    assert refusal(pair.client, "no-such-method").code == -32601
    assert pair.server.notifications + pair.client.notifications == []


@every_stack
def test_reset_drops_connections_and_silences_them(pair: Pair) -> None:
    """After `reset` nothing old is known or told, and the address is dead."""
    sides = pair.stack.sides()
    _, address = pair.listen(sides["server"])
    conn = pair.connect(address, sides["client"])
    pair.client.wait("established", conn=conn)
    accepted = pair.server.wait("established")["conn"]
    pair.server.call("reset")
    told = len(pair.server.notifications)
    if pair.stack.dropped["client"] is not None:
        pair.client.wait("closed", conn=conn)
    assert refusal(pair.server, "send", conn=accepted, payload="").code == -32602
    again = pair.connect(address, sides["client"])
    assert pair.client.wait("rejected", conn=again)["stage"] == "transport"
    pair.client.call("reset")
    assert pair.session()[1] != accepted
    assert [one["method"] for one in pair.server.notifications[told:]] == ["established"]


@every_stack
def test_reset_ends_handshakes_that_hang(pair: Pair) -> None:
    """A silent peer cannot keep `reset` from taking everything down, on either side."""
    sides = pair.stack.sides()
    _, address = pair.listen(sides["server"])
    idle = [pair.server.call("inspect", what=["resources"]), pair.client.call("inspect", what=["resources"])]
    silent, where = listening_in(pair.directory)
    with connected_to(address), silent:
        pair.connect(where, sides["client"])
        accepted, _ = silent.accept()
        pair.server.call("reset")
        pair.client.call("reset")
        with accepted:
            accepted.settimeout(20)
            while accepted.recv(4096):
                pass
    for one, before in zip((pair.server, pair.client), idle, strict=True):
        after = one.call("inspect", what=["resources"])["resources"]
        assert after["threads"] <= before["resources"]["threads"]
        assert after["connections"] == 0
        assert "does not end" not in one.told()
    assert pair.session()


@every_stack
def test_a_hundred_sessions_leave_nothing_behind(pair: Pair) -> None:
    """File descriptors and threads are the same afterwards, with and without a close before `reset`."""
    counts: list[tuple[Any, Any]] = []
    sides = pair.stack.sides()
    for number in range(104):
        conn, accepted = pair.session(sides=sides)
        pair.client.call("send", conn=conn, payload=b64(b"x"))
        pair.server.wait("delivered", conn=accepted)
        if number % 2:
            pair.client.call("close", conn=conn)
        for one in (pair.client, pair.server):
            one.call("reset")
            one.notifications.clear()
        if number in (3, 103):
            counts.append(
                tuple(
                    one.call("inspect", what=["resources"])["resources"] for one in (pair.client, pair.server)
                )
            )
    assert counts[1] == counts[0]


@every_stack
def test_the_end_of_stdin_ends_the_process(pair: Pair) -> None:
    """Even with open connections and endpoints the driver leaves at once, quietly."""
    pair.session()
    assert pair.client.leave() == 0
    assert pair.server.leave() == 0
    for one in (pair.client, pair.server):
        one.stderr.seek(0)
        assert one.stderr.read() == b""
        assert one.unreadable == []


@pytest.mark.parametrize(
    ("module", "library", "project"), [("curvezmq", "zmq", "pyzmq"), ("noise_xx", "noise", "noiseprotocol")]
)
def test_a_missing_library_is_explained(
    start: Callable[..., DriverClient], module: str, library: str, project: str
) -> None:
    """Without its library a driver says what to install, and exits with status 1."""
    code = (
        f"import runpy, sys; sys.modules[{library!r}] = None; "
        f"runpy.run_module('ipc_gauntlet_drivers.{module}', run_name='__main__')"
    )
    client = start([sys.executable, "-c", code])
    assert client.leave() == 1
    client.stderr.seek(0)
    message = client.stderr.read().decode()
    assert message.strip() == f'{project} is not installed: pip install "ipc-gauntlet[drivers]"'
