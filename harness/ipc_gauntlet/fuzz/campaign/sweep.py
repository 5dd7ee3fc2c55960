"""Removes what writers left that were killed between writing a file and putting it in its place."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

OLD_SECONDS = 60.0
"""Younger ones are left alone: another machine may share the folder, and its processes are none of ours."""

_TEMPORARY = re.compile(r"\..+\.(\d+)")


def sweep(folders: Iterable[Path], now: float | None = None) -> int:
    """Remove temporary files whose writers are gone.

    Args:
        folders: Where to look; not below them.
        now: Seconds since 1970, by default of this moment.

    Returns:
        How many were removed.
    """
    moment = time.time() if now is None else now
    removed = 0
    for folder in folders:
        try:
            found = [entry.name for entry in os.scandir(folder)]
        except OSError:
            continue
        removed += sum(_is_removed(folder / name, moment) for name in found if name.startswith("."))
    return removed


def _is_removed(path: Path, now: float) -> bool:
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or psutil.pid_exists(int(match[1][:9])):
        return False
    try:
        if now - path.stat().st_mtime < OLD_SECONDS:
            return False
        path.unlink()
    except OSError:
        return False  # somebody else did, or may not be asked: it does no harm where it is
    return True
