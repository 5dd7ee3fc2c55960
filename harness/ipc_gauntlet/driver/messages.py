"""Parameters, results and notifications of the driver protocol (sections 2 and 4 to 7).

`docs/driver-protocol.schema.json` is made from these types, and what a driver answers is checked against them.
Members that a type does not know are ignored, except in `Options`.
"""

from typing import Annotated, Any

import msgspec

from ipc_gauntlet.driver.actions import ACTIONS
from ipc_gauntlet.driver.identities import Credential, Options, Trust
from ipc_gauntlet.driver.sending import SendEvent, SendRequest
from ipc_gauntlet.driver.statement import Milliseconds, Statement, Text
from ipc_gauntlet.driver.values import Address, Base
from ipc_gauntlet.driver.vocabulary import (
    Coverage,
    Executed,
    How,
    InspectTopic,
    Reason,
    Stage,
    TransportKind,
)

EdgeNumber = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]

# Parameters, section 2


class NoParams(Base, frozen=True, kw_only=True):
    """A method without parameters."""


class ListenParams(Base, frozen=True, kw_only=True):
    """Open a server endpoint."""

    listener: Text
    transport: TransportKind
    directory: Text
    file: str | None = None
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


class CloseParams(Base, frozen=True, kw_only=True):
    """Close the connection `conn`, or the listener `listener`."""

    conn: str | None = None
    listener: str | None = None
    mode: Annotated[str, msgspec.Meta(pattern="^(graceful|abort)$")] = "graceful"


class InspectParams(Base, frozen=True, kw_only=True):
    """Ask for the state of the driver."""

    what: tuple[InspectTopic, ...]


class AdvanceClockParams(Base, frozen=True, kw_only=True):
    """Move the virtual clock."""

    ms: Milliseconds


class ParseParams(Base, frozen=True, kw_only=True):
    """Run one of the parsers that the statement names; with `coverage`, tell what it took."""

    parser: Text
    data: bytes
    coverage: Coverage | None = None


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
    metrics: dict[str, int] | None = None


class ParseResult(Base, frozen=True, kw_only=True):
    """What a parser made of its input."""

    accepted: bool
    value: Any = None
    reason: Reason | None = None
    edges: tuple[EdgeNumber, ...] | None = None


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
    """A message was handed to the application; `lane` and `peer` are told by a stack that has them."""

    conn: Text
    payload: bytes
    lane: str | None = None
    peer: str | None = None


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
    "configure": ACTIONS,
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
