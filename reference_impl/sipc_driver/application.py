"""The test application: its operations and its ledger."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sipc import cbor
from sipc.cbor import Value
from sipc.envelope import Status
from sipc.idempotency import Outcome
from sipc_runtime.clock import Clock
from sipc_runtime.service import Method, Refused, Stop, Stopped, Task
from sipc_runtime.store import Effect, Store

MESSAGE = "app.message"
PREFIX = "app."

LEDGER_TABLE = """
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY, operation TEXT NOT NULL, payload BLOB NOT NULL,
    peer TEXT NOT NULL, conn TEXT NOT NULL, key BLOB
);
"""
LEDGER_QUERY = "SELECT operation, payload, peer, conn, key FROM ledger ORDER BY seq"

# Executing these twice is the same as once; `work` and `gated` may have a key and need none.
REPEATABLE = frozenset({"echo", "wait", "read"})
_LONGEST_WAIT_MS = 600_000
_MOST_STEPS = 100_000
_RESULT_BYTES = 16
# Versions of the schema of every operation; they mean the same.
_SCHEMAS = frozenset({1, 2})


@dataclass(frozen=True, slots=True)
class Stage:
    """What the operations of one listener work with.

    Attributes:
        executed: Called after an operation took effect, with what the effect was of.
        store: Returns the store with the ledger.
        clock: For `wait` and `work`.
        gate: Lets `gated` operations go on.
        over: Set when everything is taken down; whoever waits gives up.
    """

    executed: Callable[[Task, bytes], None]
    store: Callable[[], Store]
    clock: Clock
    gate: Stop = field(default_factory=Stop)
    over: Stop = field(default_factory=Stop)

    def add(self, task: Task, operation: str, payload: bytes) -> None:
        """Make an entry of the ledger, and say so."""
        row = _row(task, operation, payload)
        self.store().write(lambda sql: sql.execute(_INSERT, row))
        self.executed(task, payload)

    def end(self) -> None:
        """Have everything that waits give up."""
        self.over.set()
        self.gate.set()


_INSERT = "INSERT INTO ledger (operation, payload, peer, conn, key) VALUES (?, ?, ?, ?, ?)"


def _row(task: Task, operation: str, payload: bytes) -> tuple[object, ...]:
    return (operation, payload, task.peer.peer, task.endpoint.label, task.envelope.idem)


def methods(stage: Stage) -> Mapping[str, Method]:
    """The operations of the test application."""

    def append(task: Task) -> Effect:
        row = _row(task, "append", _payload(task))

        def effect(sql: sqlite3.Connection) -> Outcome:
            sql.execute(_INSERT, row)
            return Outcome(Status.OK, cbor.encode(os.urandom(_RESULT_BYTES)))

        return effect

    def appended(task: Task) -> None:
        stage.executed(task, _payload(task))

    return {
        "app.echo": Method(handler=lambda task: _echo(stage, task), inline=True),
        "app.append": Method(durable=append, idempotent=False, inline=True, committed=appended),
        "app.read": Method(handler=lambda task: _read(stage, task), inline=True),
        "app.wait": Method(handler=lambda task: _wait(stage, task)),
        "app.work": Method(handler=lambda task: _work(stage, task)),
        "app.gated": Method(handler=lambda task: _gated(stage, task)),
    }


def _echo(stage: Stage, task: Task) -> Value:
    payload = _payload(task)
    stage.executed(task, payload)
    return payload


def _read(stage: Stage, task: Task) -> Value:
    ((count,),) = stage.store().query("SELECT COUNT(*) FROM ledger")
    stage.executed(task, _payload(task))
    return str(count).encode()


def _wait(stage: Stage, task: Task) -> Value:
    payload = _payload(task)
    milliseconds = _number(payload, _LONGEST_WAIT_MS)
    if task.stopped.wait(stage.clock, stage.clock.monotonic() + milliseconds / 1000):
        raise Refused(Status.CANCELLED)
    stage.executed(task, payload)
    return b"done"


def _work(stage: Stage, task: Task) -> Value:
    """Heeds a stop at its checkpoints and nowhere else, as a computation would."""
    steps, comma, milliseconds = _payload(task).partition(b",")
    if not comma:
        raise Refused(Status.SCHEMA)
    count, pause = _number(steps, _MOST_STEPS), _number(milliseconds, _LONGEST_WAIT_MS) / 1000
    begun = stage.clock.monotonic()
    for step in range(count):
        if stage.over.wait(stage.clock, begun + (step + 1) * pause) or task.stopped.is_set:
            raise Stopped
        stage.add(task, "work", str(step).encode())
    return b"done"


def _gated(stage: Stage, task: Task) -> Value:
    """Waits for its gate only: an execution that has begun goes on whether anybody waits for it or not."""
    stage.add(task, "gated", _payload(task))
    stage.gate.wait(stage.clock, float("inf"))
    if stage.over.is_set:
        raise Stopped
    return b"done"


def _payload(task: Task) -> bytes:
    body = task.envelope.body
    if not isinstance(body, bytes):
        raise Refused(Status.SCHEMA)
    if task.envelope.schema not in _SCHEMAS:
        raise Refused(Status.SCHEMA_UNSUPPORTED)
    return body


def _number(digits: bytes, most: int) -> int:
    if not digits.isdigit() or len(digits) > 6 or int(digits) > most:
        raise Refused(Status.SCHEMA)
    return int(digits)
