"""How the reference's own words map to those of the driver protocol."""

from sipc.envelope import Status
from sipc.errors import LocalError
from sipc.events import Executed, RequestFailed, ResponseReceived
from sipc_driver.rpc import Json, encoded

# Status -> (reason class, whether the effect may have happened)
_STATUS: dict[int, tuple[str, str]] = {
    Status.PROTOCOL: ("protocol", "no"),
    Status.TOO_LARGE: ("limit", "unknown"),
    Status.BUSY: ("limit", "no"),
    Status.DENIED: ("unauthorized", "no"),
    Status.SCHEMA: ("malformed", "no"),
    Status.SCHEMA_UNSUPPORTED: ("protocol", "no"),
    Status.DEADLINE_EXCEEDED: ("timeout", "unknown"),
    Status.CANCELLED: ("timeout", "unknown"),
    Status.IDEM_REQUIRED: ("protocol", "no"),
    Status.IDEM_MISMATCH: ("replay", "no"),
    Status.IN_PROGRESS: ("limit", "unknown"),
    Status.OUTCOME_UNKNOWN: ("internal", "unknown"),
    Status.UNAVAILABLE: ("limit", "no"),
    Status.INTERNAL: ("internal", "unknown"),
}


def outcome_of(outcome: ResponseReceived | RequestFailed) -> Json:
    """The result of `send` for a request."""
    if isinstance(outcome, RequestFailed):
        return _failed(outcome.reason, outcome.executed, outcome.code)
    status = outcome.envelope.status
    if status == Status.OK:
        body = outcome.envelope.body
        return {"status": "ok", "payload": encoded(body if isinstance(body, bytes) else b"")}
    reason, executed = _STATUS.get(status, ("unspecified", "unknown"))
    code = Status(status).name.lower() if status in Status.__members__.values() else str(status)
    return _failed(reason, executed, code)


def not_sent(error: LocalError) -> Json:
    """The result of `send` for a request that never left."""
    code = "deadline_exceeded" if error.reason == "timeout" else "not_sent"
    return _failed(error.reason, Executed.NO, code)


def _failed(reason: str, executed: str, code: str) -> Json:
    return {"status": "error", "reason": reason, "executed": str(executed), "code": code}
