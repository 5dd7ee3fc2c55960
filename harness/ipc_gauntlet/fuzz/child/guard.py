"""Ends the process when an execution hangs or memory runs away; the stack is on standard error then.

A hang is CPU time, so that a busy or suspended machine makes none; waiting counts only when it is much longer. A call
that keeps the interpreter to itself keeps this thread out too: if it ends, the caller sees what it took, and if it never
does, a timer of `faulthandler`, which needs no interpreter, ends the process.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from ipc_gauntlet.fuzz.address_space import AddressSpace
from ipc_gauntlet.fuzz.spec import Exit

_LOOKS = 10
_SLOWEST_LOOK = 0.05
_BUSY = 0.05
_STUCK_AFTER = 8
_MB = 1 << 20


class Guard:
    """The thread. It runs until the process ends.

    Args:
        memory_mb: The process may use so much memory beyond what it has now; 0 for no limit.
    """

    def __init__(self, memory_mb: int) -> None:
        self._process = psutil.Process()
        AddressSpace(memory_mb * _MB).limit()
        self._most = self._process.memory_info().rss + memory_mb * _MB if memory_mb else 0
        self._running = 0
        self._limit = 0.0
        self._begun = (0.0, 0.0)
        threading.Thread(target=self._run, name="guard", daemon=True).start()

    @contextmanager
    def over(self, seconds: float) -> Iterator[None]:
        """End the process if the body takes longer.

        Args:
            seconds: CPU time.
        """
        self._limit = seconds
        self._begun = (time.monotonic(), time.process_time())
        self._running += 1
        faulthandler.dump_traceback_later(_STUCK_AFTER * seconds + 2, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._limit = 0.0

    def _run(self) -> None:
        before, awake, last = 0, 0.0, time.monotonic()
        while True:
            limit, number, (_, cpu) = self._limit, self._running, self._begun
            every = min(_SLOWEST_LOOK, limit / _LOOKS) if limit else _SLOWEST_LOOK
            time.sleep(every)
            now = time.monotonic()
            # What passed while the machine or the process stood still does not count.
            awake = awake + min(now - last, 2 * every) if number == before else 0.0
            before, last = number, now
            if self._most and self._process.memory_info().rss > self._most:
                self._end(Exit.MEMORY)
            if not limit or self._running != number or not self._limit:
                continue
            spent = time.process_time() - cpu
            if spent >= limit or (awake >= 2 * limit + 0.5 and spent < _BUSY * awake):
                self._end(Exit.HANG)

    @staticmethod
    def _end(status: Exit) -> None:
        faulthandler.dump_traceback(all_threads=True)
        os._exit(status)
