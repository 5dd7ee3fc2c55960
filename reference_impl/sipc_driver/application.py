"""The test application: echo, append, wait, and the ledger."""

import os
import sqlite3
from collections.abc import Callable, Mapping

from sipc import cbor
from sipc.cbor import Value
from sipc.envelope import Status
from sipc.idempotency import Outcome
from sipc_runtime.clock import Clock
from sipc_runtime.service import Method, Refused, Task
from sipc_runtime.store import Effect

MESSAGE = "app.message"
PREFIX = "app."

LEDGER_TABLE = """
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY, operation TEXT NOT NULL, payload BLOB NOT NULL,
    peer TEXT NOT NULL, conn TEXT NOT NULL, key BLOB
);
"""
LEDGER_QUERY = "SELECT operation, payload, peer, conn, key FROM ledger ORDER BY seq"

_LONGEST_WAIT_MS = 600_000
_RESULT_BYTES = 16


def methods(executed: Callable[[Task], None], clock: Clock) -> Mapping[str, Method]:
    """The operations of the test application.

    Args:
        executed: Called after an operation took effect.
        clock: For `wait`.
    """

    def echo(task: Task) -> Value:
        body = _payload(task)
        executed(task)
        return body

    def append(task: Task) -> Effect:
        payload = _payload(task)
        row = ("append", payload, task.peer.peer, task.endpoint.label, task.envelope.idem)

        def effect(sql: sqlite3.Connection) -> Outcome:
            sql.execute(
                "INSERT INTO ledger (operation, payload, peer, conn, key) VALUES (?, ?, ?, ?, ?)", row
            )
            return Outcome(Status.OK, cbor.encode(os.urandom(_RESULT_BYTES)))

        return effect

    def wait(task: Task) -> Value:
        text = _payload(task)
        if not text.isdigit() or len(text) > 6 or int(text) > _LONGEST_WAIT_MS:
            raise Refused(Status.SCHEMA)
        if task.stopped.wait(clock, clock.monotonic() + int(text) / 1000):
            raise Refused(Status.CANCELLED)
        executed(task)
        return b"done"

    return {
        "app.echo": Method(handler=echo, inline=True),
        "app.append": Method(durable=append, idempotent=False, inline=True, committed=executed),
        "app.wait": Method(handler=wait),
    }


def _payload(task: Task) -> bytes:
    body = task.envelope.body
    if not isinstance(body, bytes):
        raise Refused(Status.SCHEMA)
    return body
