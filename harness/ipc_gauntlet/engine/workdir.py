"""The private directory of a run.

A process that is killed cannot remove its directory; the next one to start does it, once it has made sure that the
owner is gone: by process id and start time, because ids are used again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from ipc_gauntlet.folders import RUN_PREFIX

_PAUSES_S = (0.01, 0.05, 0.2, 0.5, 1.0)
_OWNER = "owner"
_LONGEST = 60
"""Unix socket addresses hold 104 bytes on macOS; this leaves room for what benches and drivers add."""


@contextlib.contextmanager
def private_directory() -> Iterator[Path]:
    """A directory only its owner can use, removed whatever happens inside.

    It lies in the system's directory for temporary files, or in /tmp where that path is too long for Unix sockets.
    """
    parent = _parent()
    sweep(parent)
    path = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=parent))
    try:
        (path / _OWNER).write_text(_identity(os.getpid()), encoding="ascii")
        yield path
    finally:
        _remove(path)


def sweep(parent: str) -> list[Path]:
    """Remove the private directories of processes of this user that are gone.

    Args:
        parent: Where to look.

    Returns:
        What was removed.
    """
    removed = []
    for path in Path(parent).glob(f"{RUN_PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            owner = (path / _OWNER).read_text(encoding="ascii")  # nobody's yet, or not ours: left alone
            if _is_ours(path) and owner != _identity(int(owner.partition(" ")[0])):
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
    return removed


def _remove(path: Path) -> None:
    """Remove a folder; Windows refuses to as long as a process that was just ended has a file in it open."""
    for pause in _PAUSES_S if sys.platform == "win32" else ():
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(pause)
    shutil.rmtree(path, ignore_errors=True)  # what is left, the next run removes


def _is_ours(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISDIR(status.st_mode) and (sys.platform == "win32" or status.st_uid == os.getuid())


def _identity(pid: int) -> str:
    """A text that no other process has, now or later: id and start time; without the time where there is no process."""
    try:
        return f"{pid} {psutil.Process(pid).create_time():.3f}"
    except psutil.Error:
        return f"{pid} gone"


def _parent() -> str:
    usual = tempfile.gettempdir()
    short = "/tmp"  # noqa: S108 - mkdtemp makes an own directory in it
    if sys.platform != "win32" and len(os.fsencode(usual)) > _LONGEST and os.access(short, os.W_OK):
        return short
    return usual
