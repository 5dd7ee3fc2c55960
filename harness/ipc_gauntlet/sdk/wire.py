"""Lines in, lines out: the framing of the driver protocol (section 1), without any I/O of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ipc_gauntlet.sdk.errors import DriverRequestError, NotARequest, NotJson

MAX_LINE = 8 * 1024 * 1024

JsonObject = dict[str, Any]
RequestId = int | str | None


@dataclass(frozen=True)
class Request:
    """One request of the harness."""

    id: RequestId
    method: str
    params: JsonObject = field(default_factory=dict)


class Refused(Exception):
    """A line that cannot be served, with the id its answer must bear."""

    def __init__(self, request_id: RequestId, error: DriverRequestError) -> None:
        super().__init__(error.message)
        self.id = request_id
        self.error = error


def read_lines(stream: BinaryIO, limit: int = MAX_LINE) -> Iterator[bytes | None]:
    """Yield lines without their newline until the stream ends; None stands for one that is too long.

    Args:
        stream: Where to read; memory use is bounded by `limit` whatever arrives.
        limit: Longest line in bytes, newline included.
    """
    while line := stream.readline(limit + 1):
        if len(line) > limit:
            while line and not line.endswith(b"\n"):
                line = stream.readline(limit)
            yield None
        elif line.endswith(b"\n"):
            yield line[:-1]
        else:
            return  # the stream ended inside a line: nobody waits for its answer


def parse(line: bytes | None) -> Request | None:
    """Parse one line.

    Args:
        line: What `read_lines` yielded.

    Returns:
        The request, or None for a JSON-RPC notification, which must not be answered.

    Raises:
        Refused: It is not a request; anything else is a bug.
    """
    if line is None:
        raise Refused(None, NotJson(f"a line may be at most {MAX_LINE} bytes long"))
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise Refused(None, NotJson(f"not JSON: {problem}")) from problem
    if not isinstance(message, dict):
        raise Refused(None, NotARequest("a request is a JSON object; batches are not part of the protocol"))
    request_id = message.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, (int, str, type(None))):
        raise Refused(None, NotARequest("id must be a whole number or a text"))
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str) or message.get("jsonrpc") != "2.0":
        raise Refused(request_id, NotARequest('not a JSON-RPC 2.0 request: needs "jsonrpc" and "method"'))
    if not isinstance(params, dict):
        raise Refused(request_id, NotARequest("params must be an object"))
    return Request(request_id, method, params) if "id" in message else None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def answer(request_id: RequestId, result: Mapping[str, object]) -> JsonObject:
    """Make the response to a request that succeeded."""
    return {"jsonrpc": "2.0", "id": request_id, "result": _clean(result)}


def refusal(request_id: RequestId, error: DriverRequestError) -> JsonObject:
    """Make the response to a request that failed."""
    body: JsonObject = {"code": error.code, "message": error.message}
    if (data := error.data()) is not None:
        body["data"] = data
    return {"jsonrpc": "2.0", "id": request_id, "error": body}


def notification(method: str, params: Mapping[str, object]) -> JsonObject:
    """Make a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": _clean(params)}


def encode(message: JsonObject) -> bytes:
    """Encode one message as a line; ASCII, so that no text of a stack can break it."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _clean(members: Mapping[str, object]) -> JsonObject:
    """Leave out what is None, and encode bytes, at any depth."""
    return {name: _plain(value) for name, value in members.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return _clean(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
