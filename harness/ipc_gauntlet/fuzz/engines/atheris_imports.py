"""Instruments modules for atheris while they are imported, now or later.

`atheris.instrument_imports` takes whole packages, and only while its `with` block lasts: a module that the target
imports at its first call stays without counters, and libFuzzer runs blind without a word. This finder knows prefixes of
modules, stays installed, and changes the tree of a module before it is compiled, so that planted defects work.
"""

from __future__ import annotations

import ast
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from types import CodeType, ModuleType

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.signature import within

Patch = Callable[[CodeType], CodeType]
"""From compiled code to code that counts."""
Transform = Callable[[str, ast.Module], ast.Module]
"""From a module's name and tree to the tree that is compiled."""


class Instrumented(MetaPathFinder):
    """Finds the measured modules and has them patched.

    Args:
        measured: Prefixes of module names.
        patch: What puts counters into code.
        transforms: Applied to each measured module's tree, in this order.

    Attributes:
        modules: Names of the modules that were patched so far, in order of their import.
    """

    def __init__(self, measured: Sequence[str], patch: Patch, transforms: Sequence[Transform] = ()) -> None:
        self._measured = tuple(measured)
        self._patch = patch
        self._transforms = tuple(transforms)
        self.modules: list[str] = []

    def install(self) -> None:
        """Put this finder before all others.

        Raises:
            GauntletError: A measured module was imported already: it would have no counters.
        """
        early = sorted(name for name in sys.modules if within(name, self._measured))
        if early:
            raise GauntletError(
                f"cannot measure {', '.join(early)}: imported before the instrumentation; "
                "start the slice in a process of its own"
            )
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a measured module as Python would, and give it a loader that patches; None for all others."""
        if not within(fullname, self._measured):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return spec
        if type(spec.loader) is SourceFileLoader:
            spec.loader = _Source(fullname, spec.origin, self._of_source)
        elif type(spec.loader) is SourcelessFileLoader:
            spec.loader = _Sourceless(fullname, spec.origin, self._of_code)
        return spec

    def _of_code(self, name: str, code: CodeType) -> CodeType:
        self.modules.append(name)
        return self._patch(code)

    def _of_source(self, name: str, code: CodeType, loader: SourceFileLoader) -> CodeType:
        if self._transforms:
            path = loader.get_filename(name)
            tree = ast.parse(loader.get_data(path), path)
            for transform in self._transforms:
                tree = transform(name, tree)
            code = compile(tree, path, "exec", dont_inherit=True)
        return self._of_code(name, code)


class _Source(SourceFileLoader):
    """Loads a source file; what is compiled is kept in the usual cache, what is patched is not."""

    def __init__(
        self, name: str, path: str, change: Callable[[str, CodeType, SourceFileLoader], CodeType]
    ) -> None:
        super().__init__(name, path)
        self._change = change

    def get_code(self, fullname: str) -> CodeType | None:
        code = super().get_code(fullname)
        return None if code is None else self._change(fullname, code, self)


class _Sourceless(SourcelessFileLoader):
    """Loads compiled code that has no source."""

    def __init__(self, name: str, path: str, change: Callable[[str, CodeType], CodeType]) -> None:
        super().__init__(name, path)
        self._change = change

    def get_code(self, fullname: str) -> CodeType | None:
        code = super().get_code(fullname)
        return None if code is None else self._change(fullname, code)
