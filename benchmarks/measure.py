"""CPU time per operation, client and server together, in interleaved rounds.

Wall-clock rates on a shared machine say more about its neighbours than about the code. CPU time per operation is
stable to some ten per cent there, and the ratio of two stacks measured in turns is more so.
"""

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.registry import load
from benchmarks.stack import Channel, Stack

ROOT = Path(__file__).resolve().parent.parent


Connect = Callable[[], Channel]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Metric:
    """One thing that is measured.

    Args:
        name: Name in the table and in the JSON.
        title: What one operation is.
        count: Operations in one sample.
        run: Performs so many operations and returns what they cost by the clock; what it does outside of its two
            looks at the clock is not counted.
    """

    name: str
    title: str
    count: int
    run: Callable[[Connect, Clock, int], float]


def sessions(connect: Connect, clock: Clock, count: int) -> float:
    """Connect, handshake, echo 64 bytes, close."""
    payload = bytes(64)
    before = clock()
    for _ in range(count):
        channel = connect()
        answered(channel, payload)
        channel.close()
    return clock() - before


def answered(channel: Channel, payload: bytes) -> None:
    """One round trip; a wrong answer would make the numbers worthless."""
    if channel.echo(payload) != payload:
        raise ValueError("the answer is not what was sent")


def round_trips(size: int) -> Callable[[Connect, Clock, int], float]:
    """Round trips of so many bytes over one connection."""

    def run(connect: Connect, clock: Clock, count: int) -> float:
        payload = bytes(size)
        channel = connect()
        answered(channel, payload)
        before = clock()
        for _ in range(count):
            answered(channel, payload)
        spent = clock() - before
        channel.close()
        return spent

    return run


def one_way(connect: Connect, clock: Clock, count: int) -> float:
    """Messages of 1 KiB that are not answered, until the server has taken all of them."""
    payload = bytes(1024)
    channel = connect()
    answered(channel, payload)
    before = clock()
    for _ in range(count):
        channel.push(payload)
    channel.flush()
    spent = clock() - before
    channel.close()
    return spent


METRICS = (
    Metric("sessions", "connect + handshake + 64 B echo + close", 60, sessions),
    Metric("rr1k", "1 KiB round trip", 3000, round_trips(1024)),
    Metric("rr64k", "64 KiB round trip", 500, round_trips(65536)),
    Metric("oneway1k", "1 KiB one way", 8000, one_way),
)


class Server:
    """The server process of one stack, and its CPU clock."""

    def __init__(self, name: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", name, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._line() != "ready":
            raise RuntimeError(f"the server of {name} did not start")

    def cpu(self) -> float:
        """CPU seconds of the server so far."""
        if self._process.stdin is None:
            raise RuntimeError("the server has no standard input")
        self._process.stdin.write("cpu\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        if self._process.stdout is None:
            raise RuntimeError("the server has no standard output")
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Running:
    """A stack with its server, ready to be measured, and the samples so far (CPU seconds per operation)."""

    stack: Stack
    folder: Path
    server: Server
    samples: dict[str, list[float]] = field(default_factory=dict)

    def sample(self, metric: Metric, scale: float) -> None:
        """Take one sample of one metric."""
        count = max(2, round(metric.count * scale))
        gc.collect()
        spent = metric.run(
            lambda: self.stack.connect(self.folder), lambda: time.process_time() + self.server.cpu(), count
        )
        self.samples.setdefault(metric.name, []).append(spent / count)

    def medians(self) -> dict[str, float]:
        """The median sample of each metric."""
        return {name: statistics.median(samples) for name, samples in self.samples.items()}


def measure(
    names: Sequence[str], rounds: int, scale: float, progress: Callable[[str], None]
) -> dict[str, dict[str, list[float]]]:
    """Measure stacks in interleaved rounds.

    Args:
        names: Stacks to measure; one that needs a missing package is left out with a remark.
        rounds: Samples of each metric; a first round beyond these warms up and is thrown away.
        scale: Multiplies the operations in each sample.
        progress: Receives lines about what is going on.

    Returns:
        Samples in CPU seconds per operation, by stack and metric.
    """
    with ExitStack() as cleanup:
        running: dict[str, Running] = {}
        for name in names:
            try:
                stack = load(name)
            except ModuleNotFoundError as error:
                progress(f"{name}: left out, {error}")
                continue
            # Short on purpose: the path of a Unix socket has little room.
            folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
            stack.prepare(folder)
            running[name] = Running(stack, folder, cleanup.enter_context(Server(name, folder)))
        for number in range(rounds + 1):
            for metric in METRICS:
                for one in running.values():
                    one.sample(metric, scale if number else scale / 10)
            if number == 0:
                for one in running.values():
                    one.samples.clear()
            progress(f"round {number} of {rounds}" + ("" if number else " (warming up)"))
        return {name: one.samples for name, one in running.items()}
