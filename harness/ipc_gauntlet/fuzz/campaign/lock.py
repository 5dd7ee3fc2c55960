"""One supervisor for each campaign: a lock that ends with the process that holds it, on every system.

The lock is a transaction of SQLite that is never committed. The operating system lets go of it when the process dies, by
whatever death, and it works the same on Linux, macOS and Windows.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.tables import told
from ipc_gauntlet.fuzz.work import write_whole

_PATIENCE = 1.0


class Lock:
    """Holds a campaign for this process, as a context manager.

    Args:
        folder: The campaign's.

    Raises:
        UsageError: Another process holds it.
        GauntletError: The folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / "lock"
        with told(path):
            folder.mkdir(parents=True, exist_ok=True)
            # Whoever asks `is_held` is in the way for an instant.
            self._held = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        try:
            with told(path):
                self._hold()
        except BaseException:
            self._held.close()
            raise
        write_whole(folder / "owner", f"{os.getpid()}\n".encode())

    def _hold(self) -> None:
        try:
            self._held.execute("PRAGMA journal_mode = MEMORY")
            self._held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise UsageError(
                f"the campaign {self._folder.name} is being run{self._by()}; stop that, or choose another --name"
            ) from error

    def _by(self) -> str:
        try:
            return f" by process {int((self._folder / 'owner').read_text(encoding='utf-8'))}"
        except (OSError, ValueError):
            return " by another process"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let others have it; idempotent."""
        self._held.close()


def is_held(folder: Path) -> bool:
    """Whether a process is running a campaign at this moment.

    Args:
        folder: The campaign's.
    """
    path = folder / "lock"
    if not path.is_file():
        return False
    probe = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return "locked" in str(error)
    finally:
        probe.close()
    return False
