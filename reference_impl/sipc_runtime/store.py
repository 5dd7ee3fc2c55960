"""What is remembered about keyed requests, in SQLite, in memory or in a file that survives a crash.

Rule of this file: an effect and the record of it become true in one transaction, or neither does. A file is opened
with synchronous=FULL, so that what was answered is on the disk before the answer leaves.
"""

import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from sipc.idempotency import Decision, Entry, IdempotencyKey, Outcome, decide
from sipc_runtime.clock import Clock
from sipc_runtime.faults import FAULTS
from sipc_runtime.single_use import TABLES

DEFAULT_CAPACITY = 100_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, age REAL NOT NULL);
CREATE TABLE IF NOT EXISTS request (
    credential TEXT NOT NULL, peer TEXT NOT NULL, key BLOB NOT NULL,
    fingerprint BLOB NOT NULL, epoch INTEGER NOT NULL, first_seen REAL NOT NULL,
    status INTEGER, body BLOB,
    PRIMARY KEY (credential, peer, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS request_age ON request (first_seen);
INSERT OR IGNORE INTO run VALUES (1, 0, 0.0);
UPDATE run SET epoch = epoch + 1;
"""

Effect = Callable[[sqlite3.Connection], Outcome]
T = TypeVar("T")


class Store:
    """Idempotency records, and the tables of durable methods beside them.

    Time is counted while the store is open and goes on from there after a restart, so that neither a step of
    the wall clock nor a restart of the machine forgets a record too early.

    Args:
        path: A file, or `:memory:`.
        clock: For the age of records.
        horizon: Seconds for which a record is kept.
        tables: SQL that makes the tables of durable methods; executed at every start.
        capacity: Most records; further keys are refused, nothing is dropped early.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        horizon: float,
        tables: str = "",
        capacity: int = DEFAULT_CAPACITY,
    ) -> None:
        self._clock = clock
        self._horizon = horizon
        self._capacity = capacity
        self._lock = threading.Lock()
        self._sql = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        if path != ":memory:":
            self._sql.execute("PRAGMA journal_mode=WAL")
            self._sql.execute("PRAGMA synchronous=FULL")
        self._sql.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{TABLES}{tables}COMMIT;")
        self._epoch, self._age = self._sql.execute("SELECT epoch, age FROM run").fetchone()
        self._opened = clock.monotonic()
        self._size = self._count()

    def execute(
        self, key: IdempotencyKey, fingerprint: bytes, effect: Effect
    ) -> tuple[Decision, Outcome | None]:
        """Execute `effect` and its record in one transaction, unless the key was used before.

        Args:
            key: Whose key.
            fingerprint: Of the request.
            effect: Changes tables through the connection it gets, and nothing else. If it raises, neither it
                nor its record has happened, and the key is free.

        Returns:
            The decision, and the outcome for EXECUTE and REPEAT.
        """
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                decision, outcome = self._look(key, fingerprint)
                if decision is Decision.EXECUTE:
                    outcome = effect(self._sql)
                    if FAULTS.armed:
                        FAULTS.hit("after-effect")
                    self._insert(key, fingerprint, outcome)
                self._sql.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            return decision, outcome

    def write(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction and return its result; if it raises, nothing has happened."""
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                result = action(self._sql)
                self._sql.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            return result

    def begin(self, key: IdempotencyKey, fingerprint: bytes) -> tuple[Decision, Outcome | None]:
        """Reserve the key for an execution outside of the store, unless it was used before.

        After EXECUTE the caller must call `complete` or `release`. If it dies instead, later duplicates are told
        that the outcome is unknown.
        """
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                decision, outcome = self._look(key, fingerprint)
                if decision is Decision.EXECUTE:
                    self._insert(key, fingerprint, None)
                self._sql.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            return decision, outcome

    def remembers(self, key: IdempotencyKey, margin: float = 0.0) -> bool:
        """Whether something is known under a key, and will be for another `margin` seconds."""
        with self._lock:
            row = self._sql.execute(
                "SELECT 1 FROM request WHERE credential=? AND peer=? AND key=? AND first_seen > ?",
                (key.credential, key.peer, key.key, self._now() + margin - self._horizon),
            ).fetchone()
        return row is not None

    def complete(self, key: IdempotencyKey, outcome: Outcome) -> None:
        """The execution that `begin` allowed has ended with `outcome`."""
        with self._lock:
            self._sql.execute(
                "UPDATE request SET status=?, body=? WHERE credential=? AND peer=? AND key=?",
                (outcome.status, outcome.body, key.credential, key.peer, key.key),
            )

    def release(self, key: IdempotencyKey) -> None:
        """The execution that `begin` allowed has certainly had no effect: the key is free again."""
        with self._lock:
            self._size -= self._sql.execute(
                "DELETE FROM request WHERE credential=? AND peer=? AND key=?",
                (key.credential, key.peer, key.key),
            ).rowcount

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Read from the tables of durable methods."""
        with self._lock:
            return self._sql.execute(sql).fetchall()

    def close(self) -> None:
        """Write the age of the store and release the file."""
        with self._lock:
            self._sql.execute("UPDATE run SET age=?", (self._now(),))
            self._sql.close()

    def _now(self) -> float:
        return float(self._age + self._clock.monotonic() - self._opened)

    def _look(self, key: IdempotencyKey, fingerprint: bytes) -> tuple[Decision, Outcome | None]:
        """Forget what has expired, then decide. Records of executions that run now never expire."""
        self._size -= self._sql.execute(
            "DELETE FROM request WHERE first_seen <= ? AND (status IS NOT NULL OR epoch <> ?)",
            (self._now() - self._horizon, self._epoch),
        ).rowcount
        row = self._sql.execute(
            "SELECT fingerprint, epoch, status, body FROM request WHERE credential=? AND peer=? AND key=?",
            (key.credential, key.peer, key.key),
        ).fetchone()
        entry = None
        if row is not None:
            done = None if row[2] is None else Outcome(row[2], row[3])
            entry = Entry(row[0], row[1], done)
        full = entry is None and self._size >= self._capacity
        decision = decide(entry, fingerprint, epoch=self._epoch, full=full)
        return decision, entry.outcome if entry is not None and decision is Decision.REPEAT else None

    def _roll_back(self) -> None:
        self._sql.execute("ROLLBACK")
        self._size = self._count()

    def _count(self) -> int:
        return int(self._sql.execute("SELECT COUNT(*) FROM request").fetchone()[0])

    def _insert(self, key: IdempotencyKey, fingerprint: bytes, outcome: Outcome | None) -> None:
        status = None if outcome is None else outcome.status
        body = None if outcome is None else outcome.body
        now = self._now()
        self._sql.execute(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (key.credential, key.peer, key.key, fingerprint, self._epoch, now, status, body),
        )
        self._sql.execute("UPDATE run SET age=?", (now,))
        self._size += 1
