"""The ways in which a parser can be wrong by a little: what each operator makes of a statement or an expression."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SHIFTED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.FloorDiv: ast.Mult,
}
_LONGEST_OCTETS = 16
_RANGE = re.compile(r"\\x([0-9a-f]{2})-\\x([0-9a-f]{2})")
_TIMES = re.compile(r"\{(\d+),(\d+)\}")


@dataclass(frozen=True, slots=True)
class Change:
    """What an operator does at one place.

    Attributes:
        operator: Its name.
        nodes: What comes there: nothing, one node, or statements; None for a part that is left out.
        before: The code before, if the node itself does not say it well.
        after: The code after, likewise.
        line: Where, for nodes that have no line of their own.
    """

    operator: str
    nodes: tuple[ast.AST | None, ...]
    before: str = ""
    after: str = ""
    line: int = 0


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is only a text."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def names_assigned(statement: ast.stmt) -> frozenset[str]:
    """Names that a statement gives a value, itself or in its blocks, functions inside excepted."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return frozenset({statement.name})
    return frozenset(
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )


def of_statement(
    statement: ast.stmt, assigned: frozenset[str], *, in_function: bool, last: bool
) -> Iterator[Change]:
    """The changes to a whole statement.

    Args:
        statement: The statement.
        assigned: Names that have a value before it.
        in_function: Whether it is in a function.
        last: Whether it is the last of its function.
    """
    if not in_function:
        return
    gone = (ast.Pass(),)
    if isinstance(statement, ast.Raise):
        yield Change("drop-raise", gone)
    elif isinstance(statement, ast.Return) and not last:
        yield Change("drop-return", gone)
    elif isinstance(statement, ast.Break):
        yield Change("drop-break", gone)
    elif isinstance(statement, ast.Continue):
        yield Change("drop-continue", gone)
    elif isinstance(statement, ast.AugAssign) or (
        isinstance(statement, ast.Expr) and not is_docstring(statement)
    ):
        yield Change("drop-statement", gone)
    elif isinstance(statement, ast.Assign):
        names = names_assigned(statement)
        if not names or names <= assigned:
            yield Change("drop-statement", gone)
    elif isinstance(statement, ast.If) and not _only_raises(statement):
        never = copy.copy(statement)
        never.test = ast.Constant(value=False)
        yield Change("skip-branch", (never,), f"if {ast.unparse(statement.test)}:", "if False:")


def _only_raises(statement: ast.If) -> bool:
    return len(statement.body) == 1 and isinstance(statement.body[0], ast.Raise)


def without_keyword(keyword: ast.keyword) -> Change:
    """The change that leaves a keyword argument out."""
    return Change("drop-reason", (None,), ast.unparse(keyword.value), "-", keyword.value.lineno)


def of_node(node: ast.AST, parent: ast.AST, field: str) -> Iterator[Change]:
    """The changes to an expression, or to a part of a statement.

    Args:
        node: What hangs there.
        parent: The node above it.
        field: Which of the parent's fields it is in.
    """
    if field == "test" and isinstance(node, ast.expr) and isinstance(parent, (ast.If, ast.IfExp)):
        yield Change("negate", (_negated(node),))
    if isinstance(node, ast.Compare):
        yield from _compare(node)
        yield from _subclasses(node)
    elif isinstance(node, ast.BoolOp):
        yield from _bool_op(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        if not (field == "test" and isinstance(parent, (ast.If, ast.IfExp))):
            yield Change("drop-not", (node.operand,))
    elif isinstance(node, ast.BinOp):
        yield from _bin_op(node)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Slice):
        yield from _slice(node)
    elif isinstance(node, (ast.Dict, ast.Set)):
        yield from _entries(node)
    elif isinstance(node, ast.ExceptHandler):
        yield from _handler(node)
    elif isinstance(node, ast.Call):
        yield from _codec(node)


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(op=ast.Not(), operand=test)


def _compare(node: ast.Compare) -> Iterator[Change]:
    for at, op in enumerate(node.ops):
        if (other := _SHIFTED.get(type(op))) is not None:
            made = copy.copy(node)
            made.ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
            yield Change("compare", (made,))


def _subclasses(node: ast.Compare) -> Iterator[Change]:
    """Where an exact type is asked for, its subclasses are taken too: a bool for an int."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
        return
    called, kind = node.left, node.comparators[0]
    if (
        isinstance(called, ast.Call)
        and isinstance(called.func, ast.Name)
        and called.func.id == "type"
        and len(called.args) == 1
    ):
        made: ast.expr = ast.Call(
            func=ast.Name(id="isinstance", ctx=ast.Load()), args=[called.args[0], kind], keywords=[]
        )
        if isinstance(node.ops[0], (ast.IsNot, ast.NotEq)):
            made = ast.UnaryOp(op=ast.Not(), operand=made)
        yield Change("subclass", (made,))


def _bool_op(node: ast.BoolOp) -> Iterator[Change]:
    for at in range(len(node.values)):
        rest = node.values[:at] + node.values[at + 1 :]
        made: ast.expr = rest[0]
        if len(rest) > 1:
            made = copy.copy(node)
            made.values = rest
        yield Change("drop-condition", (made,))
    swapped = copy.copy(node)
    swapped.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield Change("and-or", (swapped,))


def _bin_op(node: ast.BinOp) -> Iterator[Change]:
    if (other := _OTHER.get(type(node.op))) is not None:
        made = copy.copy(node)
        made.op = other()
        yield Change("arithmetic", (made,))
    if isinstance(node.op, (ast.Sub, ast.LShift, ast.RShift, ast.FloorDiv, ast.Mod)):
        if isinstance(node.left, ast.Constant) and isinstance(node.left.value, (str, bytes)):
            return  # a format, not a remainder
        made = copy.copy(node)
        made.left, made.right = node.right, node.left
        yield Change("swap", (made,))


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield Change("constant", (ast.Constant(value=not value),))
    elif isinstance(value, int):
        for other in (value + 1, value - 1):
            yield Change("constant", (ast.Constant(value=other),))
    elif isinstance(value, (str, bytes)):
        if isinstance(value, str) and value[:1] in (">", "!") and value[1:].isalnum():
            yield Change("byte-order", (ast.Constant(value=f"<{value[1:]}"),))
        for text in _patterns(value if isinstance(value, str) else value.decode("latin-1")):
            made = text if isinstance(value, str) else text.encode("latin-1")
            yield Change("pattern", (ast.Constant(value=made),))
        if (
            isinstance(value, bytes)
            and 0 < len(value) <= _LONGEST_OCTETS
            and not _is_pattern(value.decode("latin-1"))
        ):
            yield Change("constant", (ast.Constant(value=value[:-1] + bytes((value[-1] ^ 1,))),))


def _is_pattern(text: str) -> bool:
    return "\\" in text or ("[" in text and "]" in text)


def _patterns(text: str) -> Iterator[str]:
    """A regular expression with one part of it wider or narrower."""
    if not _is_pattern(text):
        return
    for match in re.finditer(r"\(\?![^()]*\)", text):
        yield text[: match.start()] + text[match.end() :]
    for match in re.finditer(r"\[\^", text):
        yield text[: match.start()] + "[" + text[match.end() :]
    for match in re.finditer(r"(?<=[\])])[+*]", text):
        yield text[: match.start()] + ("*" if match.group() == "+" else "+") + text[match.end() :]
    for match in _TIMES.finditer(text):
        low, high = int(match[1]), int(match[2])
        for least, most in ((max(low - 1, 0), high), (low, high + 1), (low, max(high - 1, low))):
            if (least, most) != (low, high):
                yield f"{text[: match.start()]}{{{least},{most}}}{text[match.end() :]}"
    for match in _RANGE.finditer(text):
        low, high = int(match[1], 16), int(match[2], 16)
        for first, final in ((low - 1, high), (low + 1, high), (low, high + 1), (low, high - 1)):
            if 0 <= first <= final <= 255:
                yield rf"{text[: match.start()]}\x{first:02x}-\x{final:02x}{text[match.end() :]}"


def _slice(node: ast.Slice) -> Iterator[Change]:
    for name in ("lower", "upper"):
        bound = getattr(node, name)
        if bound is None:
            continue
        made = copy.copy(node)
        setattr(made, name, None)
        yield Change("slice", (made,), line=bound.lineno)
        if not isinstance(bound, ast.Constant):
            longer = copy.copy(node)
            setattr(longer, name, ast.BinOp(left=bound, op=ast.Add(), right=ast.Constant(value=1)))
            yield Change("slice", (longer,), line=bound.lineno)


def _entries(node: ast.Dict | ast.Set) -> Iterator[Change]:
    count = len(node.values) if isinstance(node, ast.Dict) else len(node.elts)
    if count < 2:
        return
    for at in range(count):
        if isinstance(node, ast.Dict):
            key, value = node.keys[at], node.values[at]
            short = copy.copy(node)
            short.keys = node.keys[:at] + node.keys[at + 1 :]
            short.values = node.values[:at] + node.values[at + 1 :]
            text = f"{ast.unparse(key) if key is not None else '**'}: {ast.unparse(value)}"
            line = value.lineno
            yield Change("drop-entry", (short,), text, "-", line)
        else:
            fewer = copy.copy(node)
            fewer.elts = node.elts[:at] + node.elts[at + 1 :]
            yield Change("drop-entry", (fewer,), ast.unparse(node.elts[at]), "-", node.elts[at].lineno)


def _codec(node: ast.Call) -> Iterator[Change]:
    """Text that is decoded as UTF-8 is taken for something else."""
    if (
        isinstance(node.func, ast.Attribute)
        and node.func.attr == "decode"
        and not node.args
        and not node.keywords
    ):
        for codec in ("ascii", "latin-1"):
            made = copy.copy(node)
            made.args = [ast.Constant(value=codec)]
            yield Change("codec", (made,))


def _handler(node: ast.ExceptHandler) -> Iterator[Change]:
    if isinstance(node.type, ast.Tuple) and len(node.type.elts) > 1:
        for at in range(len(node.type.elts)):
            made = copy.copy(node)
            made.type = ast.Tuple(elts=node.type.elts[:at] + node.type.elts[at + 1 :], ctx=ast.Load())
            yield Change(
                "drop-except", (made,), f"except {ast.unparse(node.type)}", f"except {ast.unparse(made.type)}"
            )
