"""Measures compiled Python without source: `sys.monitoring` tells which branches are taken (Python 3.12 and newer).

Functions are known from the start, branches when they are first taken. Every branch is told each time, so that counts
are as they are elsewhere; that is slower than rewritten source.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.edges import Edge, Edges

_FUNCTION = inspect.CO_OPTIMIZED | inspect.CO_NEWLOCALS
_TOOLS = (4, 3, 5, 2)
_OFFSETS = 1 << 16
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")

AVAILABLE = sys.version_info >= (3, 12)
"""Whether this Python can do it."""


class Monitor:
    """Watches code objects.

    Args:
        edges: Where edges are numbered.
        hit: Called with the number of each edge that is taken.
    """

    def __init__(self, edges: Edges, hit: Callable[[int], object]) -> None:
        self._edges = edges
        self._hit = hit
        self._modules: dict[CodeType, str] = {}
        self._entries: dict[CodeType, int] = {}
        self._branches: dict[tuple[CodeType, int, int], int] = {}
        self._tool: int | None = None

    def watch(self, module: str, code: CodeType) -> None:
        """Watch all functions of a module.

        Args:
            module: Its name.
            code: Of the module; it must be this very object that is executed.

        Raises:
            GauntletError: Other tools took all of the interpreter's slots.
        """
        if sys.version_info >= (3, 12):
            tool = self._start()
            events = sys.monitoring.events
            for function in _functions(code):
                self._modules[function] = module
                if function.co_name not in _COMPREHENSIONS:
                    edge = Edge(
                        module,
                        function.co_filename,
                        function.co_firstlineno,
                        "enter",
                        function.co_qualname,
                        0,
                    )
                    self._entries[function] = self._edges.add(edge)
                sys.monitoring.set_local_events(tool, function, events.PY_START | events.BRANCH)

    def stop(self) -> None:
        """Watch nothing any more."""
        if sys.version_info >= (3, 12) and self._tool is not None:
            for code in self._modules:
                sys.monitoring.set_local_events(self._tool, code, 0)
            sys.monitoring.free_tool_id(self._tool)
            self._tool = None

    def _start(self) -> int:
        if self._tool is not None:
            return self._tool
        if sys.version_info >= (3, 12):
            for tool in _TOOLS:
                if sys.monitoring.get_tool(tool) is None:
                    sys.monitoring.use_tool_id(tool, "ipc-gauntlet")
                    events = sys.monitoring.events
                    sys.monitoring.register_callback(tool, events.PY_START, self._entered)
                    sys.monitoring.register_callback(tool, events.BRANCH, self._branched)
                    self._tool = tool
                    return tool
        raise GauntletError(
            "sys.monitoring has no free slot: debuggers and profilers must not run beside the fuzzer"
        )

    def _entered(self, code: CodeType, offset: int) -> None:
        del offset
        number = self._entries.get(code)
        if number is not None:
            self._hit(number)

    def _branched(self, code: CodeType, offset: int, destination: int) -> None:
        key = (code, offset, destination)
        number = self._branches.get(key)
        if number is None:
            number = self._branches[key] = self._edges.add(self._edge(code, offset, destination))
        self._hit(number)

    def _edge(self, code: CodeType, offset: int, destination: int) -> Edge:
        line = next((line for start, end, line in code.co_lines() if start <= offset < end and line), 0)
        # From where to where: the same in each run with the same Python.
        ordinal = offset * _OFFSETS + destination
        return Edge(self._modules[code], code.co_filename, line, "jump", code.co_qualname, ordinal)


def _functions(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & _FUNCTION == _FUNCTION:
                yield constant
            yield from _functions(constant)
