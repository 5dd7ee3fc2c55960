"""What may be used only so often: ids of signed messages and uses of tokens, beside the idempotency records.

Rules of this file. Looking and remembering are one transaction. Nothing is forgotten before it has expired; and
because a wall clock may be set back, forgetting raises a floor, and what expires at or below the floor is refused.
"""

import sqlite3
from collections.abc import Callable
from enum import Enum
from typing import Protocol, TypeVar

# Expired entries are kept so long, so that a wall clock that is put right does not move the floor.
_KEPT_S = 3600

TABLES = """
CREATE TABLE IF NOT EXISTS signed_id (
    signer TEXT NOT NULL, ident BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (signer, ident)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS signed_id_age ON signed_id (expires);
CREATE TABLE IF NOT EXISTS signed_floor (id INTEGER PRIMARY KEY CHECK (id = 1), expires INTEGER NOT NULL);
INSERT OR IGNORE INTO signed_floor VALUES (1, -1);
CREATE TABLE IF NOT EXISTS token_use (
    issuer TEXT NOT NULL, ident BLOB NOT NULL, used INTEGER NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (issuer, ident)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS token_use_age ON token_use (expires);
"""


class Verdict(Enum):
    """Whether something may be used."""

    FRESH = "it was not used before"
    REPLAYED = "it was used before"
    EXPIRED = "nobody can tell any more"


T = TypeVar("T")


class Transactions(Protocol):
    """What is needed of a store."""

    def write(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction."""


class SingleUse:
    """Remembers uses in a store.

    Args:
        store: Where; it must have `TABLES`, and its durability is that of this memory.
    """

    def __init__(self, store: Transactions) -> None:
        self._store = store

    def take_id(self, signer: str, ident: bytes, expires: int, wall: float) -> Verdict:
        """Use the id of a signed message, if it was not used before.

        Args:
            signer: Who signed.
            ident: The message's id.
            expires: When it expires, seconds since 1970.
            wall: Now, seconds since 1970.
        """

        def take(sql: sqlite3.Connection) -> Verdict:
            _forget_ids(sql, wall)
            (floor,) = sql.execute("SELECT expires FROM signed_floor").fetchone()
            if expires <= floor:
                return Verdict.EXPIRED
            row = (signer, ident, expires)
            made = sql.execute("INSERT OR IGNORE INTO signed_id VALUES (?, ?, ?)", row).rowcount
            return Verdict.FRESH if made else Verdict.REPLAYED

        return self._store.write(take)

    def take_use(self, issuer: str, ident: bytes, limit: int, expires: int, wall: float) -> bool:
        """Use a token once more; False if no use is left.

        Args:
            issuer: Who issued it.
            ident: The token's id.
            limit: How often it may be used.
            expires: When it expires, seconds since 1970.
            wall: Now, seconds since 1970.
        """

        def take(sql: sqlite3.Connection) -> bool:
            sql.execute("DELETE FROM token_use WHERE expires < ?", (int(wall) - _KEPT_S,))
            sql.execute("INSERT OR IGNORE INTO token_use VALUES (?, ?, 0, ?)", (issuer, ident, expires))
            taken = sql.execute(
                "UPDATE token_use SET used=used+1 WHERE issuer=? AND ident=? AND used<?",
                (issuer, ident, limit),
            )
            return taken.rowcount == 1

        return self._store.write(take)


def _forget_ids(sql: sqlite3.Connection, wall: float) -> None:
    before = int(wall) - _KEPT_S
    (latest,) = sql.execute("SELECT MAX(expires) FROM signed_id WHERE expires < ?", (before,)).fetchone()
    if latest is not None:
        sql.execute("UPDATE signed_floor SET expires=MAX(expires, ?)", (latest,))
        sql.execute("DELETE FROM signed_id WHERE expires < ?", (before,))
