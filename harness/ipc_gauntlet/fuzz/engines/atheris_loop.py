"""What libFuzzer calls for every input: as little Python as possible between it and the parser.

A bare script costs a `try` and a call; a few microseconds later libFuzzer asks again. So what is not needed each time is
not done each time:

- executions are counted, and compared with one number, the next at which the loop looks up. Another thread lowers it;
- verdicts are counted of each of the first executions, and later of every 251st, which then stands for 251;
- the input being executed is not copied anywhere: it is in the frame of the loop, where the watch's thread finds it. If
  the process dies of a signal, libFuzzer writes it into its folder, where `work.read_current` looks, too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NoReturn, cast

from ipc_gauntlet.fuzz.engines.causes import Causes, cause_of
from ipc_gauntlet.fuzz.execute import crash, execute, noncanonical
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.target import Target, Verdict
from ipc_gauntlet.fuzz.work import Current, Work

EXACT = 2000
"""Of so many executions at the beginning every verdict is counted."""
SAMPLED = 251
"""Then of every one in so many; a prime, because libFuzzer works in rounds of powers of two."""

_One = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Reports:
    """What the loop has others do.

    Attributes:
        look: Called between two executions with the number of those done, now and then, and when the limit is
            reached; ends the process when the slice is over.
        found: Called with a finding, and its cause in this process.
        interrupted: Ends the process.
    """

    look: Callable[[int], None]
    found: Callable[[object, Finding], None]
    interrupted: Callable[[int], NoReturn]


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop.

    Attributes:
        one: The function for libFuzzer.
        ring: Has it look up before the next execution; may be called from another thread.
        count: Executions begun so far.
        code: Of the functions in whose frames the input is called `data`.
    """

    one: _One
    ring: Callable[[], None]
    count: Callable[[], int]
    code: tuple[CodeType, ...]


class _State:
    """What the two ways through the loop share; `stop` and `executions` are read in every execution."""

    __slots__ = (
        "_causes",
        "_due",
        "_limit",
        "_reports",
        "_sample",
        "_target",
        "_verdicts",
        "executions",
        "stop",
    )

    def __init__(self, work: Work, causes: Causes, reports: Reports) -> None:
        self._causes = causes
        self._reports = reports
        self._target = work.target
        self._limit = work.spec.executions
        self._verdicts = work.progress.verdicts
        self._sample = 0
        self._due = True
        self.executions = 0
        self.stop = 0

    def ring(self) -> None:
        self._due = True
        self.stop = 0

    def each(self, data: bytes) -> None:
        """An execution that is looked at, after whatever has to be done now and then."""
        if self._due or (self._limit and self.executions > self._limit):
            self._due = False
            self._reports.look(self.executions - 1)
        weight = self._weigh()
        try:
            done = execute(self._target, data)
        except KeyboardInterrupt:
            self._reports.interrupted(self.executions)
        if done.finding is not None:
            self._reports.found(done.finding.signature, done.finding)
        if done.verdict is not None:
            why = done.verdict.reason or "accepted"
            self._verdicts[why] = self._verdicts.get(why, 0) + weight
        self.stop = min(self._sample, self._limit + 1) if self._limit else self._sample
        if self._due:  # rung meanwhile
            self.stop = 0

    def _weigh(self) -> int:
        """For how many executions the verdict of this one stands. Being rung must not change which are counted."""
        if self.executions < self._sample:
            return 0
        every = self._target.residue is not None
        self._sample = self.executions + (1 if every or self.executions < EXACT else SAMPLED)
        return 1 if every or self.executions <= EXACT else SAMPLED

    def odd(self, data: bytes, value: object) -> None:
        """An accepted input is not the encoding of its value."""
        if self._causes.worth_writing("noncanonical", data):
            finding = noncanonical(self._target, data, Verdict(True, "", value))
            if finding is not None:
                self._reports.found("noncanonical", finding)

    def failed(self, data: bytes, error: BaseException) -> None:
        """The target raised what it does not declare."""
        if isinstance(error, KeyboardInterrupt):
            self._reports.interrupted(self.executions)
        cause = cause_of(error)
        if self._causes.worth_writing(cause, data):
            self._reports.found(cause, crash(self._target, data, error))


def make(work: Work, causes: Causes, reports: Reports) -> Loop:
    """Make the loop of a slice."""
    state = _State(work, causes, reports)
    target = work.target
    made = (
        _canonical(state, target, target.encode)
        if target.canonical and target.encode
        else _plain(state, target)
    )
    return Loop(made, state.ring, lambda: state.executions, (made.__code__, _State.each.__code__))


def _plain(state: _State, target: Target) -> FunctionType:
    parse, rejects, each, failed = target.parse, target.rejects, state.each, state.failed

    def one(data: bytes) -> None:
        state.executions = number = state.executions + 1
        if number >= state.stop:
            each(data)
            return
        try:
            parse(data)
        except rejects:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever the code under test raises is the finding
            failed(data, error)

    return cast("FunctionType", one)


def _canonical(state: _State, target: Target, encode: Callable[[Any], bytes]) -> FunctionType:
    parse, rejects, each, failed = target.parse, target.rejects, state.each, state.failed

    def one(data: bytes) -> None:
        state.executions = number = state.executions + 1
        if number >= state.stop:
            each(data)
            return
        try:
            value = parse(data)
            if encode(value) != data:
                state.odd(data, value)
        except rejects:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever the code under test raises is the finding
            failed(data, error)

    return cast("FunctionType", one)


class Running(Current):
    """The input being executed, looked up when somebody asks.

    Args:
        path: As for `Current`.
        longest: As for `Current`.
        loop: The loop, which runs in the thread that makes this.
    """

    __slots__ = ("_code", "_count", "_idle_at", "_thread")

    def __init__(self, path: Path, longest: int, loop: Loop) -> None:
        self._count = loop.count
        self._code = loop.code
        self._idle_at = 0
        self._thread = threading.get_ident()
        super().__init__(path, longest)

    @property
    def execution(self) -> int:
        """Number of the execution that goes on, 0 while there is none."""
        number = self._count()
        return number if number != self._idle_at and self._found() is not None else 0

    @execution.setter
    def execution(self, number: int) -> None:
        """Ignored: it is looked up."""

    @property
    def data(self) -> bytes:
        """Its input."""
        return self._found() or b""

    @data.setter
    def data(self, data: bytes) -> None:
        """Ignored: it is looked up."""

    def idle(self) -> None:
        """What takes long from here to the next execution is not the target's fault."""
        self._idle_at = self._count()

    def _found(self) -> bytes | None:
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the way that Python documents
        while frame is not None:
            if frame.f_code in self._code:
                data = frame.f_locals.get("data")
                return data if isinstance(data, bytes) else None
            frame = frame.f_back
        return None
