"""Which packages of others each of ours imports, as docs/architecture.md has it; import-linter knows no such list."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OURS = ("ipc_gauntlet", "sipc")  # and what begins so: all of our packages do

# Packages of others by package of ours: what may be there, and is.
THIRD_PARTIES: dict[str, set[str]] = {
    "harness/ipc_gauntlet/sdk": set(),
    "harness/ipc_gauntlet/peer": {"cryptography"},
    "suites/ipc_gauntlet_suites": {"pytest", "hypothesis", "psutil"},
    "corpora/ipc_gauntlet_corpora": set(),
    "reference_impl/sipc": {"cryptography"},
    "reference_impl/sipc_runtime": set(),
    "reference_impl/sipc_driver": set(),
    "reference_impl/sipc_mutants": set(),
    "reference_impl/sipc_targets": {"cryptography"},
}


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level packages that a module imports anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", THIRD_PARTIES)
def test_third_parties_are_those_of_the_page(package: str, checkout: Path) -> None:
    """No other, and none that is allowed and not needed."""
    found = {
        name
        for path in (checkout / package).rglob("*.py")
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name not in sys.stdlib_module_names and not name.startswith(OURS)
    }
    assert found == THIRD_PARTIES[package]
