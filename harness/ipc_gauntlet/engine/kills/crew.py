"""Several processes at work on jobs, with a time limit for each; none of them outlives its job.

Each process has a thread that reads what it tells: on Windows nothing else can wait for a pipe of `subprocess`, and one way
for all systems is tried more often than two.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from ipc_gauntlet.engine.kills.jobs import Job, Told

_COMMAND = (sys.executable, "-m", "ipc_gauntlet.engine.kills.worker")
_TAIL = 2000
_CHUNK = 1 << 16
_LONGEST_WAIT_S = 0.5
_READER_S = 5.0


@dataclass(slots=True)
class Order:
    """One job and who wants to know about it.

    Args:
        job: Makes the job when its turn has come, from what is known then; None if there is nothing to do any more.
        on_told: Called with every line.
        on_end: Called when it is over: whether its time was over, and why it could not be done (or empty).
        limit_s: Seconds it may take.
        timing: Whether it measures real time; only one of these runs at a time.
    """

    job: Callable[[], Job | None]
    on_told: Callable[[Told], None]
    on_end: Callable[[bool, str], None]
    limit_s: float
    timing: bool = False


@dataclass(slots=True, eq=False)
class _Work:
    order: Order
    process: subprocess.Popen[bytes]
    deadline: float
    errors: Path
    buffer: bytes = b""
    problem: str = ""
    finished: bool = False
    since: float = field(default_factory=time.monotonic)
    reader: threading.Thread | None = None


class Crew:
    """Does orders.

    Args:
        size: How many processes at once.
        folder: For files that live as long as a job.
    """

    def __init__(self, size: int, folder: Path) -> None:
        self._size = size
        self._folder = folder
        self._waiting: list[Order] = []
        self._working: list[_Work] = []
        self._told: queue.SimpleQueue[tuple[_Work, bytes]] = queue.SimpleQueue()
        self._count = 0

    def add(self, order: Order) -> None:
        """Take an order; also while others are being done."""
        self._waiting.append(order)

    def work(self, *, alone: bool = False) -> None:
        """Do all orders, also those that come meanwhile.

        Args:
            alone: Whether only one is done at a time.
        """
        while self._waiting or self._working:
            self._fill(1 if alone else self._size)
            if self._working:
                self._listen()

    def stop(self) -> None:
        """End all processes."""
        for work in list(self._working):
            self._end(work, over=False, told=False)
        self._waiting.clear()

    def _fill(self, size: int) -> None:
        for order in list(self._waiting):
            if len(self._working) >= size:
                return
            if order.timing and any(work.order.timing for work in self._working):
                continue
            self._waiting.remove(order)
            job = order.job()
            if job is None:
                order.on_end(False, "")
            else:
                self._start(order, job)

    def _start(self, order: Order, job: Job) -> None:
        self._count += 1
        errors = self._folder / f"errors-{self._count}.txt"
        with errors.open("wb") as file:
            process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        with contextlib.suppress(OSError):  # it died at once; the end of its output tells
            process.stdin.write(msgspec.json.encode(job))
            process.stdin.close()
        work = _Work(order, process, time.monotonic() + order.limit_s, errors)
        self._working.append(work)
        work.reader = threading.Thread(target=_read, args=(work, self._told), name="crew", daemon=True)
        work.reader.start()

    def _listen(self) -> None:
        nearest = min(work.deadline for work in self._working) - time.monotonic()
        with contextlib.suppress(queue.Empty):
            work, data = self._told.get(timeout=min(max(nearest, 0.001), _LONGEST_WAIT_S))
            if work in self._working:  # what a process told before it was ended does not count any more
                if data:
                    self._take(work, data)
                else:
                    self._end(work, over=False)
        for work in [one for one in self._working if time.monotonic() >= one.deadline]:
            self._end(work, over=True)

    def _take(self, work: _Work, data: bytes) -> None:
        *lines, work.buffer = (work.buffer + data).split(b"\n")
        for line in lines:
            try:
                told = msgspec.json.decode(line, type=Told)
            except msgspec.DecodeError as error:
                work.problem = f"the process that ran the cases wrote nonsense: {error}"
                continue
            work.finished = work.finished or told.done
            work.problem = work.problem or told.problem
            work.order.on_told(told)

    def _end(self, work: _Work, *, over: bool, told: bool = True) -> None:
        assert work.process.stdout is not None  # noqa: S101 - a pipe
        self._working.remove(work)
        kill_family(work.process, at_once=over or not told)
        if work.reader is not None:
            work.reader.join(_READER_S)  # it ends with the last process that holds the pipe
        work.process.stdout.close()
        if told:
            problem = work.problem
            if not problem and not work.finished and not over:
                text = work.errors.read_text(encoding="utf-8", errors="replace")[-_TAIL:].strip()
                problem = f"the process that ran the cases died (status {work.process.returncode}): {text}"
            work.order.on_end(over, problem)


def _read(work: _Work, told: queue.SimpleQueue[tuple[_Work, bytes]]) -> None:
    """Pass on what a process tells, and at last nothing, which is its end."""
    assert work.process.stdout is not None  # noqa: S101 - a pipe
    number = work.process.stdout.fileno()
    while data := os.read(number, _CHUNK):
        told.put((work, data))
    told.put((work, b""))


def kill_family(process: subprocess.Popen[bytes], *, at_once: bool) -> None:
    """End a process with everything it started.

    Args:
        process: The process.
        at_once: Whether it is killed in the middle of its work; otherwise it is about to leave by itself.
    """
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    if not at_once:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
    process.kill()
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.wait()
