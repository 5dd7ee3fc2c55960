"""What one execution costs: lines of Python, CPU time, and memory.

Lines are counted, and memory nearly so: the same on every run, whatever else the machine does. CPU time is
the smallest of several runs, to be compared with other times of the same process only.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from ipc_gauntlet.fuzz.child.messages import MOST_LINES
from ipc_gauntlet.fuzz.findings import Frame
from ipc_gauntlet.fuzz.signature import short_path, within
from ipc_gauntlet.fuzz.target import Target

# A thread's own time is too coarse on Windows (15.6 ms); the least of several wall-clock times is next best.
_clock: Callable[[], int] = time.perf_counter_ns if sys.platform == "win32" else time.thread_time_ns

_ROUNDS = 4
_ENOUGH_NS = 80_000_000


class _Enough(BaseException):
    """Cuts an execution short."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one execution takes, counted.

    Attributes:
        lines: Lines of Python executed, in the parser and in all that it calls; at most `MOST_LINES`.
        hot: The function with most of them, within the measured modules if one of those has a line.
        peak: Most bytes allocated at a time, beyond those before; 0 if there were too many lines.
    """

    lines: int
    hot: Frame | None
    peak: int


def count(target: Target, data: bytes) -> Count:
    """Execute an input several times and count. Whatever the parser raises counts as its end.

    Args:
        target: What to execute.
        data: The input.
    """
    with _undisturbed():
        lines, hot = _lines(target, data)
        return Count(lines, hot, _peak(target, data) if lines < MOST_LINES else 0)


def cpu_ns(target: Target, data: bytes) -> int:
    """The least CPU time of some executions of an input, in nanoseconds.

    Args:
        target: What to execute.
        data: The input.
    """
    with _undisturbed():
        least = 0
        spent = 0
        for _ in range(_ROUNDS):
            begun = _clock()
            _once(target, data)
            took = _clock() - begun
            least = min(least or took, took)
            spent += took
            if spent > _ENOUGH_NS:
                break
        return least


def _once(target: Target, data: bytes) -> None:
    with contextlib.suppress(Exception, _Enough):
        target.judge(data)


def _peak(target: Target, data: bytes) -> int:
    was_on = tracemalloc.is_tracing()
    if not was_on:
        tracemalloc.start()
    try:
        # The first of the runs also fills what the interpreter keeps for later.
        peaks = []
        for _ in range(3):
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            _once(target, data)
            peaks.append(max(tracemalloc.get_traced_memory()[1] - before, 0))
        return min(peaks)
    finally:
        if not was_on:
            tracemalloc.stop()


def _lines(target: Target, data: bytes) -> tuple[int, Frame | None]:
    counted: Counter[CodeType] = Counter()
    modules: dict[CodeType, str] = {}
    left = MOST_LINES

    def local(frame: FrameType, event: str, arg: Any) -> Any:  # noqa: ANN401 - as sys.settrace has it
        nonlocal left
        del arg
        if event == "line":
            counted[frame.f_code] += 1
            left -= 1
            if not left:
                raise _Enough
        elif event == "call":
            modules[frame.f_code] = str(frame.f_globals.get("__name__", ""))
        return local

    before = sys.gettrace()
    sys.settrace(local)
    try:
        _once(target, data)
    finally:
        sys.settrace(before)
    ours = [(code, count) for code, count in counted.items() if within(modules[code], target.measured)]
    pairs = ours or list(counted.items())
    if not pairs:
        return 0, None
    code = max(pairs, key=lambda pair: pair[1])[0]
    return counted.total(), Frame(
        short_path(code.co_filename, modules[code]), code.co_firstlineno, code.co_qualname
    )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Without collections of garbage at moments that nobody chose."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
