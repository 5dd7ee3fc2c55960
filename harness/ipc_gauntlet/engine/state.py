"""The report of the last run in a folder, kept for `replay`."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.report.files import json_bytes, read_report, write_atomically
from ipc_gauntlet.report.model import Report

VARIABLE = "IPC_GAUNTLET_STATE"
"""Environment variable that moves the folder in which reports are kept."""

_KEPT = 32


def keep_report(report: Report, folder: Path | None = None) -> str:
    """Keep a report as the last one of the current folder.

    Args:
        report: The report.
        folder: Where to keep it; by default the user's folder for such things.

    Returns:
        Why it could not be kept; empty when it was.
    """
    path = _path(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json_bytes(report))
        _forget_oldest(path.parent)
    except OSError as error:
        return f"cannot keep the report in {path.parent}: {error.strerror}"
    return ""


def last_report(folder: Path | None = None) -> Report:
    """The last report that was kept in the current folder.

    Raises:
        UsageError: There is none, or it cannot be read any more.
    """
    path = _path(folder)
    if not path.exists():
        raise UsageError("no run in this folder is on record; give --report FILE, or --seed and what to test")
    return read_report(path)


def state_folder() -> Path:
    """Where reports are kept on this system."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "ipc-gauntlet"


def _path(folder: Path | None) -> Path:
    here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:16]
    return (folder or state_folder()) / f"{here}.json"


def _forget_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_KEPT:]:
        path.unlink(missing_ok=True)
