"""Execution marks: calls put in front of what a patch has changed, so that one can tell whether it ever ran.

A defect in code that no case reaches says nothing about the cases. Marks are put into the syntax tree, never into
text, so the lines of tracebacks stay those of the patched source.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence

from sipc_mutants.patching import Change

MARK = "__sipc_mutant_mark__"
"""Name of the function that the loader puts into a patched module."""

Block = list[ast.stmt]


def with_marks(tree: ast.Module, changes: Iterable[Change]) -> ast.Module:
    """Put a mark in front of each changed statement; the tree is changed and returned.

    A change in the head of a function is marked at the beginning of its body; one in the head of another compound
    statement, in front of that statement; one in a class body or a table of a module, in front of the assignment,
    which runs when the module is imported.
    """
    blocks = list(_blocks(tree))
    places: dict[tuple[int, int], tuple[Block, int]] = {}
    for change in changes:
        for block, index in _places(tree, blocks, change):
            places[id(block), index] = block, index
    for block, index in sorted(places.values(), key=lambda place: place[1], reverse=True):
        near = block[min(index, len(block) - 1)]
        call = ast.Expr(ast.Call(ast.Name(MARK, ast.Load()), [], []))
        block.insert(index, ast.fix_missing_locations(ast.copy_location(call, near)))
    return tree


def _places(tree: ast.Module, blocks: Sequence[Block], change: Change) -> list[tuple[Block, int]]:
    if change.last < change.first:
        return [_where_deleted(blocks, change)]
    found = [_innermost(tree.body, line) for line in range(change.first, change.last + 1)]
    return [place for place in found if place is not None]


def _innermost(block: Block, line: int) -> tuple[Block, int] | None:
    """Where to put the mark for a changed line; None for a line outside of any statement (blank, comment)."""
    for index, statement in enumerate(block):
        if not _first_line(statement) <= line <= (statement.end_lineno or statement.lineno):
            continue
        for inner, head in _inner_blocks(statement):
            if head <= line < inner[0].lineno:  # `except X:` and `case X:` stand for their own bodies
                return inner, _behind_docstring(inner, 0)
            place = _innermost(inner, line)
            if place is not None:
                return place
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            return statement.body, _behind_docstring(statement.body, 0)
        return block, _behind_docstring(block, index)
    return None


def _where_deleted(blocks: Sequence[Block], change: Change) -> tuple[Block, int]:
    """The place of a deletion: in front of the statement that moved up, or at the end of a block that lost its last."""
    fitting = [block for block in blocks if block[0].col_offset == change.indent]
    for block in fitting:
        for index, statement in enumerate(block):
            if _first_line(statement) == change.first:
                return block, _behind_docstring(block, index)
    ended = [block for block in fitting if (block[-1].end_lineno or 0) < change.first]
    if ended:
        block = max(ended, key=lambda one: one[-1].end_lineno or 0)
        return block, len(block)
    place = _innermost(blocks[0], change.first)
    return place if place is not None else (blocks[0], len(blocks[0]))


def _blocks(tree: ast.Module) -> Iterator[Block]:
    yield tree.body
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            yield from (inner for inner, _head in _inner_blocks(node))


def _inner_blocks(statement: ast.stmt) -> Iterator[tuple[Block, int]]:
    """The blocks directly inside a statement, each with the line of a head of its own (or one behind its start)."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block:
            yield block, block[0].lineno
    for handler in getattr(statement, "handlers", ()):
        yield handler.body, handler.lineno
    for case in getattr(statement, "cases", ()):
        yield case.body, case.pattern.lineno


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _behind_docstring(block: Block, index: int) -> int:
    """A docstring, and imports from `__future__`, have to stay first."""
    while index < len(block) and (
        (index == 0 and isinstance(block[0], ast.Expr) and isinstance(block[0].value, ast.Constant))
        or (isinstance(block[index], ast.ImportFrom) and getattr(block[index], "module", "") == "__future__")
    ):
        index += 1
    return index
