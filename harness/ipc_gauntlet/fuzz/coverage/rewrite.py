"""Rewrites a module so that it tells which branches it takes. What it does otherwise stays the same.

Each edge is a call of one function with one number, `_ipcg_hit(17)`, which returns None. As a statement it stands where
the edge leads; before an expression it is the left side of an `or`, which hands on the right side as it is. Only the
code of functions is rewritten: what runs once, at import, tells nothing about an input.

All nodes keep their positions and nothing is added to a line of its own, so that tracebacks show what they show without.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeVar

from ipc_gauntlet.fuzz.coverage.edges import EdgeKind, Numbering

HIT = "_ipcg_hit"
"""The name under which the function that takes the edges is known in a rewritten module."""
_ENTERED = "_ipcg_round_"
_LOCALS = "<locals>"
# A function that looks at its own variables would see the one that a loop needs.
_LOOKS_AT_ITSELF = {"locals", "vars", "dir", "eval", "exec"}

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Loop = ast.For | ast.AsyncFor | ast.While
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Node = TypeVar("_Node", bound=ast.AST)


def count_edges(tree: ast.Module, numbering: Numbering) -> ast.Module:
    """Rewrite a module in place.

    Args:
        tree: The module.
        numbering: Gives out the numbers of edges.
    """
    rewritten: ast.Module = _Counting(numbering).visit(tree)
    return rewritten


def docstring_end(body: Sequence[ast.stmt]) -> int:
    """Where a function's code begins: after its docstring."""
    first = body[0]
    return int(
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


def placed(node: _Node, anchor: ast.AST) -> _Node:
    """Give a new node and all below it the position of another, where they have none."""
    ast.copy_location(node, anchor)
    return ast.fix_missing_locations(node)


class _Counting(ast.NodeTransformer):
    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._scopes: list[str] = []
        self._inside = False
        self._flags = False
        self._loops = 0

    # Scopes

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = self._all(node.decorator_list)
        node.bases = self._all(node.bases)
        node.keywords = self._all(node.keywords)
        before = self._inside
        self._inside = False
        self._scopes.append(node.name)
        node.body = self._all(node.body)
        self._scopes.pop()
        self._inside = before
        return node

    def _function(self, node: _Function) -> ast.AST:
        node.decorator_list = self._all(node.decorator_list)
        node.args = self._arguments(node.args)
        before = self._inside, self._flags
        self._scopes += [node.name, _LOCALS]
        self._inside, self._flags = True, not _looks_at_itself(node)
        start = docstring_end(node.body)
        # The entry is numbered first, so that numbers follow the source.
        anchor = node.body[start] if start < len(node.body) else node.body[0]
        enter = self._statement("enter", anchor, line=node.lineno)
        node.body = [*node.body[:start], enter, *self._all(node.body[start:])]
        self._inside, self._flags = before
        del self._scopes[-2:]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self._arguments(node.args)
        before = self._inside
        self._scopes += ["<lambda>", _LOCALS]
        self._inside = True
        number = self._number("enter", node.lineno)
        node.body = self._after_hit(number, self._one(node.body))
        self._inside = before
        del self._scopes[-2:]
        return node

    def _arguments(self, arguments: ast.arguments) -> ast.arguments:
        # Defaults are code; annotations stay as they are, because `from __future__ import annotations` shows their text.
        arguments.defaults = self._all(arguments.defaults)
        arguments.kw_defaults = [d if d is None else self._one(d) for d in arguments.kw_defaults]
        return arguments

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.target = self._one(node.target)
        if node.value is not None:
            node.value = self._one(node.value)
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        return node

    # Statements

    def visit_If(self, node: ast.If) -> ast.AST:
        if not self._inside:
            return self.generic_visit(node)
        node.test = self._one(node.test)
        node.body = self._block("then", node.body)
        node.orelse = self._block("else", node.orelse, node.test)
        return node

    def _loop(self, node: _Loop) -> ast.AST | list[ast.stmt]:
        if not self._inside:
            return self.generic_visit(node)
        if isinstance(node, ast.While):
            node.test = self._one(node.test)
        else:
            node.target = self._one(node.target)
            node.iter = self._one(node.iter)
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
        self._loops += 1
        flag = f"{_ENTERED}{self._loops}" if self._flags and not endless else ""
        body = self._block("body", node.body)
        if endless:
            node.body = body
            node.orelse = self._all(node.orelse)
            return node
        end = self._statement("end", node.orelse[0] if node.orelse else node, line=node.lineno)
        if not flag:
            node.body = body
            node.orelse = [end, *self._all(node.orelse)]
            return node
        skip = self._statement("skip", node)
        node.body = [_assign(flag, value=True, anchor=node), *body]
        told = placed(ast.If(ast.Name(flag, ast.Load()), [end], [skip]), node)
        node.orelse = [told, *self._all(node.orelse)]
        return [_assign(flag, value=False, anchor=node), node]

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        return self._loop(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST | list[ast.stmt]:
        return self._loop(node)

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        return self._loop(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if not self._inside:
            return self.generic_visit(node)
        if node.type is not None:
            node.type = self._one(node.type)
        node.body = self._block("handler", node.body)
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        node.subject = self._one(node.subject)
        for case in node.cases:
            # Patterns are no expressions: they stay as they are.
            if case.guard is not None:
                case.guard = self._one(case.guard)
            case.body = self._block("case", case.body) if self._inside else self._all(case.body)
        last = node.cases[-1]
        if self._inside and not (last.guard is None and _takes_all(last.pattern)):
            body: list[ast.stmt] = [self._statement("none", node)]
            node.cases.append(placed(ast.match_case(placed(ast.MatchAs(), node), None, body), node))
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        if self._inside:
            # The call returns None: what was false stays false.
            failed = self._hit(self._number("assert", node.lineno), node.test)
            node.test = placed(ast.BoolOp(ast.Or(), [node.test, failed]), node.test)
        return node

    # Expressions

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if not self._inside:
            return self.generic_visit(node)
        node.test = self._one(node.test)
        node.body = self._after_hit(self._number("then", node.body.lineno), self._one(node.body))
        node.orelse = self._after_hit(self._number("else", node.orelse.lineno), self._one(node.orelse))
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if not self._inside:
            return self.generic_visit(node)
        first, *others = node.values
        node.values = [self._one(first), *(self._next(value) for value in others)]
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        if not self._inside:
            return self.generic_visit(node)
        node.left = self._one(node.left)
        first, *others = node.comparators
        # `a < b < c` looks at c only if a < b.
        node.comparators = [self._one(first), *(self._next(value) for value in others)]
        return node

    def _next(self, value: ast.expr) -> ast.expr:
        return self._after_hit(self._number("next", value.lineno), self._one(value))

    def _comprehension(self, node: _Comprehension) -> ast.AST:
        self.generic_visit(node)
        if not self._inside:
            return node
        for part in node.generators:
            part.ifs = [self._filter(test) for test in part.ifs]
        # Of a pair the key is evaluated first.
        if isinstance(node, ast.DictComp):
            node.key = self._after_hit(self._number("body", node.key.lineno), node.key)
        elif isinstance(node.elt, ast.Starred):  # Python 3.15
            node.elt.value = self._after_hit(self._number("body", node.elt.lineno), node.elt.value)
        else:
            node.elt = self._after_hit(self._number("body", node.elt.lineno), node.elt)
        return node

    def _filter(self, test: ast.expr) -> ast.expr:
        taken = self._hit(self._number("then", test.lineno), test)
        passed = ast.Compare(taken, [ast.Is()], [ast.Constant(None)])
        refused = self._hit(self._number("else", test.lineno), test)
        return placed(ast.IfExp(test, passed, refused), test)

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    # Pieces

    def _one(self, node: _Node) -> _Node:
        visited: _Node = self.visit(node)
        return visited

    def _all(self, nodes: Sequence[_Node]) -> list[_Node]:
        found: list[_Node] = []
        for node in nodes:
            visited = self.visit(node)
            found.extend(visited if isinstance(visited, list) else [visited])
        return found

    def _block(self, kind: EdgeKind, body: list[ast.stmt], anchor: ast.AST | None = None) -> list[ast.stmt]:
        first = body[0] if body or anchor is None else anchor
        return [self._statement(kind, first), *self._all(body)]

    def _number(self, kind: EdgeKind, line: int) -> int:
        return self._numbering.add(kind, line, _qualified(self._scopes))

    def _hit(self, number: int, anchor: ast.AST) -> ast.expr:
        return placed(ast.Call(ast.Name(HIT, ast.Load()), [ast.Constant(number)], []), anchor)

    def _statement(self, kind: EdgeKind, anchor: ast.AST, line: int = 0) -> ast.stmt:
        number = self._number(kind, line or int(getattr(anchor, "lineno", 0)))
        return placed(ast.Expr(self._hit(number, anchor)), anchor)

    def _after_hit(self, number: int, value: ast.expr) -> ast.expr:
        return placed(ast.BoolOp(ast.Or(), [self._hit(number, value), value]), value)


def _assign(name: str, *, value: bool, anchor: ast.AST) -> ast.stmt:
    return placed(ast.Assign([ast.Name(name, ast.Store())], ast.Constant(value)), anchor)


def _looks_at_itself(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name) and part.id in _LOOKS_AT_ITSELF for part in ast.walk(node))


def _takes_all(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _takes_all(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and _takes_all(pattern.patterns[-1])


def _qualified(scopes: Sequence[str]) -> str:
    """The name that Python gives: what is inside a function is among its `<locals>`."""
    return ".".join(scopes[:-1] if scopes[-1:] == [_LOCALS] else scopes)
