"""Parameters, results and notifications of the driver protocol (sections 2 and 4 to 7).

`docs/driver-protocol.schema.json` is made from these types, and what a driver answers is checked against them.
Members that a type does not know are ignored, except in `Options`.
"""

from typing import Annotated, Any

import msgspec

from ipc_gauntlet.driver.statement import Milliseconds, Statement, Text, Timeouts
from ipc_gauntlet.driver.vocabulary import (
    Executed,
    How,
    InspectTopic,
    Operation,
    Reason,
    Stage,
    TransportKind,
)

Key32 = Annotated[bytes, msgspec.Meta(description="32 bytes")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all message types have in common: they are values, and absent members stay absent."""


# Addresses, section 2


class UnixAddress(Base, frozen=True, kw_only=True, tag_field="transport", tag="unix"):
    """A unix socket in the directory that `listen` was given."""

    path: Text


class TcpAddress(Base, frozen=True, kw_only=True, tag_field="transport", tag="tcp"):
    """A literal loopback address and a port."""

    host: Text
    port: Port


Address = UnixAddress | TcpAddress

# Credentials and trust, section 5


class X509Credential(Base, frozen=True, kw_only=True, tag_field="kind", tag="x509"):
    """A certificate chain in DER, leaf first, and the leaf's private key as PKCS #8 DER."""

    name: Text
    chain: tuple[bytes, ...]
    private_key: bytes


class PskCredential(Base, frozen=True, kw_only=True, tag_field="kind", tag="psk"):
    """A pre-shared key: its id, and the names of the side that holds this object and of the other side."""

    id: Text
    key: Key32
    self: Text
    other: Text


class RawKeyCredential(Base, frozen=True, kw_only=True, tag_field="kind", tag="raw-key"):
    """An X25519 key pair with a name."""

    name: Text
    public: Key32
    private: Key32


Credential = X509Credential | PskCredential | RawKeyCredential


class X509Trust(Base, frozen=True, kw_only=True, tag_field="kind", tag="x509"):
    """Trusted root certificates and revocation lists, DER."""

    roots: tuple[bytes, ...]
    crls: tuple[bytes, ...] = ()


class PskTrust(Base, frozen=True, kw_only=True, tag_field="kind", tag="psk"):
    """The pre-shared keys a side may use, each as a credential object."""

    keys: tuple[PskCredential, ...]


class RawPublicKey(Base, frozen=True, kw_only=True):
    """A peer's public key with its name."""

    name: Text
    public: Key32


class RawKeyTrust(Base, frozen=True, kw_only=True, tag_field="kind", tag="raw-key"):
    """The public keys of the peers to accept."""

    keys: tuple[RawPublicKey, ...]


Trust = X509Trust | PskTrust | RawKeyTrust


class Options(Base, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optional settings; a driver answers -32001 to one that it does not support."""

    timeouts: Timeouts | None = None
    suites: tuple[str, ...] | None = None
    versions: tuple[int, int] | None = None
    store: str | None = None


# Parameters, section 2


class NoParams(Base, frozen=True, kw_only=True):
    """A method without parameters."""


class ListenParams(Base, frozen=True, kw_only=True):
    """Open a server endpoint."""

    listener: Text
    transport: TransportKind
    directory: Text
    service: Text
    credential: Credential | None = None
    trust: Trust | None = None
    peer: str | None = None
    options: Options | None = None


class ConnectParams(Base, frozen=True, kw_only=True):
    """Start a connection."""

    conn: Text
    address: Address
    service: Text
    credential: Credential | None = None
    trust: Trust | None = None
    peer: str | None = None
    options: Options | None = None


class SendEvent(Base, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """Send one message; `kind` may be absent."""

    conn: Text
    payload: bytes


class SendRequest(Base, frozen=True, kw_only=True, tag_field="kind", tag="request"):
    """Call an operation of the test application."""

    conn: Text
    payload: bytes
    operation: Operation
    key: bytes | None = None
    deadline_ms: Milliseconds | None = None


class CloseParams(Base, frozen=True, kw_only=True):
    """Close the connection `conn`, or the listener `listener`."""

    conn: str | None = None
    listener: str | None = None
    mode: Annotated[str, msgspec.Meta(pattern="^(graceful|abort)$")] = "graceful"


class InspectParams(Base, frozen=True, kw_only=True):
    """Ask for the state of the driver."""

    what: tuple[InspectTopic, ...]


class Rekey(Base, frozen=True, kw_only=True, tag_field="action", tag="rekey"):
    """Start sending under a new key."""

    conn: Text


class Revoke(Base, frozen=True, kw_only=True, tag_field="action", tag="revoke"):
    """Stop trusting a name, on a listener or on a connection."""

    name: Text
    listener: str | None = None
    conn: str | None = None


class AdvanceClockParams(Base, frozen=True, kw_only=True):
    """Move the virtual clock."""

    ms: Milliseconds


class ParseParams(Base, frozen=True, kw_only=True):
    """Run one of the parsers that the statement names."""

    parser: Text
    data: bytes


# Results


class Empty(Base, frozen=True, kw_only=True):
    """A result without members."""


class ListenResult(Base, frozen=True, kw_only=True):
    """Where the endpoint can be reached."""

    address: Address


class OutcomeOk(Base, frozen=True, kw_only=True, tag_field="status", tag="ok"):
    """The response to a request."""

    payload: bytes


class OutcomeError(Base, frozen=True, kw_only=True, tag_field="status", tag="error"):
    """A request that failed: why, whether it was executed, and the implementation's own word for it."""

    reason: Reason
    executed: Executed
    code: str = ""


class LedgerEntry(Base, frozen=True, kw_only=True):
    """One executed operation."""

    operation: Text
    payload: bytes
    peer: str | None = None
    conn: str | None = None
    key: bytes | None = None


class Resources(Base, frozen=True, kw_only=True):
    """What the driver holds; absent where it cannot count."""

    fds: int | None = None
    threads: int | None = None
    connections: int | None = None


class InspectResult(Base, frozen=True, kw_only=True):
    """One member for each topic that was asked."""

    ledger: tuple[LedgerEntry, ...] | None = None
    resources: Resources | None = None
    audit: Any = None
    metrics: Any = None


class ParseResult(Base, frozen=True, kw_only=True):
    """What a parser made of its input."""

    accepted: bool
    value: Any = None
    reason: Reason | None = None


# Notifications, section 6


class Notification(Base, frozen=True, kw_only=True):
    """What every notification has: the driver's monotonic clock in seconds."""

    t: float | None = None


class Established(Notification, frozen=True, kw_only=True):
    """A connection is authenticated and usable, the implementation says."""

    conn: Text
    listener: str | None = None
    peer: str | None = None
    version: str | int | None = None
    suite: str | int | None = None
    binding: bytes | None = None
    credential: Any = None


class Delivered(Notification, frozen=True, kw_only=True):
    """A message was handed to the application."""

    conn: Text
    payload: bytes


class ExecutedNote(Notification, frozen=True, kw_only=True):
    """An operation of the test application took effect."""

    conn: Text
    operation: Text
    payload: bytes
    key: bytes | None = None


class Rejected(Notification, frozen=True, kw_only=True):
    """An attempt or a message was refused."""

    stage: Stage
    conn: str | None = None
    listener: str | None = None
    reason: Reason = "unspecified"
    detail: str | None = None


class Closed(Notification, frozen=True, kw_only=True):
    """A connection ended for the application."""

    conn: Text
    how: How
    reason: Reason = "unspecified"
    detail: str | None = None


# What belongs together

PARAMS: dict[str, Any] = {
    "describe": NoParams,
    "listen": ListenParams,
    "connect": ConnectParams,
    "send": SendEvent | SendRequest,
    "close": CloseParams,
    "reset": NoParams,
    "inspect": InspectParams,
    "configure": Rekey | Revoke,
    "advance_clock": AdvanceClockParams,
    "parse": ParseParams,
    "shutdown": NoParams,
}
"""The type of each method's parameters."""

RESULTS: dict[str, Any] = {
    "describe": Statement,
    "listen": ListenResult,
    "connect": Empty,
    "send": OutcomeOk | OutcomeError,
    "close": Empty,
    "reset": Empty,
    "inspect": InspectResult,
    "configure": Empty,
    "advance_clock": Empty,
    "parse": ParseResult,
    "shutdown": Empty,
}
"""The type of each method's result; `send` of an event has an empty one."""

NOTIFICATIONS: dict[str, Any] = {
    "established": Established,
    "delivered": Delivered,
    "executed": ExecutedNote,
    "rejected": Rejected,
    "closed": Closed,
}
"""The type of each notification's parameters."""
