"""What a few inputs reach in the measured modules: lines, functions, and the bytes that functions were called with.

It traces, which is slow, needs no instrumentation, and works on modules that were imported long ago: right for a
target's seeds, wrong for fuzzing. Whatever the parser raises is ignored here. A call that runs for too many lines is
cut short, so that no input can keep this busy for ever.
"""

from __future__ import annotations

import inspect
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from ipc_gauntlet.fuzz.signature import within
from ipc_gauntlet.fuzz.target import Target

_MOST_LINES = 400_000


class _TooLong(BaseException):
    """Cuts a call short."""


@dataclass(slots=True)
class Reached:
    """What was executed.

    Attributes:
        lines: Line numbers by module.
        functions: Qualified names by module.
        octets: CRC-32 of each value that was bytes, by module, function and parameter.
    """

    lines: dict[str, set[int]] = field(default_factory=dict)
    functions: dict[str, set[str]] = field(default_factory=dict)
    octets: dict[tuple[str, str, str], set[int]] = field(default_factory=dict)


class _Tracer:
    """A trace function for the measured modules only."""

    def __init__(self, measured: tuple[str, ...]) -> None:
        self.reached = Reached()
        self._measured = measured
        self._modules: dict[CodeType, str] = {}
        self._left = _MOST_LINES

    def begin(self) -> None:
        """The next call starts."""
        self._left = _MOST_LINES

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:  # noqa: ANN401 - as sys.settrace has it
        code = frame.f_code
        module = self._modules.get(code)
        if module is None:
            module = str(frame.f_globals.get("__name__", ""))
            module = module if within(module, self._measured) else ""
            self._modules[code] = module
        if not module:
            return None
        self.reached.functions.setdefault(module, set()).add(code.co_qualname)
        self._arguments(module, frame)
        lines = self.reached.lines.setdefault(module, set())

        def line(frame: FrameType, event: str, arg: Any) -> Any:  # noqa: ANN401 - as sys.settrace has it
            if event == "line":
                lines.add(frame.f_lineno)
                self._left -= 1
                if self._left < 0:
                    raise _TooLong
            return line

        return line

    def _arguments(self, module: str, frame: FrameType) -> None:
        code = frame.f_code
        for name in code.co_varnames[: code.co_argcount]:
            value = frame.f_locals.get(name)
            if isinstance(value, (bytes, bytearray)):
                key = (module, code.co_qualname, name)
                self.reached.octets.setdefault(key, set()).add(zlib.crc32(value))


@contextmanager
def _tracing(tracer: _Tracer) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


def reached(target: Target, inputs: Iterable[bytes]) -> Reached:
    """Run inputs and tell what they reach.

    Args:
        target: Its `parse` is called.
        inputs: Each is parsed once.

    Raises:
        KeyboardInterrupt: From the parser; nothing else gets out of it.
    """
    tracer = _Tracer(target.measured)
    for data in inputs:
        tracer.begin()
        try:
            with _tracing(tracer):
                target.parse(data)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001, S112 - what the code under test raises is not asked here
            continue
    return tracer.reached


def sources(measured: Iterable[str]) -> dict[str, str]:
    """The source of each measured module that is imported and has one, by module name in alphabetical order."""
    found: dict[str, str] = {}
    prefixes = tuple(measured)
    for name in sorted(sys.modules):
        if not within(name, prefixes):
            continue
        try:
            found[name] = inspect.getsource(sys.modules[name])
        except (OSError, TypeError):
            continue  # built in, compiled, or empty: nothing to plant in
    return found
