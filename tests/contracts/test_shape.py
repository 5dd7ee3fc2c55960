"""Modules and functions stay small enough to be read in one go (see CONTRIBUTING)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOTS = ("harness", "suites", "corpora", "reference_impl", "drivers", "benchmarks", "ci")
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 500, 60, 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(checkout: Path) -> list[Path]:
    """Every Python file that is ours and not a test."""
    return sorted(path for root in ROOTS for path in (checkout / root).rglob("*.py"))


def functions(text: str) -> Iterator[Function]:
    """Every function and method of a module."""
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines of a function without its docstring: words for the caller are not what makes code hard to read."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = ((first.end_lineno or 0) - first.lineno + 1) if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - doc


def parameters(function: Function) -> int:
    """What a caller has to know about: without self and cls, a starred one counts once."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [argument.arg for argument in (given.vararg, given.kwarg) if argument]
    return len([name for name in names if name not in {"self", "cls"}])


def too_big(path: Path) -> list[str]:
    """What is over a limit in one file."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    found = [f"{lines} lines (limit {MODULE_LINES})"] if lines > MODULE_LINES else []
    for function in functions(text):
        if length(function) > FUNCTION_LINES:
            found.append(f"{function.name} has {length(function)} lines (limit {FUNCTION_LINES})")
        if parameters(function) > PARAMETERS:
            found.append(f"{function.name} has {parameters(function)} parameters (limit {PARAMETERS})")
    return found


def test_every_module_and_function_is_within_its_limits(checkout: Path) -> None:
    """No module over 500 lines, no function over 60, none with more than 6 parameters."""
    found = [f"{path.relative_to(checkout)}: {what}" for path in modules(checkout) for what in too_big(path)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x = 1\n" * 501, "501 lines (limit 500)"),
        ("def f():\n" + "    x = 1\n" * 60, "f has 61 lines (limit 60)"),
        ("class C:\n    def f(self, a, b, *c, d, e, f, **g): ...\n", "f has 7 parameters (limit 6)"),
    ],
    ids=["module", "function", "parameters"],
)
def test_what_is_over_a_limit_is_named(tmp_path: Path, text: str, what: str) -> None:
    """Each limit is looked at."""
    path = tmp_path / "module.py"
    path.write_text(text, encoding="utf-8")
    assert too_big(path) == [what]


def test_a_docstring_does_not_count(tmp_path: Path) -> None:
    """Sixty lines of code and a docstring are within the limit."""
    path = tmp_path / "module.py"
    path.write_text('def f():\n    """Words.\n\n    More.\n    """\n' + "    x = 1\n" * 59, encoding="utf-8")
    assert too_big(path) == []
