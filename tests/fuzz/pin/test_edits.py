"""Operators: each kind of change, and what is never changed."""

import ast
import textwrap

import pytest

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.pin.edits import edits
from ipc_gauntlet.fuzz.pin.mutants import transform


def changes(source: str) -> set[tuple[str, str, str]]:
    tree = ast.parse(textwrap.dedent(source))
    return {(one.operator, one.before, one.after) for one in edits(tree)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a):\n if a:\n  raise E('x')", ("drop-raise", "raise E('x')", "pass")),
        ("def f(a):\n if a > 1:\n  raise E", ("negate", "a > 1", "not a > 1")),
        ("def f(a):\n if not a:\n  raise E", ("negate", "not a", "a")),
        ("def f(a):\n return a < 1", ("compare", "a < 1", "a <= 1")),
        ("def f(a):\n return a in B", ("compare", "a in B", "a not in B")),
        ("def f(a):\n return 1 <= a <= 3", ("compare", "1 <= a <= 3", "1 <= a < 3")),
        ("def f(a):\n return a < 7", ("constant", "7", "8")),
        ("def f(a):\n return a < 7", ("constant", "7", "6")),
        ("def f(a):\n return a == b'AB'", ("constant", "b'AB'", "b'AC'")),
        ("def f(a):\n return True", ("constant", "True", "False")),
        ("def f(a, b):\n return a and b", ("drop-condition", "a and b", "a")),
        ("def f(a, b):\n return a or b", ("and-or", "a or b", "a and b")),
        ("def f(a):\n return g(not a)", ("drop-not", "not a", "a")),
        ("def f(a):\n return a - 1", ("arithmetic", "a - 1", "a + 1")),
        ("def f(a):\n return a - 1", ("swap", "a - 1", "1 - a")),
        ("def f(a):\n return a[1:x]", ("slice", "1:x", "1:")),
        ("def f(a):\n return a[1:x]", ("slice", "1:x", "1:x + 1")),
        ("def f(a):\n a += 1\n return a", ("drop-statement", "a += 1", "pass")),
        ("def f(a):\n a = 1\n return a", ("drop-statement", "a = 1", "pass")),
        ("def f(a):\n g(a)\n return a", ("drop-statement", "g(a)", "pass")),
        ("def f(a):\n for b in a:\n  break", ("drop-break", "break", "pass")),
        ("def f(a):\n if a:\n  return 1\n return 2", ("drop-return", "return 1", "pass")),
        ("def f(a):\n if a:\n  g()\n return 2", ("skip-branch", "if a:", "if False:")),
        ("def f(a):\n try:\n  g()\n except (A, B):\n  h()", ("drop-except", "except (A, B)", "except (A,)")),
        ("def f(a):\n raise E('x', reason='limit')", ("drop-reason", "'limit'", "-")),
        ("def f(a):\n return a.decode()", ("codec", "a.decode()", "a.decode('latin-1')")),
        ("def f(a):\n return type(a) is int", ("subclass", "type(a) is int", "isinstance(a, int)")),
        ("def f(a):\n return type(a) is not T", ("subclass", "type(a) is not T", "not isinstance(a, T)")),
        ("T = {1: a, 2: b}", ("drop-entry", "2: b", "-")),
        ("P = re.compile('[a-z]{1,7}')", ("pattern", "'[a-z]{1,7}'", "'[a-z]{1,8}'")),
        (r"P = rb'\x18[\x18-\xff]'", ("pattern", r"b'\\x18[\\x18-\\xff]'", r"b'\\x18[\\x17-\\xff]'")),
        ("S = struct.Struct('>HB')", ("byte-order", "'>HB'", "'<HB'")),
    ],
)
def test_an_operator(source: str, expected: tuple[str, str, str]) -> None:
    assert expected in changes(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of 3 words."""',
        "def f(a: Literal[3]) -> Literal[4]:\n 'has 5'\n return a",
        "@lru_cache(maxsize=6)\ndef f(a):\n return a",
        "Key: TypeAlias = int | bytes",
        "import os",
        "def f(a):\n return a",
    ],
)
def test_what_no_caller_sees_is_not_changed(source: str) -> None:
    assert changes(source) == set()


def test_messages_are_not_changed() -> None:
    assert changes("def f(a):\n raise E(f'{a - 1} of 3 and 4')") == {
        ("drop-raise", "raise E(f'{a - 1} of 3 and 4')", "pass")
    }


def test_an_edit_is_taken_back() -> None:
    tree = ast.parse("def f(a):\n    if a > 1 and not a == 5:\n        raise E\n    return a[1:2]\n")
    before = ast.dump(tree)
    found = edits(tree)
    assert len(found) > 10
    for one in found:
        with one.applied():
            assert ast.dump(tree) != before
        assert ast.dump(tree) == before


def test_names_are_unique() -> None:
    tree = ast.parse("def f(a):\n    return a[1] + a[1] + a[1:1] if a == 1 or a == 1 else 1\n")
    names = [one.name for one in edits(tree)]
    assert len(names) == len(set(names))


def test_a_mutant_is_a_transform() -> None:
    source = "def f(a):\n    if a > 1:\n        raise ValueError\n    return a\n"
    tree = transform("m:3:drop-raise:0")("m", ast.parse(source))
    space: dict[str, object] = {}
    exec(compile(tree, "m", "exec"), space)  # noqa: S102
    assert space["f"](5) == 5  # type: ignore[operator]
    assert ast.dump(transform("m:3:drop-raise:0")("n", ast.parse(source))) == ast.dump(ast.parse(source))
    with pytest.raises(GauntletError, match="the code has changed"):
        transform("m:30:drop-raise:0")("m", ast.parse(source))
    with pytest.raises(UsageError, match="name of a mutant"):
        transform("m:drop-raise")
