"""Everything this package raises on purpose.

Rule of this file: an error says whose fault it is (its class) and how the driver protocol reports it (`reason`,
`stage`). Code that feeds bytes of a peer to this package catches `SipcError`; any other exception is a bug.
"""

from __future__ import annotations

from typing import Literal, TypeVar

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
]
Stage = Literal["transport", "negotiation", "handshake", "established", "closing"]

_T = TypeVar("_T")


class SipcError(Exception):
    """Base of all errors of this package.

    Args:
        message: What happened, for people; never contains key material.
        reason: Overrides the reason class that the error's type stands for.
        stage: Overrides the stage that the error's type stands for.
    """

    reason: Reason = "internal"
    stage: Stage = "established"

    def __init__(self, message: str, *, reason: Reason | None = None, stage: Stage | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason
        if stage is not None:
            self.stage = stage


class LocalError(SipcError):
    """This side's caller or configuration is at fault; nothing was sent because of it."""

    reason: Reason = "internal"


def require(value: _T | None, what: str) -> _T:
    """Return a value that must be there.

    Raises:
        LocalError: It is not; `what` says what is missing.
    """
    if value is None:
        raise LocalError(f"missing: {what}")
    return value


class RemoteError(SipcError):
    """The peer, or whoever owns the path, is at fault. The connection cannot be used any further."""

    reason: Reason = "protocol"


class MalformedError(RemoteError):
    """Bytes that cannot be parsed, or are not the one encoding of what they mean."""

    reason: Reason = "malformed"


class ProtocolError(RemoteError):
    """Well-formed bytes that are not legal in this state."""

    reason: Reason = "protocol"


class IntegrityError(RemoteError):
    """A protected record failed authentication."""

    reason: Reason = "integrity"


class LimitError(RemoteError):
    """The peer asked for more than the configured limits allow."""

    reason: Reason = "limit"


class HandshakeError(RemoteError):
    """The handshake failed; `reason` says in which way."""

    reason: Reason = "protocol"
    stage: Stage = "handshake"


class AuthenticationError(HandshakeError):
    """The peer did not prove an acceptable identity (also: `expired`, `revoked`, `unauthorized`)."""

    reason: Reason = "authentication"


class NegotiationError(HandshakeError):
    """Version or suite negotiation failed, or somebody tried to lower its result."""

    reason: Reason = "downgrade"
    stage: Stage = "negotiation"


class BusyError(NegotiationError):
    """The responder refused the offer because it is busy.

    Args:
        message: What happened, for people.
        retry_after_ms: After how long it may have room, in milliseconds. Nobody has authenticated that.
    """

    reason: Reason = "limit"

    def __init__(self, message: str, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class TruncatedError(RemoteError):
    """The stream ended where the protocol does not allow it to end."""

    reason: Reason = "truncated"
