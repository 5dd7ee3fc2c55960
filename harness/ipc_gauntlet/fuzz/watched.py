"""Ends a process when whoever started it is gone: its standard input is a pipe, and the end of that is the sign.

A killed supervisor cannot tell anybody anything, on no operating system; but the system closes its pipes. Nothing that
the fuzzed code reads, prints or starts may get in the way, so the pipe moves away from descriptor 0, where children do
not inherit it, and standard output leads nowhere.
"""

from __future__ import annotations

import os
import threading

ABANDONED = 75
"""Exit status of a process whose starter is gone; nobody is left to see it."""


def watch_starter() -> None:
    """From now on this process ends when the other end of its standard input is closed."""
    pipe = os.dup(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    # The objects of `sys` keep their descriptors 0 and 1, which now lead nowhere.
    threading.Thread(target=_wait_for_end, args=(pipe,), name="starter-watch", daemon=True).start()


def _wait_for_end(pipe: int) -> None:
    try:
        while os.read(pipe, 1024):
            pass
    except OSError:
        pass
    os._exit(ABANDONED)
