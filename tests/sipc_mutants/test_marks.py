"""Marks stand where the change is, and are reached exactly when it is."""

import ast
from collections.abc import Callable
from typing import Any

import pytest

from sipc_mutants.marks import MARK, with_marks
from sipc_mutants.model import Patch
from sipc_mutants.patching import apply

SOURCE = '''\
"""A module."""

from __future__ import annotations

TABLE = {
    "a": 1,
    "b": 2,
}


class Thing:
    """A class."""

    limit = 5

    def check(self, value):
        """Check."""
        if value > self.limit:
            raise ValueError(value)
        return value


def choose(value, default=1):
    """Choose."""
    match value:
        case 1:
            return "one"
        case 2:
            return "two"
    try:
        value.attribute
    except AttributeError:
        value = None
    else:
        value = value.attribute
    finally:
        default += 1
    if value:
        return value
    elif default:
        return default
    return None


def careful(value):
    if value < 0:
        value = 0
        raise ValueError
    return value
'''


def run(old: str, new: str) -> tuple[list[str], dict[str, Any]]:
    """Load the patched module; marks append to the list."""
    marks: list[str] = []
    patched = apply(SOURCE, (Patch("m", old, new),), "M")
    tree = with_marks(ast.parse(patched.text), patched.changes)
    names: dict[str, Any] = {MARK: lambda: marks.append("x"), "__name__": "m"}
    exec(compile(tree, "m.py", "exec", dont_inherit=True), names)  # noqa: S102 - the module under test
    return marks, names


def _refused(function: Callable[[int], object]) -> None:
    with pytest.raises(ValueError):
        function(-1)


CASES = [
    # old, new, what reaches the change, what does not
    (
        "            raise ValueError(value)",
        "            pass",
        lambda m: m["Thing"]().check(9),
        lambda m: m["Thing"]().check(1),
    ),
    (
        "        if value > self.limit:\n            raise ValueError(value)\n",
        "",
        lambda m: m["Thing"]().check(1),
        lambda m: m["choose"](1),
    ),
    (
        '            return "two"',
        '            return "deux"',
        lambda m: m["choose"](2),
        lambda m: m["choose"](1),
    ),
    ("        case 2:", "        case 3:", lambda m: m["choose"](3), lambda m: m["choose"](1)),
    ("        value = None", "        value = 0", lambda m: m["choose"](5), lambda m: m["choose"](1)),
    (
        "    except AttributeError:",
        "    except Exception:",
        lambda m: m["choose"](5),
        lambda m: m["choose"](1),
    ),
    ("        default += 1", "        default += 2", lambda m: m["choose"](5), lambda m: m["choose"](1)),
    ("    elif default:", "    elif not default:", lambda m: m["choose"](5), lambda m: m["choose"](1)),
    ("default=1):", "default=2):", lambda m: m["choose"](1), lambda m: m["Thing"]().check(1)),
    ("        raise ValueError\n", "", lambda m: m["careful"](-1), lambda m: m["careful"](1)),
    (
        "        value = 0\n",
        "",
        lambda m: _refused(m["careful"]),
        lambda m: m["careful"](1),
    ),
]


@pytest.mark.parametrize(("old", "new", "reach", "miss"), CASES)
def test_inside_functions(
    old: str, new: str, reach: Callable[[dict[str, Any]], object], miss: Callable[[dict[str, Any]], object]
) -> None:
    """Loading and running something else leaves no mark; running the change does."""
    marks, names = run(old, new)
    miss(names)
    assert marks == []
    reach(names)
    assert marks


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    "b": 2,', '    "b": 3,'),
        ('    "b": 2,\n', ""),
        ("    limit = 5", "    limit = 6"),
        ("    limit = 5\n\n", ""),
        ("class Thing:", "class Thing(dict):"),
    ],
)
def test_tables_and_class_bodies(old: str, new: str) -> None:
    """What runs when the module is imported is marked then."""
    marks, names = run(old, new)
    assert marks
    assert names["__doc__"] == "A module."
    assert names["Thing"].__doc__ == "A class."


def test_first_lines_stay_first() -> None:
    """A change of a module's or a function's docstring keeps it one."""
    marks, names = run('"""A module."""', '"""The module."""')
    assert names["__doc__"] == "The module."
    assert marks
    marks, names = run('"""Choose."""', '"""Choose!"""')
    assert names["choose"].__doc__ == "Choose!"
    names["choose"](1)
    assert marks


def test_comments_need_no_mark() -> None:
    """A line outside of every statement runs never; the rest of the change is marked."""
    marks, names = run("            raise ValueError(value)", "            # nothing\n            pass")
    names["Thing"]().check(9)
    assert marks == ["x"]


def test_code_that_became_a_comment() -> None:
    """That is a deletion like any other."""
    marks, names = run("        return value\n\n\ndef choose", "        # return value\n\n\ndef choose")
    names["Thing"]().check(1)
    assert marks == ["x"]


def test_line_numbers_are_those_of_the_patched_source() -> None:
    """A traceback shows the line where the patched text has it."""
    _marks, names = run("            raise ValueError(value)", "            raise KeyError(value)")
    with pytest.raises(KeyError) as caught:
        names["Thing"]().check(9)
    assert caught.traceback[-1].lineno + 1 == 19
