"""The exceptions a driver raises to answer a request with an error (driver protocol, section 1)."""

from __future__ import annotations


class DriverRequestError(Exception):
    """Base: a request is answered with a JSON-RPC error.

    Args:
        message: What a person reads.
    """

    code = -32000

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def data(self) -> dict[str, object] | None:
        """Return the error's `data` member, None to leave it out."""
        return None


class Unsupported(DriverRequestError):
    """The method exists, but not this feature, option, transport or credential kind (-32001)."""

    code = -32001


class Failed(DriverRequestError):
    """The operation failed (-32000).

    Args:
        reason: Reason class of the driver protocol, section 6; `unspecified` where the stack cannot tell.
        message: What a person reads, the stack's own words if it has some.
    """

    def __init__(self, reason: str = "unspecified", message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason

    def data(self) -> dict[str, object]:
        """Return the reason class as the error's `data`."""
        return {"reason": self.reason}


def reason_of(problem: OSError) -> str:
    """Return the reason class of an error of the operating system."""
    if isinstance(problem, TimeoutError):
        return "timeout"
    return "peer-closed" if isinstance(problem, ConnectionError) else "unspecified"


class BadParams(DriverRequestError):
    """A parameter is missing, of the wrong type or not a name in use (-32602)."""

    code = -32602


class NoSuchMethod(DriverRequestError):
    """The driver has no such method (-32601)."""

    code = -32601


class NotARequest(DriverRequestError):
    """The line is JSON, but not a request (-32600)."""

    code = -32600


class NotJson(DriverRequestError):
    """The line is not JSON (-32700)."""

    code = -32700
