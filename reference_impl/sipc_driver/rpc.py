"""JSON-RPC 2.0 over lines: parsing, answering, and output from many threads."""

import json
import math
import os
import threading
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

Json = dict[str, object]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
FAILED = -32000
UNSUPPORTED = -32001

_dumps = json.JSONEncoder(separators=(",", ":")).encode


class RpcError(Exception):
    """A request is answered with an error.

    Args:
        code: JSON-RPC error code.
        message: For people.
        reason: Reason class, for `FAILED`.
    """

    def __init__(self, code: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Output:
    """Writes whole lines to a descriptor, from any thread.

    Attributes:
        generation: Notifications of an earlier generation are dropped; `reset` starts a new one.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.generation = 0

    def new_generation(self) -> None:
        """From now on drop what connections made before this have to say."""
        with self._lock:
            self.generation += 1

    def notify(self, generation: int, method: str, params: Json) -> None:
        """Write a notification, unless its generation is over."""
        with self._lock:
            if generation == self.generation:
                params["t"] = time.monotonic()
                self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def result(self, ident: object, result: Json) -> None:
        """Answer a request."""
        with self._lock:
            self._write({"jsonrpc": "2.0", "id": ident, "result": result})

    def error(self, ident: object, error: RpcError) -> None:
        """Answer a request with an error."""
        body: Json = {"code": error.code, "message": str(error)}
        if error.reason is not None:
            body["data"] = {"reason": error.reason}
        with self._lock:
            self._write({"jsonrpc": "2.0", "id": ident, "error": body})

    def _write(self, message: Json) -> None:
        data = memoryview(f"{_dumps(message)}\n".encode())
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # Nobody listens any more: the same as the end of the input. Windows calls it an invalid argument.
            os._exit(0)


class Lines:
    """The lines of a stream; one that is too long is given as an empty line, which is not a request.

    Args:
        stream: Where lines come from.
        limit: Longest line in bytes.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        while line := self._stream.readline(self._limit + 1):
            if line.endswith(b"\n") or len(line) <= self._limit:
                yield line
                continue
            while line and not line.endswith(b"\n"):
                line = self._stream.readline(self._limit)
            yield b""


class Methods(Protocol):
    """What answers requests."""

    def method(self, name: str) -> Callable[[Json, "Reply"], None] | None:
        """What serves a method; None if there is no such method."""


class Reply:
    """The answer to one request; given once, now or later, from any thread."""

    __slots__ = ("_ident", "_output")

    def __init__(self, output: Output, ident: object) -> None:
        self._output = output
        self._ident = ident

    def result(self, result: Json | None = None) -> None:
        """Answer with a result."""
        self._output.result(self._ident, result or {})

    def error(self, error: RpcError) -> None:
        """Answer with an error."""
        self._output.error(self._ident, error)


def answer_line(line: bytes, methods: Methods, output: Output) -> None:
    """Parse one line and have it answered."""
    try:
        request = json.loads(line, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError):
        output.error(None, RpcError(PARSE_ERROR, "not a line of JSON"))
        return
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        ident = request.get("id") if isinstance(request, dict) else None
        output.error(ident, RpcError(INVALID_REQUEST, "not a request"))
        return
    reply = Reply(output, request.get("id"))
    try:
        _serve(request, methods, reply)
    except RpcError as error:
        reply.error(error)


def _number(text: str) -> float:
    """A number that can be told again; JSON has no infinite ones, and none that is no number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _serve(request: Json, methods: Methods, reply: Reply) -> None:
    params = request.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params must be an object")
    serve = methods.method(str(request["method"]))
    if serve is None:
        raise RpcError(METHOD_NOT_FOUND, f"no method {request['method']}")
    serve(params, reply)


def text(params: Json, name: str) -> str:
    """A required text parameter."""
    value = params.get(name)
    if not isinstance(value, str) or not _is_unicode(value):
        raise RpcError(INVALID_PARAMS, f"{name} must be a text")
    return value


def _is_unicode(value: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can spell and UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def optional_text(params: Json, name: str) -> str | None:
    """A text parameter that may be missing or null."""
    return None if params.get(name) is None else text(params, name)


def octets(params: Json, name: str) -> bytes:
    """A required parameter in base64."""
    return decoded(params.get(name), name)


def decoded(value: object, name: str) -> bytes:
    """The bytes of a text in base64."""
    try:
        if isinstance(value, str):
            return b64decode(value, validate=True)
    except (Base64Error, ValueError):
        # Said below, as for anything else that is not base64.
        value = None
    raise RpcError(INVALID_PARAMS, f"{name} must be bytes in base64")


def encoded(data: bytes) -> str:
    """Bytes as a text in base64."""
    return b64encode(data).decode("ascii")


def optional_object(params: Json, name: str) -> Json | None:
    """An object parameter that may be missing or null."""
    value = params.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise RpcError(INVALID_PARAMS, f"{name} must be an object")


def objects(params: Json, name: str) -> list[Json]:
    """A list of objects."""
    value = params.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RpcError(INVALID_PARAMS, f"{name} must be a list of objects")
    return value


def texts(params: Json, name: str) -> list[str]:
    """A list of texts that may be missing or null."""
    value = params.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) and _is_unicode(item) for item in value):
        raise RpcError(INVALID_PARAMS, f"{name} must be a list of texts")
    return value


def whole(params: Json, name: str, bounds: tuple[int, int], default: int | None = None) -> int:
    """A whole number within bounds; required if there is no default."""
    value = params.get(name)
    if value is None and default is not None:
        return default
    if type(value) is not int or not bounds[0] <= value <= bounds[1]:
        raise RpcError(INVALID_PARAMS, f"{name} must be a whole number from {bounds[0]} to {bounds[1]}")
    return value
