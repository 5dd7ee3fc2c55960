"""Other protocols at our address: no useful answer, no change, a prompt end."""

import pytest

from ipc_gauntlet import Lab, RawPeer, case, checks
from ipc_gauntlet_suites.scripts import told
from ipc_gauntlet_suites.transport.places import works

GREETINGS = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://attacker.example\r\n\r\n",
    "HTTP with a body": b"POST /append HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\ndata",
    "WebSocket": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "D-Bus": b"\0AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
    "SMTP": b"EHLO attacker.example\r\nMAIL FROM:<a@attacker.example>\r\nQUIT\r\n",
    "JSON-RPC": b'{"jsonrpc": "2.0", "id": 1, "method": "append", "params": ["x"]}\n',
    "Redis": b"*1\r\n$4\r\nPING\r\n",
}
TLS = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + bytes(32) + b"\0\0\2\x13\x01\x01\0"
ZMTP = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)

# A TLS alert has seven bytes, a refusal of SIPC/1 about twenty: that much says no and nothing else.
SHORT = 64
_ANSWER_S = 2.0


@case("XPT-12", role="server", stage="transport")
@pytest.mark.parametrize("what", [*GREETINGS, "TLS", "ZMTP"], ids=lambda what: str(what).replace(" ", "-"))
def test_other_protocols(lab: Lab, what: str) -> None:
    """A client of another protocol connects, by accident or because somebody made a browser do it. It must not be answered
    in its own protocol, nor hear its own words again; nothing is delivered or executed, and the connection ends."""
    lab.stage("transport")
    greeting = {**GREETINGS, "TLS": TLS, "ZMTP": ZMTP}[what]
    served = lab.listen()
    works(lab, served)
    if (lab.framing, what) in {("tls", "TLS"), ("zmtp", "ZMTP")}:
        greeting = GREETINGS["HTTP"]
    since = served.since()
    raw = RawPeer.dial(lab.reactor, served.address)
    lab.own(raw.close)
    raw.write(greeting)
    if lab.transport == "pipe":
        # A pipe has no halves: who has said all it has to say cannot hear an answer any more.
        lab.wait(lambda: raw.ended is not None or raw.bytes_seen > 0, _ANSWER_S)
    raw.finish()
    ended = lab.wait(lambda: raw.ended is not None)
    lab.did(f"greeted the server in {what}")
    answer = bytes(raw.received)
    echoed = any(
        greeting[at : at + 8] in answer for at in range(0, len(greeting) - 8, 8) if any(greeting[at : at + 8])
    )
    lab.require_that(not echoed, "none of the client's words to come back", f"{answer[:60]!r}", "echoed")
    lab.require_that(b"HTTP/" not in answer, "no answer in HTTP", f"{answer[:60]!r}", "interpreted")
    lab.require_that(
        len(answer) <= SHORT, f"at most {SHORT} bytes in return", f"{len(answer)} bytes", "answered"
    )
    lab.require_that(ended, "the connection to end", "still open", "waited")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    told(lab, served, since)
    works(lab, served)
