"""Notifications: what the reference tells its user, in the words of the driver protocol."""

from sipc.envelope import Field
from sipc.events import Closed, Established, MessageReceived, Rejected
from sipc_driver.application import MESSAGE, PREFIX
from sipc_driver.rpc import Json, Output, encoded
from sipc_runtime.service import Task


class Reports:
    """Notifications of the present generation: after `reset` nothing of this object is written any more.

    Args:
        output: Where they go.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._generation = output.generation

    def established(self, conn: str, listener: str | None, event: Established) -> None:
        """A connection can be used."""
        params: Json = {
            "conn": conn,
            "peer": event.peer,
            "version": event.version,
            "suite": event.suite,
            "binding": encoded(event.channel_binding),
            "credential": event.credential,
        }
        if listener is not None:
            params["listener"] = listener
        self._notify("established", params)

    def delivered(self, conn: str, event: MessageReceived) -> None:
        """A message reached the application."""
        envelope = event.envelope
        body = envelope.body
        if envelope.method != MESSAGE or not isinstance(body, bytes):
            return
        params: Json = {"conn": conn, "payload": encoded(body)}
        if envelope.is_signed:
            # It was verified, or it would not be here.
            params["peer"] = envelope.fields[Field.FROM]
        if envelope.okey is not None:
            params["lane"] = envelope.okey.decode(errors="replace")
        self._notify("delivered", params)

    def executed(self, task: Task, payload: bytes) -> None:
        """An operation took effect, on `payload`."""
        envelope = task.envelope
        params: Json = {
            "conn": task.endpoint.label,
            "operation": envelope.method.removeprefix(PREFIX),
            "payload": encoded(payload),
        }
        if envelope.idem is not None:
            params["key"] = encoded(envelope.idem)
        self._notify("executed", params)

    def rejected(self, where: Json, event: Rejected) -> None:
        """An attempt or a message was refused; `where` names its connection or listener."""
        self._notify(
            "rejected", {**where, "stage": event.stage, "reason": event.reason, "detail": event.detail}
        )

    def closed(self, conn: str, event: Closed) -> None:
        """A connection ended."""
        self._notify(
            "closed",
            {
                "conn": conn,
                "how": str(event.how),
                "reason": event.reason or "unspecified",
                "detail": event.detail,
            },
        )

    def _notify(self, method: str, params: Json) -> None:
        self._output.notify(self._generation, method, params)
