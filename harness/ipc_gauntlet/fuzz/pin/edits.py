"""Small changes to a parser's syntax tree, each of which takes one check away or shifts it.

`edits(tree)` finds all places where an operator of `operators` applies. An edit changes the tree in place and can be
taken back, so that a thousand mutants of a module need one tree. Messages of exceptions, annotations, docstrings and
decorators are left alone: nothing that a caller sees depends on them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ipc_gauntlet.fuzz.pin import operators
from ipc_gauntlet.fuzz.pin.operators import Change

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SKIPPED = frozenset({"annotation", "returns", "decorator_list", "type_comment", "type_params", "bases"})
_NOT_CHANGED = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Assert)
_ADDED = re.compile(r" if __gauntlet_\w+\(\) or True")
_HIDDEN = "_ipc_gauntlet_added"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node hangs in its tree: `parent.field`, or `parent.field[at]`."""

    parent: ast.AST
    field: str
    at: int | None = None

    def get(self) -> ast.AST:
        """The node there."""
        found = getattr(self.parent, self.field)
        node: ast.AST = found if self.at is None else found[self.at]
        return node


@dataclass(frozen=True, slots=True)
class Edit:
    """One change.

    Attributes:
        operator: What kind of change.
        line: Line of the node.
        index: Among the changes of its kind on its line.
        before: The code that is changed, on one line.
        after: What it becomes; empty if it goes.
        function: Qualified name of the function around it; empty for a module's or a class's own code.
        symbol: Name at the top of the module, or `Class.member`, that it is in.
        block: The statements among which it is run, None if that cannot be told (a lambda, a module's own code).
        place: Where.
        nodes: What is put there: one expression, or statements.
    """

    operator: str
    line: int
    index: int
    before: str
    after: str
    function: str
    symbol: str
    block: tuple[ast.AST, str] | None
    place: Place
    nodes: tuple[ast.AST | None, ...]

    @property
    def name(self) -> str:
        """Its name within its module: `line:operator:index`."""
        return f"{self.line}:{self.operator}:{self.index}"

    def keep(self) -> object:
        """Change the tree for good; returns what stood there."""
        parent, field, at = self.place.parent, self.place.field, self.place.at
        old = getattr(parent, field)
        if at is None:
            setattr(parent, field, self.nodes[0])
        else:
            kept = [node for node in self.nodes if node is not None]
            setattr(parent, field, [*old[:at], *kept, *old[at + 1 :]])
        return old

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Change the tree for as long as this is entered."""
        old = self.keep()
        try:
            yield
        finally:
            setattr(self.place.parent, self.place.field, old)


@dataclass(frozen=True, slots=True)
class _Where:
    """What is around a node."""

    symbol: str = ""
    function: str = ""
    block: tuple[ast.AST, str] | None = None
    assigned: frozenset[str] = frozenset()


def hide(node: ast.AST) -> None:
    """Mark a node as added by instrumentation: no edit touches it."""
    setattr(node, _HIDDEN, True)


def hidden(node: ast.AST) -> bool:
    """Whether a node was added by instrumentation."""
    return getattr(node, _HIDDEN, False)


def edits(tree: ast.Module) -> list[Edit]:
    """All edits of a module, in the order of its source."""
    found: list[Edit] = []
    counts: dict[tuple[int, str], int] = {}
    for where, place, change in _block(tree, "body", _Where()):
        node = place.get()
        line = getattr(node, "lineno", 0) or change.line
        key = (line, change.operator)
        index = counts.get(key, 0)
        counts[key] = index + 1
        found.append(
            Edit(
                operator=change.operator,
                line=line,
                index=index,
                before=change.before or _text(node),
                after=change.after or " ".join(_text(node) for node in change.nodes if node is not None),
                function=where.function,
                symbol=where.symbol,
                block=where.block,
                place=place,
                nodes=_placed(change, node),
            )
        )
    return found


def _placed(change: Change, node: ast.AST) -> tuple[ast.AST | None, ...]:
    """The new nodes, with the old one's position where they have none."""
    for made in change.nodes:
        if made is None:
            continue
        for inner in ast.walk(made):
            if isinstance(inner, (ast.stmt, ast.expr, ast.ExceptHandler)) and not hasattr(inner, "lineno"):
                inner.lineno = getattr(node, "lineno", 1)
                inner.end_lineno = getattr(node, "end_lineno", inner.lineno)
                inner.col_offset = getattr(node, "col_offset", 0)
                inner.end_col_offset = getattr(node, "end_col_offset", 0)
    return change.nodes


def _text(node: ast.AST) -> str:
    try:
        text = " ".join(ast.unparse(node).split())
    except (AttributeError, ValueError):  # a bare operator, which is no code by itself
        text = type(node).__name__
    text = _ADDED.sub("", text)
    return text if len(text) <= 120 else text[:117] + "..."


_Found = Iterator[tuple[_Where, Place, Change]]


def _block(parent: ast.AST, field: str, where: _Where) -> _Found:
    """The edits in a list of statements."""
    body: Sequence[ast.stmt] = getattr(parent, field)
    inside = where if not where.function else _with_block(where, (parent, field))
    assigned = inside.assigned
    for at, statement in enumerate(body):
        if hidden(statement) or (at == 0 and operators.is_docstring(statement)):
            continue
        here = _Where(_symbol(statement, inside), inside.function, inside.block, assigned)
        last = at == len(body) - 1 and isinstance(parent, (_Function, ast.Lambda))
        for change in operators.of_statement(
            statement, assigned, in_function=bool(where.function), last=last
        ):
            yield here, Place(parent, field, at), change
        yield from _inside(statement, here)
        assigned |= operators.names_assigned(statement)


def _with_block(where: _Where, block: tuple[ast.AST, str]) -> _Where:
    return _Where(where.symbol, where.function, block, where.assigned)


def _symbol(statement: ast.stmt, where: _Where) -> str:
    if where.function:
        return where.symbol
    if isinstance(statement, (_Function, ast.ClassDef)):
        return f"{where.symbol}.{statement.name}" if where.symbol else statement.name
    names = sorted(operators.names_assigned(statement))
    if not names:
        return where.symbol
    return f"{where.symbol}.{names[0]}" if where.symbol else names[0]


def _inside(statement: ast.stmt, where: _Where) -> _Found:
    """The edits inside a statement."""
    if isinstance(statement, _Function):
        name = where.function + ".<locals>." + statement.name if where.function else where.symbol
        arguments = frozenset(one.arg for one in ast.walk(statement.args) if isinstance(one, ast.arg))
        yield from _fields(statement.args, where)
        yield from _block(statement, "body", _Where(where.symbol, name, None, arguments))
    elif isinstance(statement, ast.ClassDef):
        yield from _block(statement, "body", where)
    elif isinstance(statement, ast.Raise):
        yield from _raised(statement, where)
    elif not isinstance(statement, _NOT_CHANGED) and not _is_type(statement):
        yield from _fields(statement, where)


def _is_type(statement: ast.stmt) -> bool:
    """Whether a statement only names a type."""
    return isinstance(statement, ast.AnnAssign) and "TypeAlias" in ast.unparse(statement.annotation)


def _raised(statement: ast.Raise, where: _Where) -> _Found:
    """Of what is raised, only keywords such as the reason are looked at: the rest is its message."""
    if isinstance(statement.exc, ast.Call):
        for at, keyword in enumerate(statement.exc.keywords):
            if keyword.arg == "reason":
                yield where, Place(statement.exc, "keywords", at), operators.without_keyword(keyword)


def _fields(node: ast.AST, where: _Where) -> _Found:
    """The edits in whatever hangs below a node."""
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED:
            continue
        if isinstance(value, list):
            if value and isinstance(value[0], ast.stmt):
                yield from _block(node, field, where)
                continue
            for at, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _node(item, Place(node, field, at), where)
        elif isinstance(value, ast.AST):
            yield from _node(value, Place(node, field), where)


def _node(node: ast.AST, place: Place, where: _Where) -> _Found:
    if hidden(node) or isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.Lambda):
        where = _Where(where.symbol, where.function, None, where.assigned)
    for change in operators.of_node(node, place.parent, place.field):
        yield where, place, change
    yield from _fields(node, where)
