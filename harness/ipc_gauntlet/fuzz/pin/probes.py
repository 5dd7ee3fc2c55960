"""Instrumentation of a parser's copies: a budget of steps, blocks that were entered, values that were compared.

Every copy counts steps, so that a mutant whose loop never ends is stopped. The copy of the unchanged parser also tells
which blocks an input enters: a mutant whose change is in another block behaves the same on it and need not be run. A
third copy tells what was compared with what, from which inputs at a boundary are made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TypeGuard

from ipc_gauntlet.fuzz.pin.edits import hide

STEP = "__gauntlet_step__"
SEEN = "__gauntlet_seen__"
COMPARED = "__gauntlet_compared__"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_STEPPING = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef)
Block = tuple[ast.AST, str]


class Runaway(BaseException):
    """A copy has used up its steps. Not an Exception: no parser catches it by accident."""


class Steps:
    """The budget that all copies share; one of them runs at a time.

    Attributes:
        left: Steps that the call that runs may still take.
        calls: Calls so far.
        busy: Whether one runs now.
    """

    __slots__ = ("busy", "calls", "left")

    def __init__(self) -> None:
        self.left = 0
        self.calls = 0
        self.busy = False

    def begin(self, most: int) -> None:
        """A call begins, and may take so many steps."""
        self.left = most
        self.calls += 1
        self.busy = True

    def step(self) -> None:
        """A function was entered, or a loop goes round; raises Runaway at the end of the budget."""
        self.left -= 1
        if self.left < 0:
            raise Runaway


def blocks_of(tree: ast.Module) -> Iterator[Block]:
    """All lists of statements within functions, as they stand in the tree, instrumentation not yet in it."""
    for node, inside in _walk(tree, inside=False):
        if not inside and not isinstance(node, _Function):
            continue
        for field in ("body", "orelse", "finalbody"):
            value = getattr(node, field, None)
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield node, field


def _walk(node: ast.AST, *, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, inside
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, inside=inside or isinstance(node, _Function))


def add_steps(tree: ast.Module) -> None:
    """Count a step at the beginning of every function and of every round of a loop."""
    for node in list(ast.walk(tree)):
        if isinstance(node, _STEPPING):
            _prepend(node.body, f"{STEP}()")
        elif isinstance(node, ast.comprehension):
            # A generator over something endless goes round here only.
            call = ast.parse(f"{STEP}() or True", mode="eval").body
            _at(call, node.iter)
            hide(call)
            node.ifs.insert(0, call)


def add_blocks(tree: ast.Module, blocks: list[Block], first: int) -> None:
    """Have each block note that it was entered.

    Args:
        tree: Changed in place.
        blocks: From `blocks_of`.
        first: Number of the first of them; the others follow.
    """
    for number, (node, field) in enumerate(blocks, first):
        _prepend(getattr(node, field), f"{SEEN}[{number}] = 1")
    ast.fix_missing_locations(tree)


def add_compares(tree: ast.Module) -> None:
    """Have each comparison within functions tell both sides."""
    for node, inside in list(_walk(tree, inside=False)):
        if not inside:
            continue
        for field, value in ast.iter_fields(node):
            if _movable(value):
                setattr(node, field, _told(value))
            elif isinstance(value, list):
                value[:] = [_told(item) if _movable(item) else item for item in value]
    ast.fix_missing_locations(tree)


def _movable(node: object) -> TypeGuard[ast.Compare]:
    """Whether the sides of a comparison may be put into functions of their own."""
    bound = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return isinstance(node, ast.Compare) and not any(isinstance(inner, bound) for inner in ast.walk(node))


def _told(node: ast.Compare) -> ast.expr:
    call = ast.Call(
        func=ast.Name(id=COMPARED, ctx=ast.Load()),
        args=[
            ast.Constant(value=node.lineno),
            ast.Constant(value=" ".join(type(op).__name__ for op in node.ops)),
            *(ast.Lambda(args=_NO_ARGUMENTS, body=side) for side in (node.left, *node.comparators)),
        ],
        keywords=[],
    )
    return ast.copy_location(call, node)


_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
_TESTS: dict[str, Callable[[object, object], object]] = {
    "Lt": lambda a, b: a < b,  # type: ignore[operator]  # the code under test compared them in the first place
    "LtE": lambda a, b: a <= b,  # type: ignore[operator]
    "Gt": lambda a, b: a > b,  # type: ignore[operator]
    "GtE": lambda a, b: a >= b,  # type: ignore[operator]
    "Eq": lambda a, b: a == b,
    "NotEq": lambda a, b: a != b,
    "Is": lambda a, b: a is b,
    "IsNot": lambda a, b: a is not b,
    "In": lambda a, b: a in b,  # type: ignore[operator]
    "NotIn": lambda a, b: a not in b,  # type: ignore[operator]
}


class Compared:
    """Keeps what was compared during one call: line, left, right, for numbers, bytes and texts."""

    __slots__ = ("pairs",)
    _MOST = 4096

    def __init__(self) -> None:
        self.pairs: list[tuple[int, object, object]] = []

    def __call__(self, line: int, ops: str, *sides: Callable[[], object]) -> object:
        """Compare as Python does: from the left, no further than needed, each side computed once."""
        left = sides[0]()
        result: object = True
        for op, side in zip(ops.split(), sides[1:], strict=True):
            right = side()
            if len(self.pairs) < self._MOST:
                self.pairs.append((line, left, right))
            result = _TESTS[op](left, right)
            if not result:
                return result
            left = right
        return result


def _prepend(body: list[ast.stmt], text: str) -> None:
    made = ast.parse(text).body[0]
    _at(made, body[0])
    hide(made)
    docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    body.insert(1 if docstring else 0, made)


def _at(made: ast.AST, place: ast.AST) -> None:
    for node in ast.walk(made):
        if isinstance(node, (ast.stmt, ast.expr)):
            ast.copy_location(node, place)
