"""Ctrl-C, and whatever else ends a program in an orderly way, as a function call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# A closed terminal (SIGHUP) and a service manager (SIGTERM) mean the same as Ctrl-C: stop, and keep everything.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_PATIENCE = 3


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """While the context lasts, call a function instead of ending at once; who insists a third time ends at once.

    Args:
        stop: Called for each signal, at any moment: it may only make a note.
    """
    asked = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        del number, frame
        asked += 1
        stop()
        if asked >= _PATIENCE:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    before = {
        found: signal.signal(found, handle)
        for name in _NAMES
        if (found := getattr(signal, name, None)) is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
