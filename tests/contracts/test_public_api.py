"""`import ipc_gauntlet` is the whole public API of the harness."""

import ast
import inspect
from pathlib import Path

import ipc_gauntlet


def test_every_public_name_resolves() -> None:
    """Each name in `__all__` is there."""
    missing = [name for name in ipc_gauntlet.__all__ if not hasattr(ipc_gauntlet, name)]
    assert missing == []


def test_public_names_are_listed_once() -> None:
    """`__all__` has no duplicates, so that a diff of it is a diff of the API."""
    assert len(ipc_gauntlet.__all__) == len(set(ipc_gauntlet.__all__))


def test_public_classes_and_functions_are_documented() -> None:
    """Whatever a suite author can call says what it does."""
    public = {name: getattr(ipc_gauntlet, name) for name in ipc_gauntlet.__all__}
    undocumented = [
        name
        for name, thing in public.items()
        if (inspect.isclass(thing) or inspect.isroutine(thing)) and not (thing.__doc__ or "").strip()
    ]
    assert undocumented == []


def test_type_checkers_see_the_same_names() -> None:
    """The imports for type checkers are exactly the public names: an API that loads lazily is still a typed one."""
    tree = ast.parse(Path(ipc_gauntlet.__file__).read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = {
        alias.asname or alias.name
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert names == set(ipc_gauntlet.__all__)
