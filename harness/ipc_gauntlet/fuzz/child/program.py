"""What runs in the process that executes inputs: it reads orders and requests, and answers a line for each input.

The code under test may print, read standard input, hang, eat memory and die. So the two ends of the conversation are
moved away from descriptors 0 and 1 before anything of it is loaded, and a `Guard` ends the process when an execution
takes too long or too much memory.
"""

from __future__ import annotations

import faulthandler
import gc
import hashlib
import os
import signal
import time
import tracemalloc
from collections.abc import Iterator
from typing import IO

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.child.costs import count, cpu_ns
from ipc_gauntlet.fuzz.child.guard import Guard
from ipc_gauntlet.fuzz.child.messages import Answer, Measure, Orders, Ready, Request, unpack
from ipc_gauntlet.fuzz.child.remote import Remote
from ipc_gauntlet.fuzz.coverage.edges import BUCKETS
from ipc_gauntlet.fuzz.coverage.instrument import Coverage, install
from ipc_gauntlet.fuzz.execute import Execution, execute, made
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.spec import Exit
from ipc_gauntlet.fuzz.target import Target

_COUNTED_IS_SLOWER = 40


def main() -> int:
    """Talk until the other end closes the conversation."""
    source, sink = _streams_of_our_own()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's; whoever started this ends it
    faulthandler.enable()
    orders = msgspec.json.decode(source.readline(), type=Orders)
    try:
        worker = Worker(orders)
    except GauntletError as error:
        _tell(sink, Ready(error=str(error), usage=isinstance(error, UsageError)))
        return int(Exit.TROUBLE)
    _tell(sink, Ready(edges=worker.edges))
    for line in source:
        try:
            for answer in worker.answers(msgspec.json.decode(line, type=Request)):
                _tell(sink, answer)
        except GauntletError as error:
            # The implementation beside does not start again: to die of it would be taken for the input's doing.
            _tell(sink, Answer(trouble=str(error)))
            return int(Exit.TROUBLE)
    return int(Exit.DONE)


class Worker:
    """A loaded module of targets, and what is measured of them.

    Args:
        orders: What to load.

    Raises:
        UsageError: There is no such target.
        GauntletError: It was imported before it could be instrumented, or the driver does not start.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._coverage: Coverage | None = install(orders.measured) if orders.coverage else None
        targets = {target.name: target for target in load(Source(orders.module, "orders"))}
        if orders.target not in targets:
            raise UsageError(f"{orders.module} has no fuzz target {orders.target}")
        self._targets = targets
        self._target: Target = targets[orders.target]
        self._features: dict[int, int] = {}
        self._remote = Remote(orders.driver, self._target, orders.hang_seconds) if orders.driver else None
        self._guard = Guard(orders.memory_mb)

    @property
    def edges(self) -> int:
        """How many edges were instrumented."""
        return self._coverage.total if self._coverage is not None else 0

    def answers(self, request: Request) -> Iterator[Answer]:
        """Execute the inputs of a request."""
        self._target = self._targets[request.target or self._orders.target]
        if request.levels and not tracemalloc.is_tracing():
            tracemalloc.start()
        for number, text in enumerate(request.inputs, start=1):
            answer = self._one(unpack(text))
            if answer.finding is None:
                answer = self._measured(answer, unpack(text), request.measure)
            if request.levels and number % request.levels == 0:
                gc.collect()
                answer = msgspec.structs.replace(answer, held=tracemalloc.get_traced_memory()[0])
            yield answer

    def _one(self, data: bytes) -> Answer:
        coverage = self._coverage
        if coverage is not None:
            coverage.begin()
        limit = self._orders.hang_seconds
        begun = time.thread_time()
        with self._guard.over(limit):
            done = execute(self._target, data)
        if (spent := time.thread_time() - begun) >= limit and done.finding is None:
            # It kept the interpreter to itself, and came back in the end.
            text = f"one call took {spent:.1f} s of CPU time"
            done = Execution(done.verdict, made(self._target, "hang", data, text))
        features = self._stable(coverage) if coverage is not None else ()
        verdict = done.verdict
        answer = Answer(
            accepted=verdict is not None and verdict.accepted,
            reason=verdict.reason if verdict is not None else "",
            finding=done.finding,
            features=features,
        )
        if self._remote is None or done.finding is not None:
            return answer
        beside = self._remote.judge(data)
        return msgspec.structs.replace(answer, finding=beside.finding, pair=beside.pair, theirs=beside.edges)

    def _measured(self, answer: Answer, data: bytes, measure: Measure) -> Answer:
        if measure == "verdict":
            return answer
        with self._guard.over(self._orders.hang_seconds * _COUNTED_IS_SLOWER):
            if measure == "time":
                return msgspec.structs.replace(answer, cpu_ns=cpu_ns(self._target, data))
            counted = count(self._target, data)
        return msgspec.structs.replace(answer, lines=counted.lines, hot=counted.hot, peak=counted.peak)

    def _stable(self, coverage: Coverage) -> tuple[int, ...]:
        """The last execution's features, as numbers that mean the same in every process that runs the same code."""
        found = []
        for feature in coverage.features():
            number = self._features.get(feature)
            if number is None:
                edge, bucket = divmod(feature, BUCKETS)
                name = f"{coverage.edges[edge].name}#{bucket}"
                number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest())
                self._features[feature] = number
            found.append(number)
        return tuple(found)


def _streams_of_our_own() -> tuple[IO[bytes], IO[bytes]]:
    """The conversation, out of reach of whatever reads standard input or prints."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def _tell(sink: IO[bytes], message: Answer | Ready) -> None:
    sink.write(msgspec.json.encode(message) + b"\n")
    sink.flush()
