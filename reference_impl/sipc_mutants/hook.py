"""The import hook: modules that a mutant changes are compiled from the patched source."""

import ast
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType

from sipc_mutants.marks import MARK, with_marks
from sipc_mutants.model import Mutant, Patch
from sipc_mutants.patching import PatchError, apply

VARIABLE = "SIPC_MUTANT_MARK"
"""Environment variable that names a file to be made when changed code runs for the first time."""


def marker(path: str | None) -> Callable[[], None]:
    """The function that marks call: it makes the file once, and costs nothing afterwards."""
    done = path is None

    def mark() -> None:
        nonlocal done
        if not done and path is not None:
            done = True
            Path(path).touch()

    return mark


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads one module with patches in it; nothing is read from or written to a cache of compiled code.

    Args:
        fullname: The module.
        path: Its file.
        patches: What to replace.
        mutant: Id, for messages.
        mark: Called when changed code runs.
    """

    def __init__(
        self, fullname: str, path: str, patches: Sequence[Patch], mutant: str, mark: Callable[[], None]
    ) -> None:
        super().__init__(fullname, path)
        self._patches = patches
        self._mutant = mutant
        self._mark = mark

    def get_code(self, fullname: str) -> CodeType:
        """Compile the patched source."""
        path = self.get_filename(fullname)
        patched = apply(Path(path).read_text(encoding="utf-8"), self._patches, self._mutant)
        try:
            tree = ast.parse(patched.text, path)
        except SyntaxError as error:
            raise PatchError(f"{self._mutant}: {fullname} is no Python any more: {error}") from error
        code: CodeType = compile(with_marks(tree, patched.changes), path, "exec", dont_inherit=True)
        return code

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, with the mark among its names."""
        module.__dict__[MARK] = self._mark
        super().exec_module(module)


class MutantFinder(MetaPathFinder):
    """Finds the modules that a mutant changes.

    Args:
        mutant: The mutant.
        mark: Called when changed code runs.
    """

    def __init__(self, mutant: Mutant, mark: Callable[[], None]) -> None:
        self._mutant = mutant
        self._mark = mark

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for changed modules only."""
        patches = self._mutant.patches_of(fullname)
        if not patches:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            raise PatchError(f"{self._mutant.id}: there is no module {fullname}")
        spec.loader = MutantLoader(fullname, spec.origin, patches, self._mutant.id, self._mark)
        return spec


def install(mutant: Mutant) -> None:
    """Have every later import of a changed module get the patched one.

    Raises:
        PatchError: One of them was imported before: the defect would not be there.
    """
    early = [name for name in mutant.modules if name in sys.modules]
    if early:
        raise PatchError(f"{mutant.id}: {', '.join(early)} was imported before it could be changed")
    sys.meta_path.insert(0, MutantFinder(mutant, marker(os.environ.get(VARIABLE))))
