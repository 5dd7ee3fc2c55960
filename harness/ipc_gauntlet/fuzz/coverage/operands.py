"""Rewrites a module so that it tells what it compares. Used for a few executions only: it is slow.

    a == b              _ipcg_left(a) == _ipcg_right("==", b)
    x.startswith(y)     _ipcg_left(x).startswith(_ipcg_right("startswith", y))
    table[key]          _ipcg_left(table)[_ipcg_right("[]", key)]
    Kind(number)        _ipcg_left(Kind)(_ipcg_right("()", number))
    match x:            match _ipcg_subject(x, (1, Kind.A, ...)):

Both functions hand on what they get, so the comparison itself is as it was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ipc_gauntlet.fuzz.coverage.rewrite import placed

LEFT = "_ipcg_left"
RIGHT = "_ipcg_right"
MIDDLE = "_ipcg_middle"
SUBJECT = "_ipcg_subject"

_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "==",
    ast.Lt: "<",
    ast.LtE: "<",
    ast.Gt: "<",
    ast.GtE: "<",
    ast.In: "in",
    ast.NotIn: "in",
}
METHODS = frozenset(
    {"startswith", "endswith", "removeprefix", "removesuffix", "find", "index", "split", "partition", "get"}
)
"""Methods that compare."""


def tell_operands(tree: ast.Module) -> ast.Module:
    """Rewrite a module in place."""
    rewritten: ast.Module = _Telling().visit(tree)
    return rewritten


class _Telling(ast.NodeTransformer):
    def __init__(self) -> None:
        self._inside = False

    def _scope(self, node: ast.AST, *, inside: bool) -> ast.AST:
        before, self._inside = self._inside, inside
        self.generic_visit(node)
        self._inside = before
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._scope(node, inside=False)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        # Decorators, defaults and annotations belong to the scope around it, and run once.
        before, self._inside = self._inside, True
        body = []
        for statement in node.body:
            visited = self.visit(statement)
            body.extend(visited if isinstance(visited, list) else [visited])
        node.body = body
        self._inside = before
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        before, self._inside = self._inside, True
        node.body = self.visit(node.body)
        self._inside = before
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        words = [_COMPARED.get(type(op)) for op in node.ops]
        if not self._inside or None in words:
            return node
        node.left = _call(LEFT, node.left)
        last = len(words) - 1
        node.comparators = [
            _call(RIGHT if at == last else MIDDLE, operand, word or "")
            for at, (operand, word) in enumerate(zip(node.comparators, words, strict=True))
        ]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not self._inside or not node.args or isinstance(node.args[0], ast.Starred):
            return node
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            word = node.func.attr
            node.func.value = _call(LEFT, node.func.value)
        elif isinstance(node.func, ast.Name | ast.Attribute) and len(node.args) == 1 and not node.keywords:
            word = "()"
            node.func = _call(LEFT, node.func)
        else:
            return node
        node.args[0] = _call(RIGHT, node.args[0], word)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        looks_up = isinstance(node.ctx, ast.Load) and not isinstance(
            node.slice, ast.Slice | ast.Tuple | ast.Constant
        )
        if self._inside and looks_up:
            node.value = _call(LEFT, node.value)
            node.slice = _call(RIGHT, node.slice, "[]")
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            if case.guard is not None:
                case.guard = self.visit(case.guard)
            case.body = [self.visit(statement) for statement in case.body]
        if self._inside:
            values = [value for case in node.cases for value in _values(case.pattern)]
            if values:
                node.subject = _call(SUBJECT, node.subject, ast.Tuple(values, ast.Load()))
        return node


def _values(pattern: ast.pattern) -> Iterator[ast.expr]:
    """The values that a pattern compares its whole subject with."""
    if isinstance(pattern, ast.MatchValue):
        yield pattern.value
    elif isinstance(pattern, ast.MatchOr):
        for one in pattern.patterns:
            yield from _values(one)
    elif isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        yield from _values(pattern.pattern)


def _call(name: str, value: ast.expr, more: str | ast.expr | None = None) -> ast.expr:
    arguments = [value]
    if more is not None:
        arguments.append(ast.Constant(more) if isinstance(more, str) else more)
    return placed(ast.Call(ast.Name(name, ast.Load()), arguments, []), value)
