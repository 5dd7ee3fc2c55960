"""Gives up on a case that runs too long.

Every wait of the harness has a deadline of its own; this is for the case, or the library, that loops. First an
exception in the case; a process that does not react ends itself and leaves the
stacks of its threads behind, which costs this one case.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import TextIO

from ipc_gauntlet.engine.outcome import CaseDeadline

_HARD_FACTOR = 1.5
_HARD_EXTRA_S = 5.0


class Watchdog:
    """Watches one case at a time.

    Args:
        limit_s: Seconds a case may take.
        stacks: Where the stacks go before the process ends itself; None if it must not (it is the controlling one).
    """

    def __init__(self, limit_s: float, stacks: TextIO | None) -> None:
        self._limit = limit_s
        self._stacks = stacks

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Watch what runs inside.

        Raises:
            CaseDeadline: It took too long.
        """
        if self._stacks is not None:
            hard = self._limit * _HARD_FACTOR + _HARD_EXTRA_S
            faulthandler.dump_traceback_later(hard, exit=True, file=self._stacks)
        try:
            with _alarm(self._limit):
                yield
        finally:
            if self._stacks is not None:
                faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    """Raise an exception in the main thread after a time."""
    if threading.current_thread() is not threading.main_thread():
        yield
    elif sys.platform == "win32":
        with _simulated_alarm(limit_s):
            yield
    else:
        began = time.monotonic()
        before = signal.signal(signal.SIGALRM, partial(_ring, limit_s))
        pending, interval = signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            yield
        finally:
            # Somebody else's alarm (a time limit of pytest's own) goes on as if ours had not been there.
            left = max(pending - (time.monotonic() - began), 0.001) if pending else 0.0
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextlib.contextmanager
def _simulated_alarm(limit_s: float) -> Iterator[None]:
    """The same where no system sends alarms: a thread of this process raises SIGINT, which alone wakes a sleeping Python.

    A Ctrl-C that comes meanwhile is what it was before.
    """
    rung = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if rung.is_set():
            rung.clear()
            _ring(limit_s, number, frame)
        elif callable(before):
            before(number, frame)

    def ring() -> None:
        rung.set()
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, handle)
    timer = threading.Timer(limit_s, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        try:
            timer.join()  # if it was about to ring, it rings here
        finally:
            signal.signal(signal.SIGINT, before)


def _ring(limit_s: float, _signal: int, _frame: FrameType | None) -> None:
    raise CaseDeadline(f"the case was given up after {limit_s:g} s")
