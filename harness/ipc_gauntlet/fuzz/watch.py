"""A thread beside the one that fuzzes: ends the process when an execution hangs or memory runs away.

An execution costs nothing for it: the thread looks every few hundredths of a second whether the number of the execution
in `work.current` is still the same. It has to tell a hang from a machine that was suspended, stopped or very busy, and
from Python's collector of garbage, so it counts CPU time; time without any counts only while the thread itself was
awake, and only if it goes on for longer.

A call that keeps the interpreter to itself (a regular expression, arithmetic on huge numbers) keeps this thread out as
well. When it ends, the thread sees that it was late and hands the input over: the engine runs `confirm` on it, which
measures it alone. If it never ends, the supervisor's patience decides; the stack is in `stack.txt` then.
"""

from __future__ import annotations

import base64
import faulthandler
import gc
import os
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import IO, Self

import psutil

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.address_space import AddressSpace
from ipc_gauntlet.fuzz.findings import Finding, FindingKind, Frame
from ipc_gauntlet.fuzz.signature import short_path, sign, within
from ipc_gauntlet.fuzz.spec import Exit
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.work import Work

STACK = "stack.txt"
"""In the slice's folder: the stack of a call that keeps the interpreter to itself."""

_LOOKS = 10
_SLOWEST_LOOK = 0.05
_SAMPLES = 8
_SAMPLE_EVERY = 0.005
_BUSY = 0.05
_STUCK_AFTER = 4
_FIRST = 5
_MB = 1 << 20
_SUSPECTS = 8
_FAULT_LINE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)')

_End = Callable[[int], None]


class Watch:
    """The thread. Use it as a context around the loop.

    Args:
        work: Whose `current` tells what is executed; findings go to it.
        end: Ends the process.

    Attributes:
        memory_mb: Resident memory.
    """

    def __init__(self, work: Work, end: _End = os._exit) -> None:
        self._work = work
        self._end = end
        self._limit = work.spec.hang_seconds
        self._every = min(_SLOWEST_LOOK, self._limit / _LOOKS)
        self._main = threading.get_ident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fuzz-watch", daemon=True)
        self._suspects: deque[bytes] = deque(maxlen=_SUSPECTS)
        self._process = psutil.Process()
        self._space = AddressSpace(work.spec.memory_mb * _MB)
        self._stack: IO[str] | None = None
        self._collecting = 0.0
        self._collected = 0.0
        self._seen = 0
        self._spent = 0.0
        self._waited = 0.0
        self._last = (0.0, 0.0)
        self._rss_before = 0
        self._start_rss = 0
        self.memory_mb = 0.0

    def __enter__(self) -> Self:
        self._start_rss = self._rss_before = self._process.memory_info().rss
        self.memory_mb = self._start_rss / _MB
        self._last = (time.monotonic(), time.process_time())
        self._stack = (self._work.folder / STACK).open("w", encoding="utf-8")
        gc.callbacks.append(self._garbage)
        self._space.limit()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._space.release()
        gc.callbacks.remove(self._garbage)
        faulthandler.cancel_dump_traceback_later()
        if self._stack is not None:
            self._stack.close()
            (self._work.folder / STACK).unlink(missing_ok=True)

    def suspect(self) -> bytes | None:
        """An input that may have kept the interpreter to itself for too long; None if there is none."""
        return self._suspects.popleft() if self._suspects else None

    def last_look(self) -> None:
        """Give the thread the time to look once more, at the end."""
        time.sleep(2 * self._every)

    def confirm(self, data: bytes, run: Callable[[bytes], object]) -> Finding | None:
        """Run a suspect alone and measure it.

        Args:
            data: The input.
            run: Executes it and raises nothing.
        """
        path = self._work.folder / f".{STACK}"
        with path.open("w+", encoding="utf-8") as file:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.dump_traceback_later(self._limit / 2, file=file)
            before = time.thread_time()
            run(data)
            spent = time.thread_time() - before
            faulthandler.cancel_dump_traceback_later()
            file.seek(0)
            frames = frames_in_dump(file.read(), self._work.target.measured)
        path.unlink(missing_ok=True)
        self._work.current.idle()
        if spent < self._limit:
            return None
        return _finding(self._work.target, "hang", data, f"one call took {spent:.1f} s of CPU time", frames)

    # The thread

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every):
                self._look_at_time()
                self._look_at_memory()
        except (psutil.Error, GauntletError, OSError) as error:
            # Unwatched, a slice could hang for ever without anybody knowing.
            sys.stderr.write(f"the watch over a fuzzing slice failed: {error}\n")
            self._end(Exit.TROUBLE)

    def _garbage(self, phase: str, info: dict[str, int]) -> None:
        del info
        now = time.thread_time()
        if phase == "start":
            self._collecting = now
        else:
            self._collected += now - self._collecting

    def _look_at_time(self) -> None:
        now = (time.monotonic(), time.process_time())
        # A suspended machine and a stopped process make time pass without our waking: that does not count.
        awake = min(now[0] - self._last[0], 2 * self._every)
        garbage, self._collected = self._collected, 0.0
        spent = now[1] - self._last[1] - garbage
        self._last = now
        number, data = self._work.current.execution, self._work.current.data
        self._arm()
        if number != self._seen:
            if spent >= self._limit and number:
                self._suspects.append(data)
            self._seen, self._spent, self._waited = number, 0.0, 0.0
            return
        if not number:
            return
        self._spent += spent
        self._waited += awake
        # At its first execution a target prepares what all others use: keys, tables, modules.
        limit = self._limit * (_FIRST if number == 1 else 1)
        waits = self._waited >= 2 * limit + 0.5 and self._spent < _BUSY * self._waited
        if self._spent >= limit or waits:
            self._hang(data, waits=waits)

    def _arm(self) -> None:
        """If we do not come back in time, the stack is written by faulthandler, which needs no interpreter."""
        if self._stack is not None:
            if self._stack.tell():
                self._stack.seek(0)
                self._stack.truncate()
            faulthandler.dump_traceback_later(_STUCK_AFTER * self._limit + 1, file=self._stack)

    def _hang(self, data: bytes, *, waits: bool) -> None:
        what = "waits" if waits else "no answer"
        frames, text = self._main_stack()
        message = f"{what} after {max(self._limit, self._waited if waits else 0):.1f} s"
        self._work.found(_finding(self._work.target, "hang", data, message, frames, {"stack": text}))
        self._leave(Exit.HANG)

    def _look_at_memory(self) -> None:
        rss = self._process.memory_info().rss
        self.memory_mb = rss / _MB
        limit = self._work.spec.memory_mb * _MB
        grown = rss - self._start_rss
        if limit and grown > limit:
            data = self._work.current.data
            # Whether this input did it or thousands before it shows in when memory grew.
            sudden = 2 * (rss - self._rss_before) > grown
            frames, text = self._main_stack()
            message = f"memory grew by {grown // _MB} MB, " + ("at once" if sudden else "little by little")
            details = {"stack": text, "growth": "sudden" if sudden else "gradual"}
            self._work.found(_finding(self._work.target, "memory", data, message, frames, details))
            self._leave(Exit.MEMORY)
        if self._work.current.execution != self._seen or not self._seen:
            self._rss_before = rss

    def _leave(self, status: Exit) -> None:
        self._work.progress.memory_mb = self.memory_mb
        self._work.tell()
        self._end(status)

    def _main_stack(self) -> tuple[tuple[Frame, ...], str]:
        """The calls that several looks at the main thread have in common, outermost first, and a text for a person."""
        samples: list[list[tuple[CodeType, Frame]]] = []
        text = ""
        for _ in range(_SAMPLES):
            frame = sys._current_frames().get(self._main)  # noqa: SLF001 - the way that Python documents
            if frame is not None:
                samples.append(calls_of(frame, self._work.target.measured))
                text = "".join(traceback.format_stack(frame))
            time.sleep(_SAMPLE_EVERY)
        return common(samples), text


def calls_of(frame: FrameType | None, measured: Sequence[str]) -> list[tuple[CodeType, Frame]]:
    """The calls on a stack that lie within the measured modules, outermost first."""
    found: list[tuple[CodeType, Frame]] = []
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if within(module, measured):
            code = frame.f_code
            file = short_path(code.co_filename, module)
            found.append((code, Frame(file, frame.f_lineno or 0, code.co_qualname)))
        frame = frame.f_back
    return found[::-1]


def common(samples: Sequence[Sequence[tuple[CodeType, Frame]]]) -> tuple[Frame, ...]:
    """The calls in which all samples agree; lines are those of the last.

    A hang is somewhere else at each look; the function whose loop does not end is in all of them.
    """
    if not samples:
        return ()
    depth = 0
    for calls in zip(*samples, strict=False):
        if len({code for code, _ in calls}) > 1:
            break
        depth += 1
    return tuple(frame for _, frame in samples[-1][:depth])


def frames_in_dump(text: str, measured: Sequence[str]) -> tuple[Frame, ...]:
    """The calls within the measured modules in what faulthandler wrote, outermost first.

    It knows files, not modules: a file belongs to a module if its path ends as the module's name does.
    """
    endings = {"/".join(prefix.split(".")): prefix for prefix in measured}
    found: list[Frame] = []
    for line in text.splitlines():
        match = _FAULT_LINE.fullmatch(line)
        if match is None:
            continue
        path = Path(match["file"]).with_suffix("").as_posix()
        ending = next((e for e in endings if path.endswith("/" + e) or f"/{e}/" in path), None)
        if ending is not None:
            below = path[path.rindex("/" + ending) + 1 :]
            found.append(Frame(f"{below}.py", int(match["line"]), match["function"]))
    return tuple(found[::-1])


def _finding(
    target: Target,
    kind: FindingKind,
    data: bytes,
    message: str,
    frames: tuple[Frame, ...],
    details: dict[str, str] | None = None,
) -> Finding:
    where = f" in {frames[-1].function} ({frames[-1].file}:{frames[-1].line})" if frames else ""
    return Finding(
        target=target.name,
        kind=kind,
        signature=sign(kind, "", frames, "" if frames else target.name),
        message=message + where,
        input_b64=base64.b64encode(data).decode(),
        frames=frames,
        details={name: text[-4000:] for name, text in (details or {}).items()},
    )
