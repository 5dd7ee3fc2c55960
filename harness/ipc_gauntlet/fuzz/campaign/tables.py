"""The tables of a campaign's database, and the ways in which SQLite says that a disk is full."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ipc_gauntlet.errors import GauntletError

VERSION = 3
"""Of the tables; kept as SQLite's `user_version`."""

BUSY_SECONDS = 20.0
"""How long a reader or a second writer waits for the one that is writing."""

SCHEMA = """
CREATE TABLE campaign (
    key TEXT PRIMARY KEY,
    value REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE target (
    name TEXT PRIMARY KEY,
    place INTEGER NOT NULL,
    code TEXT NOT NULL DEFAULT '',
    executions INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    cpu_seconds REAL NOT NULL DEFAULT 0,
    edges INTEGER NOT NULL DEFAULT 0,
    edges_total INTEGER NOT NULL DEFAULT 0,
    features INTEGER NOT NULL DEFAULT 0,
    corpus INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0,
    last_new REAL NOT NULL DEFAULT 0,
    slices INTEGER NOT NULL DEFAULT 0,
    broken INTEGER NOT NULL DEFAULT 0,
    broken_in_a_row INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT '',
    code_executions INTEGER NOT NULL DEFAULT 0,
    code_cpu REAL NOT NULL DEFAULT 0,
    code_slices INTEGER NOT NULL DEFAULT 0,
    code_told INTEGER NOT NULL DEFAULT 0,
    code_broken INTEGER NOT NULL DEFAULT 0,
    pass REAL NOT NULL DEFAULT 0,
    given REAL NOT NULL DEFAULT 0,
    recent_new REAL NOT NULL DEFAULT 0,
    recent_cpu REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE canary (
    target TEXT, engine TEXT, answer TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (target, engine)
) WITHOUT ROWID;
CREATE TABLE slice (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    target TEXT NOT NULL,
    engine TEXT NOT NULL,
    outcome TEXT NOT NULL,
    executions INTEGER NOT NULL,
    cpu_seconds REAL NOT NULL
);
CREATE TABLE growth (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    at REAL NOT NULL,
    executions INTEGER NOT NULL,
    edges INTEGER NOT NULL,
    features INTEGER NOT NULL,
    corpus INTEGER NOT NULL,
    rate REAL NOT NULL,
    memory_mb REAL NOT NULL
);
CREATE INDEX growth_of ON growth (target, id);
CREATE TABLE covered (target TEXT, edge TEXT, PRIMARY KEY (target, edge)) WITHOUT ROWID;
CREATE TABLE entered (target TEXT, function TEXT, PRIMARY KEY (target, function)) WITHOUT ROWID;
CREATE TABLE features (
    target TEXT, engine TEXT, count INTEGER NOT NULL, PRIMARY KEY (target, engine)
) WITHOUT ROWID;
CREATE TABLE verdict (
    target TEXT, reason TEXT, count INTEGER NOT NULL, PRIMARY KEY (target, reason)
) WITHOUT ROWID;
CREATE TABLE note (
    target TEXT, engine TEXT, key TEXT, text TEXT NOT NULL, loud INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (target, engine, key)
) WITHOUT ROWID;
CREATE TABLE pair (
    target TEXT, pair TEXT, count INTEGER NOT NULL, PRIMARY KEY (target, pair)
) WITHOUT ROWID;
CREATE TABLE finding (
    signature TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at REAL NOT NULL,
    status TEXT NOT NULL DEFAULT 'new',
    reproduced TEXT NOT NULL DEFAULT '',
    smallest TEXT NOT NULL,
    size INTEGER NOT NULL
) WITHOUT ROWID;
"""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system raise into an error that says what to do.

    Args:
        path: The database.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        if "readonly" in text or "unable to open" in text:
            advice = "the folder must be writable; choose another with --store"
        elif "locked" in text:
            advice = "another process is writing to it"
        elif "malformed" in text or "not a database" in text:
            advice = "the file is damaged; begin again with --fresh, which keeps the corpora"
        else:
            advice = "free space on the disk or choose another folder with --store, then run the same command again"
        raise GauntletError(f"cannot use {path}: {text}; {advice}") from error


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Open a campaign's database; make it if it is to be written and is not there.

    SQLite writes beside a database also to read it. Where that is not possible, such as in an archive of another machine, a
    copy in memory is read.

    Raises:
        GauntletError: It cannot be opened, or a newer release of ours wrote it.
    """
    with told(path):
        made = _opened(path) if writable or _can_be_read(path) else _in_memory(path)
        try:
            made.row_factory = sqlite3.Row
            _make_or_check(made, path, writable=writable)
            # A merged slice's folder is removed afterwards, so what is committed must be on the disk by then.
            made.execute("PRAGMA synchronous = FULL")
            # Readers do not need more, and a supervisor's memory must stay flat.
            made.execute("PRAGMA cache_size = -2048")
        except BaseException:
            made.close()
            raise
        return made


def _opened(path: Path | str) -> sqlite3.Connection:
    # Autocommit: transactions are begun by hand, where what belongs together is known.
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


def _can_be_read(path: Path) -> bool:
    """Whether SQLite can read a database where it lies."""
    with contextlib.closing(_opened(path)) as base:
        try:
            base.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError as error:
            if "readonly" in str(error) or "unable to open" in str(error):
                return False
            raise
    return True


def _in_memory(path: Path) -> sqlite3.Connection:
    made = _opened(":memory:")
    with tempfile.TemporaryDirectory(prefix="ipcg-fuzz-") as folder:
        copy = Path(folder) / path.name
        # What was committed last is in the log beside it.
        for end in ("", "-wal"):
            source = path.with_name(path.name + end)
            if source.is_file():
                copy.with_name(copy.name + end).write_bytes(source.read_bytes())
        with contextlib.closing(_opened(copy)) as base:
            base.backup(made)
    return made


def _make_or_check(base: sqlite3.Connection, path: Path, *, writable: bool) -> None:
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and writable:
        base.execute("PRAGMA journal_mode = WAL")
        base.executescript(f"BEGIN IMMEDIATE;{SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
    elif version != VERSION:
        raise GauntletError(
            f"{path} was written by another release (version {version} of its tables, this one "
            f"has {VERSION}); begin again with --fresh, which keeps the corpora"
        )
