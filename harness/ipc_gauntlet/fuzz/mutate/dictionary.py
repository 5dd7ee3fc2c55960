"""A dictionary for a parser out of its own source: what it compares with stands there as constants."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_LONGEST = 32
_SMALL = 256
_SIZES = (2, 4, 8)


def tokens_of(tree: ast.Module) -> list[bytes]:
    """The byte strings that a module's constants mean on the wire, in the order of its source.

    Bytes as they are, names and words as UTF-8, numbers in both byte orders. Texts for people are left out: docstrings,
    pieces of f-strings, whatever has blanks in it.

    Args:
        tree: The module, before it is rewritten.
    """
    found: dict[bytes, None] = {}
    for constant in _constants(tree):
        for token in _encoded(constant):
            found[token] = None
    return list(found)


def _constants(tree: ast.AST) -> Iterator[object]:
    for node in ast.iter_child_nodes(tree):
        # A string that is a statement is a docstring.
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            continue
        if isinstance(node, ast.Constant):
            yield node.value
        yield from _constants(node)


def _encoded(value: object) -> Iterable[bytes]:
    if isinstance(value, bytes):
        return [value] if 0 < len(value) <= _LONGEST else []
    if isinstance(value, str):
        word = value.encode("utf-8", "surrogatepass")
        return [word] if 0 < len(word) <= _LONGEST and len(value.split()) == 1 else []
    if isinstance(value, int) and not isinstance(value, bool):
        return numbers(value)
    return []


def numbers(value: int) -> list[bytes]:
    """A number in the usual sizes that hold it, in both byte orders; nothing if none does."""
    if 0 <= value < _SMALL:
        return [bytes((value,))]
    found = []
    for size in _SIZES:
        if -(1 << (8 * size - 1)) <= value < 1 << (8 * size):
            positive = value % (1 << (8 * size))
            found += [positive.to_bytes(size, "big"), positive.to_bytes(size, "little")]
            if len(found) == 4:
                break
    return found
