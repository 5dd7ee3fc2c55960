"""Requests: what a script asks of the server's test application, and how that ended."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

from ipc_gauntlet.credentials.deployment import b64
from ipc_gauntlet.driver import Call
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.lab.acting import Acting, MessageExtras
from ipc_gauntlet.lab.waiting import PATIENCE_S


class RequestExtras(MessageExtras, total=False):
    """What a request may have besides, each with a feature of its own.

    Args:
        tag: A name for `cancel`.
        retry: `{"attempts", "base_ms", "cap_ms"}`: the client repeats it by its own rules.
        own_key: Whether the client makes the idempotency key.
    """

    tag: str
    retry: Mapping[str, int]
    own_key: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended, as its caller was told.

    Args:
        ok: Whether it succeeded.
        payload: The result; empty when it failed.
        reason: Reason class of a failure.
        executed: What the caller was told of its effect when it failed: `no`, `unknown` or `yes`.
        code: The implementation's own word for the failure.
    """

    ok: bool
    payload: bytes = b""
    reason: str = ""
    executed: str = ""
    code: str = ""

    def __str__(self) -> str:
        """The answer for a person."""
        if self.ok:
            return f"ok, {len(self.payload)} bytes"
        return f"{self.reason} {self.code}".rstrip() + f", executed: {self.executed}"


class Asking(Acting):
    """The part of a session that makes requests."""

    def request(
        self,
        operation: str,
        payload: bytes,
        *,
        key: bytes | None = None,
        deadline_ms: int | None = None,
        **extras: Unpack[RequestExtras],
    ) -> Call:
        """Start a request from the client; `answer` gives its outcome.

        Args:
            operation: Of the test application (driver protocol, section 4).
            payload: What it gets.
            key: Idempotency key.
            deadline_ms: When the caller gives up; the implementation's default when None.
            **extras: What else a request may have.
        """
        params: dict[str, object] = {"kind": "request", "operation": operation, "payload": b64(payload)}
        if key is not None:
            params["key"] = b64(key)
        if deadline_ms is not None:
            params["deadline_ms"] = deadline_ms
        return self.submit("client", "send", **params, **extras)

    def ask(
        self,
        operation: str,
        payload: bytes = b"",
        *,
        key: bytes | None = None,
        deadline_ms: int | None = None,
        **extras: Unpack[RequestExtras],
    ) -> Answer:
        """Make a request and wait for its outcome; see `request`.

        Raises:
            Inconclusive: The driver never said how it ended.
        """
        return self.answer(self.request(operation, payload, key=key, deadline_ms=deadline_ms, **extras))

    def answer(self, call: Call, timeout_s: float = PATIENCE_S) -> Answer:
        """Wait for the outcome of a request.

        A call that failed without an outcome is an error of unknown effect, and so is one whose client died as it was
        meant to.

        Raises:
            Inconclusive: The driver never said how it ended.
            Unsupported: The driver cannot make this request.
            DriverError: The driver became unusable.
        """
        if not self.lab.wait(lambda: call.done, timeout_s):
            raise Inconclusive("the outcome of a request never came")
        refusal = self.lab.refusal(call)
        if refusal is not None:
            return Answer(ok=False, reason=refusal, executed="unknown")
        outcome = call.result()
        if outcome.get("status") == "ok":
            return Answer(ok=True, payload=base64.b64decode(str(outcome.get("payload", ""))))
        reason, executed, code = (str(outcome.get(name, "")) for name in ("reason", "executed", "code"))
        return Answer(ok=False, reason=reason, executed=executed, code=code)

    def cancel(self, tag: str) -> None:
        """Have the client give up the request that was started with this tag.

        Raises:
            Inconclusive: It could not.
        """
        self.configure("client", "cancel", tag=tag)
