"""Makes modules for tests of instrumentation: writes their source, imports them measured or plain, forgets them after."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from ipc_gauntlet.fuzz.coverage.instrument import Coverage, Transform, install

_NAMES = itertools.count()


class Modules:
    """Modules below one folder; `close` takes everything back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: list[str] = []
        self._coverages: list[Coverage] = []
        sys.path.insert(0, str(folder))

    def name(self) -> str:
        """A module name that no test had before."""
        return f"measured_by_test_{next(_NAMES)}"

    def write(self, source: str, name: str = "") -> str:
        """Write a module, return its name."""
        name = name or self.name()
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        return name

    def plain(self, name: str) -> ModuleType:
        """Import a module as it is, and forget it, so that it can be imported again."""
        self._names.append(name)
        module = importlib.import_module(name)
        self._forget(name)
        return module

    def measured(self, name: str, transforms: Sequence[Transform] = ()) -> tuple[ModuleType, Coverage]:
        """Import a module instrumented."""
        coverage = install([name], transforms)
        self._names.append(name)
        self._coverages.append(coverage)
        module = importlib.import_module(name)
        coverage.begin()
        return module, coverage

    @staticmethod
    def _forget(name: str) -> None:
        for known in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
            del sys.modules[known]

    def close(self) -> None:
        """Take everything back."""
        for coverage in self._coverages:
            coverage.uninstall()
        for name in self._names:
            self._forget(name)
        sys.path.remove(str(self.folder))
