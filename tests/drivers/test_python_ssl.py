"""The TLS drivers: certificates, names, timers, large messages, threads."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Pair

SERVICE, CLIENT = "server.test.example", "client.test.example"


@pytest.fixture
def pair(make_pair: Callable[[str], Pair]) -> Pair:
    """Two processes of the strict driver."""
    return make_pair("python-ssl-strict")


def attempt(pair: Pair, client: Any, server: Any, **more: object) -> tuple[str, str]:  # noqa: ANN401 - a Side
    """Let a client try and return its id and the listener's."""
    listener, address = pair.listen(server)
    return pair.connect(address, client, **more), listener


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_both_key_types_authenticate_both_sides(pair: Pair, x509_kit: Any, kind: str) -> None:  # noqa: ANN401
    """The name that was checked is reported, with version and suite."""
    own = x509_kit()
    side = x509_kit.side
    conn, listener = attempt(
        pair, side(own.leaf(CLIENT, kind), own.trust()), side(own.leaf(SERVICE, kind), own.trust())
    )
    told = pair.client.wait("established", conn=conn)
    assert (told["peer"], told["version"]) == (SERVICE, "TLSv1.3")
    assert told["suite"].startswith("TLS_")
    assert pair.server.wait("established", listener=listener)["peer"] == CLIENT


def test_a_client_without_a_certificate_is_refused(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """The server rejects; the client learns it after its own handshake, as TLS 1.3 has it."""
    own = x509_kit()
    conn, listener = attempt(
        pair, x509_kit.side(None, own.trust()), x509_kit.side(own.leaf(SERVICE), own.trust())
    )
    assert pair.server.wait("rejected", listener=listener)["reason"] == "authentication"
    assert pair.client.wait("closed", conn=conn)["reason"] == "authentication"


@pytest.mark.parametrize("service", ["", "server.test.example\0", "."])
def test_a_name_that_cannot_be_checked_is_refused(pair: Pair, x509_kit: Any, service: str) -> None:  # noqa: ANN401
    """What the module raises for such a name is reported as a refusal, and is no defect of the driver."""
    own = x509_kit()
    side = x509_kit.side
    conn, _ = attempt(
        pair, side(own.leaf(CLIENT), own.trust()), side(own.leaf(SERVICE), own.trust()), service=service
    )
    refused = pair.client.wait("rejected", conn=conn)
    assert (refused["stage"], refused["reason"]) == ("handshake", "authentication")
    assert "Traceback" not in pair.client.told()


def test_a_server_under_another_name_is_refused(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """The certificate must bear the name the client asked for."""
    own = x509_kit()
    side = x509_kit.side
    conn, _ = attempt(
        pair, side(own.leaf(CLIENT), own.trust()), side(own.leaf("other.test.example"), own.trust())
    )
    refused = pair.client.wait("rejected", conn=conn)
    assert refused["reason"] == "authentication"
    assert "Hostname mismatch" in refused["detail"]


def test_empty_trust_trusts_nobody(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """Without roots every certificate is refused, on either side; the system's authorities are not asked."""
    own = x509_kit()
    side, empty = x509_kit.side, {"kind": "x509", "roots": [], "crls": []}
    for client_trust, server_trust, refuser in (
        (empty, own.trust(), pair.client),
        (None, own.trust(), pair.client),
        (own.trust(), empty, pair.server),
        (own.trust(), None, pair.server),
    ):
        before = len(refuser.seen("rejected"))
        attempt(pair, side(own.leaf(CLIENT), client_trust), side(own.leaf(SERVICE), server_trust))
        assert refuser.wait("rejected", count=before + 1, reason="authentication")


@pytest.mark.parametrize(("days", "reason"), [(-1, "expired")])
def test_an_expired_client_is_refused(pair: Pair, x509_kit: Any, days: int, reason: str) -> None:  # noqa: ANN401
    """The reason class says so."""
    own = x509_kit()
    client = x509_kit.side(own.leaf(CLIENT, days=days), own.trust())
    _, listener = attempt(pair, client, x509_kit.side(own.leaf(SERVICE), own.trust()))
    assert pair.server.wait("rejected", listener=listener)["reason"] == reason


def test_a_revoked_client_is_refused(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """CRLs in the trust are looked at."""
    own = x509_kit()
    leaf = own.leaf(CLIENT)
    server = x509_kit.side(own.leaf(SERVICE), own.trust(leaf))
    _, listener = attempt(pair, x509_kit.side(leaf, own.trust()), server)
    assert pair.server.wait("rejected", listener=listener)["reason"] == "revoked"


def test_a_key_that_does_not_fit_fails_the_call(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """The module refuses a certificate with another's private key."""
    own = x509_kit()
    odd = {**own.leaf(SERVICE), "private_key": own.leaf(SERVICE)["private_key"]}
    with pytest.raises(Exception, match="-32000"):
        pair.listen(x509_kit.side(odd, own.trust()))


def test_certificates_that_are_none_fail_the_call(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """Bytes that OpenSSL cannot read are malformed."""
    own = x509_kit()
    junk = {**own.leaf(SERVICE), "chain": ["AAAA"]}
    for side in (
        x509_kit.side(junk, own.trust()),
        x509_kit.side(own.leaf(SERVICE), {"kind": "x509", "roots": ["AAAA"]}),
    ):
        with pytest.raises(Exception, match="-32000") as caught:
            pair.listen(side)
        assert caught.value.data == {"reason": "malformed"}


def test_a_listener_can_be_restricted_to_one_name(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """With `peer` only a client whose certificate bears that name is established."""
    own = x509_kit()
    client, server = (x509_kit.side(own.leaf(name), own.trust()) for name in (CLIENT, SERVICE))
    other, address = pair.listen(server, peer="other.test.example")
    pair.connect(address, client)
    assert pair.server.wait("rejected", listener=other)["reason"] == "unauthorized"
    listener, address = pair.listen(server, peer=CLIENT)
    pair.connect(address, client)
    pair.server.wait("established", listener=listener)
    assert pair.server.seen("delivered") == []


def test_the_handshake_timer(pair: Pair, x509_kit: Any) -> None:  # noqa: ANN401
    """With the option a silent visitor is let go for lack of time; without it nobody is."""
    own = x509_kit()
    side = x509_kit.side(own.leaf(SERVICE), own.trust())
    timed, address = pair.listen(side, options={"timeouts": {"handshake_ms": 50}})
    patient, other = pair.listen(side)
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        two.connect(other["path"])
        one.connect(address["path"])
        assert pair.server.wait("rejected", listener=timed)["reason"] == "timeout"
    assert pair.server.wait("rejected", listener=patient)["reason"] == "peer-closed"


def test_an_idle_visitor_keeps_nobody_waiting(pair: Pair) -> None:
    """The handshake of each connection has its own thread."""
    sides = pair.stack.sides()
    _, address = pair.listen(sides["server"])
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(address["path"])
        conn = pair.connect(address, sides["client"])
        pair.client.wait("established", conn=conn)


def test_large_messages_both_ways_at_once(pair: Pair) -> None:
    """Neither side needs the other to stop sending before it can read."""
    conn, accepted = pair.session()
    payload = base64.b64encode(b"x" * (1024 * 1024)).decode()
    for _ in range(4):
        pair.client.submit("send", conn=conn, payload=payload)
        pair.server.submit("send", conn=accepted, payload=payload)
    pair.client.wait("delivered", count=4, conn=conn)
    pair.server.wait("delivered", count=4, conn=accepted)


def test_a_message_over_the_limit_is_refused(pair: Pair) -> None:
    """The declared limit is enforced by the sender, and the connection goes on."""
    conn, accepted = pair.session()
    limit = pair.client.call("describe")["limits"]["max_message"]
    with pytest.raises(Exception, match="-32000") as caught:
        pair.client.call("send", conn=conn, payload=base64.b64encode(b"x" * (limit + 1)).decode())
    assert caught.value.data == {"reason": "limit"}
    pair.client.call("send", conn=conn, payload="eA==")
    pair.server.wait("delivered", conn=accepted)


@pytest.mark.parametrize("mode", ["graceful", "abort"])
def test_a_blocked_send_ends_with_a_close(
    pair: Pair, make_relay: Callable[[dict[str, Any]], Any], mode: str
) -> None:
    """When nobody reads, the sending call hangs until the connection is closed, and only that call."""
    sides = pair.stack.sides()
    _, address = pair.listen(sides["server"])
    relay = make_relay(address)
    conn = pair.connect(relay.address, sides["client"])
    pair.client.wait("established", conn=conn)
    pair.server.wait("established")
    relay.hold("c2s")
    payload = base64.b64encode(b"x" * (1024 * 1024)).decode()
    hanging = [pair.client.submit("send", conn=conn, payload=payload) for _ in range(3)]
    pair.client.call("describe")
    assert not pair.client.answered(hanging[-1])
    pair.client.call("close", conn=conn, mode=mode)
    assert pair.client.wait("closed", conn=conn)["how"] == "local"
    with pytest.raises(Exception, match="-32000"):
        pair.client.result(hanging[-1])
