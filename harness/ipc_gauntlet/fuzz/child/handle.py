"""The process that executes inputs, as an object: it is started when needed, and again when an input killed it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.child.deaths import death, tail
from ipc_gauntlet.fuzz.child.messages import Answer, Measure, Orders, Ready, Request, pack
from ipc_gauntlet.fuzz.child.process import Process
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.target import Target

_BATCH = 256
_BATCH_BYTES = 1 << 18
_START_SECONDS = 120.0
_GRACE_SECONDS = 20.0

_Message = TypeVar("_Message", Answer, Ready)


class Child:
    """Executes inputs of one target in another process.

    Args:
        orders: What to load there.
        hash_seed: `PYTHONHASHSEED` of the process.
        path: Where it looks for modules before it looks where we do.
    """

    def __init__(self, orders: Orders, *, hash_seed: str = "0", path: Sequence[str] = ()) -> None:
        self.orders = orders
        self.edges = 0
        self.starts = 0
        self._hash_seed = hash_seed
        self._path = tuple(path)
        self._process: Process | None = None
        self._busy = False
        self._target = orders.target
        self._measured = orders.measured

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and whatever it started. The next input starts another one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def turn_to(self, target: Target) -> None:
        """Execute what follows with another target of the same module; coverage stays that of the orders."""
        self._target = target.name
        self._measured = target.measured

    def one(self, data: bytes, *, measure: Measure = "verdict") -> Answer:
        """Execute one input.

        Raises:
            UsageError: The target cannot be loaded.
            GauntletError: The process cannot be started, or talks nonsense.
        """
        return next(self.run([data], measure=measure))

    def run(
        self, inputs: Iterable[bytes], *, measure: Measure = "verdict", levels: int = 0
    ) -> Iterator[Answer]:
        """Execute inputs, in order. One that kills the process is answered with a finding; the rest goes on in a new one.

        Args:
            inputs: What to execute; taken a batch at a time.
            measure: What to find out about each.
            levels: Also tell the memory held after every so many inputs; 0 for not. Then all are sent at once, so that
                the inputs themselves weigh the same all the time.

        Raises:
            UsageError: The target cannot be loaded.
            GauntletError: The process cannot be started, or talks nonsense.
            RuntimeError: Answers to other inputs have not been taken yet.
        """
        for batch in _batches(inputs) if not levels else [list(inputs)]:
            yield from self._batch(batch, measure, levels)

    def _batch(self, batch: Sequence[bytes], measure: Measure, levels: int) -> Iterator[Answer]:
        if self._busy:
            raise RuntimeError("the answers to other inputs have to be taken first")
        done = 0
        self._busy = True
        try:
            while done < len(batch):
                rest = batch[done:]
                process = self._running()
                request = Request(
                    inputs=tuple(map(pack, rest)), target=self._target, measure=measure, levels=levels
                )
                process.say(msgspec.json.encode(request))
                for data in rest:
                    done += 1
                    line = process.line(self._patience(measure))
                    if line is None:
                        yield Answer(finding=self._died(process, data))
                        break
                    answer = _decoded(line, Answer)
                    if answer.trouble:
                        self.close()
                        raise GauntletError(answer.trouble)
                    yield answer
        finally:
            self._busy = False
            if done < len(batch):  # nobody wants the other answers, which would come all the same
                self.close()

    def _patience(self, measure: Measure) -> float:
        """Seconds after which a process whose own watch is dead counts as hanging."""
        return self.orders.hang_seconds * (4 if measure == "verdict" else 200) + _GRACE_SECONDS

    def _died(self, process: Process, data: bytes) -> Finding:
        status, said = process.end()
        self._process = None
        return death(self._target, self._measured, data, status, said.decode("utf-8", "replace"))

    def _running(self) -> Process:
        if self._process is None:
            self._process = process = Process(self._hash_seed, self._path)
            self.starts += 1
            process.say(msgspec.json.encode(self.orders))
            line = process.line(_START_SECONDS)
            if line is None:
                _, said = process.end()
                self._process = None
                raise GauntletError(
                    f"the process that was to load the fuzz target {self.orders.target} ended or hung:\n"
                    + tail(said)
                )
            ready = _decoded(line, Ready)
            if ready.error:
                self.close()
                raise UsageError(ready.error) if ready.usage else GauntletError(ready.error)
            self.edges = ready.edges
        return self._process


def _batches(inputs: Iterable[bytes]) -> Iterator[list[bytes]]:
    iterator = iter(inputs)
    while batch := list(islice(iterator, 1)):
        size = len(batch[0])
        while size < _BATCH_BYTES and len(batch) < _BATCH and (more := list(islice(iterator, 1))):
            batch += more
            size += len(more[0])
        yield batch


def _decoded(line: bytes, kind: type[_Message]) -> _Message:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError as error:
        raise GauntletError(
            f"a process that executes inputs talks nonsense: {error}: {line[:80]!r}"
        ) from error
