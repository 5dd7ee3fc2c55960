"""What a connection tells the program that drives it.

Rule of this file: every connection ends with exactly one of `Rejected` (it was never established) and `Closed`
(it was), and nothing follows. Calls and answers that were open are settled before that last event.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sipc.envelope import Envelope


class How(StrEnum):
    """How an established connection ended."""

    CLEAN = "clean"
    """The peer closed, and everything it sent has arrived."""
    TRUNCATED = "truncated"
    """The stream ended before the peer's CLOSE."""
    ERROR = "error"
    """A rule was broken, or a timer fired."""
    LOCAL = "local"
    """This side closed."""


class Executed(StrEnum):
    """Whether the effect of a failed request may have happened."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"


class Cause(StrEnum):
    """Why nobody waits for an answer any more."""

    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Established:
    """Both sides are authenticated and have proved it freshly; messages may be sent from now on.

    Attributes:
        peer: Authenticated name of the other side.
        credential: Kind of credential that proved it.
        local: The name this side proved.
        suite: Name of the cipher suite.
        version: Protocol version.
        channel_binding: 32 bytes, equal on both sides and different for every session.
    """

    peer: str
    credential: str
    local: str
    suite: str
    version: int
    channel_binding: bytes


class MessageReceived(NamedTuple):
    """An event of the peer."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """A well-formed message was not acted upon.

    Attributes:
        mid: Its number.
        status: With what a request is answered for the same cause.
        detail: For people.
        reason: Reason class.
    """

    mid: int
    status: int
    detail: str
    reason: str = "protocol"


class RequestReceived(NamedTuple):
    """The peer waits for `respond(mid, ...)`.

    Attributes:
        mid: Number of the request.
        envelope: The request.
        deadline: Monotonic time after which nobody waits any more.
    """

    mid: int
    envelope: Envelope
    deadline: float


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """Nobody waits for the answer to request `mid` any more: stop working on it."""

    mid: int
    cause: Cause


class ResponseReceived(NamedTuple):
    """The final response to our request `mid`."""

    mid: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """Our request `mid` will not be answered.

    Attributes:
        mid: Number of the request.
        reason: Reason class.
        code: `deadline_exceeded`, `cancelled`, `outcome_unknown` or `not_executed`.
        executed: Whether its effect may have happened.
        retry_after_ms: How long the other side asked to wait before it is tried again.
    """

    mid: int
    reason: str
    code: str
    executed: Executed
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """The connection was never established.

    Attributes:
        stage: `transport`, `negotiation` or `handshake`.
        reason: Reason class.
        detail: For people; the peer is told nothing of it.
    """

    stage: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection has ended.

    Attributes:
        how: See `How`.
        reason: Reason class; None where this side simply closed.
        detail: For people.
        sent: Messages this side sent.
        received: Messages of the peer that were complete.
        acknowledged: How many of ours the peer's CLOSE said it had processed; None without one.
    """

    how: How
    reason: str | None
    detail: str
    sent: int
    received: int
    acknowledged: int | None


Event = (
    Established
    | MessageReceived
    | MessageRefused
    | RequestReceived
    | RequestEnded
    | ResponseReceived
    | RequestFailed
    | Rejected
    | Closed
)
