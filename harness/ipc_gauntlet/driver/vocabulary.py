"""The closed lists of words in the driver protocol.

A word outside its list is a spelling mistake until proven otherwise, and a mistake here would turn into a wrong
verdict: that is why these are closed, while unknown members of objects are ignored.
"""

from typing import Literal

PROTOCOL_VERSION = 1

Role = Literal["client", "server"]
Profile = Literal["local", "channel", "messaging", "governed"]
TransportKind = Literal["unix", "tcp", "pipe"]
CredentialKind = Literal["x509", "psk", "raw-key"]
KeyType = Literal["x25519", "ed25519", "ecdsa-p256"]
NameForm = Literal["uri", "dns"]
Framing = Literal["sipc", "tls", "u32be", "u16be", "mp", "zmtp", "opaque"]
Feature = Literal[
    "push",
    "place",
    "request",
    "idempotency",
    "timeouts",
    "rekey",
    "revocation",
    "virtual-clock",
    "parse",
    "negotiation",
    "durable",
    "channel-binding",
    "reload",
    "authorization",
    "cancel",
    "work",
    "gate",
    "retries",
    "ordering-keys",
    "metadata",
    "claims",
    "tokens",
    "datagram",
    "metrics",
    "faults",
    "debug",
]
NotificationName = Literal["established", "delivered", "executed", "rejected", "closed"]
Stage = Literal["transport", "negotiation", "handshake", "established", "closing"]
How = Literal["clean", "truncated", "error", "local"]
Reason = Literal[
    "authentication",
    "downgrade",
    "replay",
    "integrity",
    "ordering",
    "protocol",
    "malformed",
    "unauthorized",
    "expired",
    "revoked",
    "limit",
    "timeout",
    "truncated",
    "peer-closed",
    "internal",
    "unspecified",
]
Executed = Literal["no", "unknown", "yes"]
Operation = Literal["echo", "append", "wait", "read", "work", "gated"]
Coverage = Literal["edges/1"]
InspectTopic = Literal["ledger", "resources", "audit", "metrics"]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
UNSUPPORTED = -32001
OPERATION_FAILED = -32000
