"""What an execution compares: pairs of values, in order. For a few executions now and then.

Each function of the measured modules has a second code object that tells what it compares (`operands`). While pairs are
captured the functions run that one; at all other times this costs nothing.
"""

from __future__ import annotations

import enum
import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from ipc_gauntlet.fuzz.coverage.operands import LEFT, MIDDLE, RIGHT, SUBJECT

Scalar = int | bytes | str
"""What can stand in an input."""
Pair = tuple[Scalar, Scalar]
"""Two values that were compared and differed."""

_MOST_PAIRS = 4096
_MOST_MEMBERS = 64
_LONGEST = 64
_PREFIXES = ("startswith", "removeprefix")
_SUFFIXES = ("endswith", "removesuffix")


class Compares:
    """Captures pairs.

    Args:
        codes: Makes the map from each function's code to the one that tells; called when it is first needed, and again
            when `grown` says that there is more.
        grown: A number that changes when modules were added.
    """

    def __init__(self, codes: Callable[[], dict[CodeType, CodeType]], grown: Callable[[], int]) -> None:
        self._codes = codes
        self._grown = grown
        self._size = -1
        self._functions: list[tuple[FunctionType, CodeType, CodeType]] = []
        self._left: deque[Any] = deque(maxlen=_MOST_PAIRS)
        self._pairs: deque[Pair] = deque(maxlen=_MOST_PAIRS)

    def names(self) -> dict[str, Callable[..., Any]]:
        """What the second code objects call, by name."""
        return {
            LEFT: self._take_left,
            RIGHT: self._take_right,
            MIDDLE: self._take_middle,
            SUBJECT: self._take_subject,
        }

    def capture(self, runs: Iterable[Callable[[], object]]) -> list[list[Pair]]:
        """Run things and tell what each compared that was not equal, in order, repetitions left out.

        Args:
            runs: Each must raise nothing.
        """
        self._find()
        found = []
        for function, _, telling in self._functions:
            function.__code__ = telling
        try:
            for run in runs:
                self._pairs.clear()
                self._left.clear()
                run()
                found.append(list(dict.fromkeys(reversed(self._pairs)))[::-1])
        finally:
            for function, plain, _ in self._functions:
                function.__code__ = plain
        self._pairs.clear()
        self._left.clear()
        return found

    def _find(self) -> None:
        if self._size == self._grown():
            return
        self._size = self._grown()
        codes = self._codes()
        self._functions = []
        for thing in gc.get_objects():
            # Not isinstance: a proxy that lies about its class would be asked, and answer with code of its own.
            if type(thing) is FunctionType and (telling := codes.get(thing.__code__)) is not None:
                self._functions.append((thing, thing.__code__, telling))

    # Called by the code under test

    def _take_left(self, value: Any) -> Any:  # noqa: ANN401 - anything, handed on
        self._left.append(value)
        return value

    def _take_right(self, value: Any, how: str) -> Any:  # noqa: ANN401 - anything, handed on
        if self._left:
            self._note(self._left.pop(), value, how)
        return value

    def _take_middle(self, value: Any, how: str) -> Any:  # noqa: ANN401 - anything, handed on
        self._take_right(value, how)
        self._left.append(value)
        return value

    def _take_subject(self, value: Any, others: tuple[Any, ...]) -> Any:  # noqa: ANN401 - anything, handed on
        for other in others:
            self._pair(value, other)
        return value

    def _note(self, left: Any, right: Any, how: str) -> None:  # noqa: ANN401 - anything
        if how in ("==", "<"):
            self._pair(left, right)
            if how == "<" and type(left) is int and type(right) is int and left != right:
                # The bound itself, and one on either side of it.
                self._pair(left, right + 1)
                self._pair(left, right - 1)
        elif how in _PREFIXES + _SUFFIXES:
            for part in right if type(right) is tuple else (right,):
                self._pair(_end_of(left, part, how), part)
        elif how == "in":
            for member in _members(right):
                self._pair(left, member)
        elif how in ("[]", "get"):
            for member in _members(left) if isinstance(left, dict) else ():
                self._pair(right, member)
        elif how == "()" and isinstance(left, enum.EnumMeta):
            for member in left:
                self._pair(right, member)

    def _pair(self, one: object, other: object) -> None:
        first, second = _scalar(one), _scalar(other)
        if first is None or second is None or type(first) is not type(second) or first == second:
            return
        self._pairs.append((first, second))


def _scalar(value: object) -> Scalar | None:
    """The value as it can stand in an input, None if it cannot. Never code of the values' own classes."""
    if isinstance(value, enum.Enum):
        value = value.value
    kind = type(value)
    if kind is bool:
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value[:_LONGEST])
    if isinstance(value, str):
        return str(value[:_LONGEST])
    return None


def _members(container: object) -> Iterator[object]:
    if isinstance(container, set | frozenset):
        # Their order is another one in each process.
        members: Iterable[object] = sorted(container, key=repr)
    elif isinstance(container, tuple | list | dict | range):
        members = container
    else:
        return
    for count, member in enumerate(members):
        if count == _MOST_MEMBERS:
            return
        yield member


def _end_of(value: object, part: object, how: str) -> object:
    if not isinstance(value, bytes | bytearray | str) or not isinstance(part, bytes | bytearray | str):
        return None
    if how in _PREFIXES:
        return value[: len(part)]
    return value[-len(part) :] if part else None


def same_places(plain: CodeType, telling: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Pair the code objects in two versions of one module.

    Both have the same functions in the same order; what does not fit is left out.
    """
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (plain, telling)]
    if len(inner[0]) != len(inner[1]):
        return
    for one, other in zip(*inner, strict=True):
        fits = (one.co_qualname, one.co_firstlineno, one.co_freevars) == (
            other.co_qualname,
            other.co_firstlineno,
            other.co_freevars,
        )
        if fits:
            yield one, other
            yield from same_places(one, other)
