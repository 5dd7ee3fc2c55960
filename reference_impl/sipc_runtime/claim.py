"""Who serves a Unix socket: a lock beside it, which its server holds for as long as it lives.

Whether a socket file is a dead one cannot be learnt from the socket alone: macOS and the BSDs refuse a connection to a living
server whose queue is full with the same error as one to a dead server, and between asking and removing the file another
server may have come. The lock goes with its process, however that ends.
"""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sipc_runtime.transport import TransportError

if sys.platform != "win32":
    import fcntl

# Never used on Windows; this keeps the type checker from looking at it there.
assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101

# A client that looks whether a server lives holds the lock for a moment; a server that lives holds it for longer.
_ATTEMPTS = 5
_PAUSE_S = 0.01


class Claim:
    """The right to serve a path, until it is released.

    Args:
        path: The socket's, in a directory of ours that nobody else can enter.

    Raises:
        TransportError: Another server holds it, or the operating system refused.
    """

    def __init__(self, path: Path) -> None:
        self._lock = _lock_of(path)
        try:
            for _ in range(_ATTEMPTS):
                taken = self._try()
                if taken is not None:
                    self._descriptor = taken
                    return
                time.sleep(_PAUSE_S)
        except OSError as error:
            raise TransportError(f"cannot lock {self._lock}: {error}", "internal") from error
        raise TransportError(f"another process listens at {path}", "limit")

    def release(self) -> None:
        """Let others serve the path."""
        # Removed first: who has opened this file by now finds that it is not the one at the path any more.
        if _is_at(self._descriptor, self._lock):
            self._lock.unlink()
        os.close(self._descriptor)

    def _try(self) -> int | None:
        """Take the lock; None if it is held, or was just given up."""
        opened = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(opened, self._lock):
                kept, opened = opened, -1
                return kept
        except BlockingIOError:
            return None
        finally:
            if opened >= 0:
                os.close(opened)
        return None


def is_claimed(path: str) -> bool:
    """Whether a server lives that has claimed a path.

    Args:
        path: The socket's.
    """
    try:
        opened = os.open(_lock_of(Path(path)), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        # Nobody has, or somebody who does not lock.
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that lies at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False
