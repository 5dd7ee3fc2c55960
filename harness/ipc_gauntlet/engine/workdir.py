"""The private directory of a run."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "ipcg-"
_LONGEST = 60
"""Unix socket addresses hold 104 bytes on macOS; this leaves room for what benches and drivers add."""


@contextlib.contextmanager
def private_directory() -> Iterator[Path]:
    """A directory only its owner can use, removed whatever happens inside.

    It lies in the system's directory for temporary files, or in /tmp where that path is too long for Unix sockets.
    """
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _parent() -> str:
    usual = tempfile.gettempdir()
    short = "/tmp"  # noqa: S108 - mkdtemp makes an own directory in it
    if len(os.fsencode(usual)) > _LONGEST and os.access(short, os.W_OK):
        return short
    return usual
