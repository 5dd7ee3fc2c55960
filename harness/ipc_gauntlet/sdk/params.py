"""The parameters of requests, checked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ipc_gauntlet.sdk.errors import BadParams, Unsupported
from ipc_gauntlet.sdk.wire import JsonObject


@dataclass(frozen=True)
class ListenParams:
    """Parameters of `listen` (driver protocol, sections 2 and 5)."""

    listener: str
    transport: str
    directory: str
    service: str | None
    credential: JsonObject | None
    trust: JsonObject | None
    peer: str | None
    options: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class ConnectParams:
    """Parameters of `connect` (driver protocol, sections 2 and 5)."""

    conn: str
    address: JsonObject
    service: str | None
    credential: JsonObject | None
    trust: JsonObject | None
    peer: str | None
    options: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class RequestParams:
    """Parameters of `send` with `kind: "request"` (driver protocol, section 4)."""

    operation: str
    payload: bytes
    key: bytes | None
    deadline_ms: int | None


@dataclass(frozen=True)
class Abilities:
    """What a driver's statement declares, as far as parameters are checked against it."""

    transports: Collection[str]
    kinds: Collection[str]
    options: Collection[str]

    @classmethod
    def of(cls, statement: Mapping[str, object], options: Collection[str]) -> Abilities:
        """Read them from a statement.

        Args:
            statement: The implementation statement.
            options: Options the driver supports; timers as `timeouts.handshake_ms`.
        """
        credentials = statement.get("credentials", ())
        entries = credentials if isinstance(credentials, (list, tuple)) else ()
        kinds = [str(entry["kind"]) for entry in entries if isinstance(entry, Mapping) and "kind" in entry]
        transports = statement.get("transports", ())
        return cls(list(transports) if isinstance(transports, (list, tuple)) else [], kinds, options)

    def listen(self, params: JsonObject) -> ListenParams:
        """Check the parameters of `listen`.

        Raises:
            BadParams: One is missing or of the wrong type.
            Unsupported: One asks for what the driver did not declare.
        """
        transport = self._transport(params, "transport")
        directory = text(params, "directory") if transport == "unix" else optional_text(params, "directory")
        return ListenParams(text(params, "listener"), transport, directory or "", *self._identity(params))

    def connect(self, params: JsonObject) -> ConnectParams:
        """Check the parameters of `connect`; raises as `listen`."""
        address = object_in(params, "address")
        self._transport(address, "transport")
        return ConnectParams(text(params, "conn"), address, *self._identity(params))

    def _transport(self, holder: JsonObject, name: str) -> str:
        transport = text(holder, name)
        if transport not in self.transports:
            raise Unsupported(f"transport {transport!r}; there is {', '.join(self.transports)}")
        return transport

    def _identity(
        self, params: JsonObject
    ) -> tuple[str | None, JsonObject | None, JsonObject | None, str | None, JsonObject]:
        credential, trust = self._of_kind(params, "credential"), self._of_kind(params, "trust")
        service, peer = optional_text(params, "service"), optional_text(params, "peer")
        return service, credential, trust, peer, self._options(params)

    def _of_kind(self, params: JsonObject, name: str) -> JsonObject | None:
        if params.get(name) is None:
            return None
        value = object_in(params, name)
        if text(value, "kind") not in self.kinds:
            raise Unsupported(f"{name} of kind {value['kind']!r}; there is {', '.join(self.kinds)}")
        return value

    def _options(self, params: JsonObject) -> JsonObject:
        if params.get("options") is None:
            return {}
        options = object_in(params, "options")
        for name, value in options.items():
            if name == "timeouts":
                self._timeouts(object_in(options, "timeouts"))
            elif name not in self.options:
                raise Unsupported(f"option {name!r} with value {value!r}")
        return options

    def _timeouts(self, timeouts: JsonObject) -> None:
        for name, value in timeouts.items():
            if f"timeouts.{name}" not in self.options:
                raise Unsupported(f"the timer {name!r}")
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise BadParams(f"timeouts.{name} must be a whole number of milliseconds")


def request_params(params: JsonObject) -> RequestParams:
    """Check the parameters of a request of the test application.

    Raises:
        BadParams: One is missing or of the wrong type.
    """
    deadline = params.get("deadline_ms")
    if deadline is not None and (isinstance(deadline, bool) or not isinstance(deadline, int)):
        raise BadParams("deadline_ms must be a whole number of milliseconds")
    key = raw(params, "key") if params.get("key") is not None else None
    return RequestParams(text(params, "operation"), raw(params, "payload"), key, deadline)


def object_in(holder: Mapping[str, object], name: str) -> JsonObject:
    """Return the object in a member.

    Raises:
        BadParams: It is absent or not an object.
    """
    value = holder.get(name)
    if not isinstance(value, dict):
        raise BadParams(f"{name} must be an object")
    return value


def text(holder: Mapping[str, object], name: str) -> str:
    """Return the text in a member.

    Raises:
        BadParams: It is absent or not a text.
    """
    value = holder.get(name)
    if not isinstance(value, str):
        raise BadParams(f"{name} must be a text")
    return value


def optional_text(holder: Mapping[str, object], name: str) -> str | None:
    """Return the text in a member, None if it is absent or null; raises as `text`."""
    return None if holder.get(name) is None else text(holder, name)


def raw(holder: Mapping[str, object], name: str) -> bytes:
    """Return the bytes in a base64 member.

    Raises:
        BadParams: It is absent or not base64.
    """
    return _decode(holder.get(name), name)


def raws(holder: Mapping[str, object], name: str) -> list[bytes]:
    """Return the byte strings in a list of base64; an absent list is empty.

    Raises:
        BadParams: It is not a list of base64 texts.
    """
    values = holder.get(name, [])
    if not isinstance(values, list):
        raise BadParams(f"{name} must be a list")
    return [_decode(value, name) for value in values]


def _decode(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise BadParams(f"{name} must be base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise BadParams(f"{name} is not base64: {problem}") from problem
