"""Copies of the measured modules, loaded side by side in one process, each with one change.

Only the changed module and those that import it are loaded anew; all others are shared. While a copy is loaded it
stands in `sys.modules` in the place of the original, and leaves it afterwards: the rest of the process never sees it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.pin import probes
from ipc_gauntlet.fuzz.pin.graph import Modules, measured_among, tops, used_modules
from ipc_gauntlet.fuzz.pin.plain import plain
from ipc_gauntlet.fuzz.pin.rebind import Binder
from ipc_gauntlet.fuzz.target import Target

Outcome = tuple[str, str, object]
"""What a copy made of an input: `accepted`, `rejected`, `crash` or `hang`; the reason, or the exception; the value."""

_IMPORT_STEPS = 1_000_000


@dataclass(slots=True)
class Copy:
    """A target's parser on top of copied modules.

    Attributes:
        parse: See Target.
        rejects: See Target.
        reason: See Target.
        steps: The budget that all copies share.
        caches: What empties the caches of functions.
        used: Steps that the last call took, if it came to a verdict.
    """

    parse: Callable[[bytes], object]
    rejects: tuple[type[BaseException], ...]
    reason: Callable[[BaseException], str]
    steps: probes.Steps
    caches: list[Callable[[], None]] = field(default_factory=list)
    used: int = 0

    def judge(self, data: bytes, most: int) -> Outcome:
        """Parse once.

        Args:
            data: The input.
            most: Steps after which it counts as a hang.
        """
        self.steps.begin(most)
        try:
            value = self.parse(data)
            self.used = most - self.steps.left
            self.steps.left = most  # for methods of copied classes that are called now
            return ("accepted", "", plain(value))
        except self.rejects as error:
            self.used = most - self.steps.left
            return ("rejected", self.reason(error), None)
        except KeyboardInterrupt:
            raise
        except probes.Runaway:
            return ("hang", "", None)
        except BaseException as error:  # noqa: BLE001 - a mutant may raise anything
            return ("crash", type(error).__name__, None)
        finally:
            self.steps.busy = False

    def empty_caches(self) -> None:
        """Forget what functions remember of earlier calls, so that a call runs all that it depends on."""
        for clear in self.caches:
            clear()


class _Loader(importlib.abc.Loader):
    """Runs given code in a new module."""

    def __init__(self, code: CodeType, names: Mapping[str, object]) -> None:
        self._code = code
        self._names = names

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave it to the import system."""
        del spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the code."""
        module.__dict__.update(self._names)
        exec(self._code, module.__dict__)  # noqa: S102 - importing is what a loader does


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the copies that are being loaded."""

    def __init__(self, loaders: Mapping[str, _Loader]) -> None:
        self._loaders = loaders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See importlib."""
        del path, target
        if fullname not in self._loaders:
            return None
        old = _ORIGINALS.get(fullname)
        spec = importlib.util.spec_from_loader(
            fullname, self._loaders[fullname], origin=getattr(old, "__file__", None)
        )
        if spec is not None and old is not None and hasattr(old, "__path__"):
            spec.submodule_search_locations = list(old.__path__)
        return spec


_ORIGINALS: dict[str, ModuleType] = {}


class Workshop:
    """Makes copies of a target's parser.

    Args:
        target: The target; the modules it uses are imported.

    Attributes:
        modules: Source of what it may use.
        closure: Modules that are copied: those the parser uses which are measured or import what is measured.
        measured: Those of them that are measured, in alphabetical order.

    Raises:
        UsageError: None of the measured modules is used by the parser in a way that can be followed.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        module = str(getattr(target.parse, "__module__", "") or "")
        self.modules = Modules.read(tops([*target.measured, *([module] if module else [])]))
        measured = measured_among(self.modules.trees, target.measured)
        self._importing = {name: self.modules.leading_to([name]) for name in self.modules.trees}
        leading = set().union(*(self._importing[name] for name in measured)) if measured else set()
        used = used_modules([target.parse, target.reason], frozenset(measured))
        self.closure = self.modules.reachable_from(used) & leading
        self.measured = [name for name in measured if name in self.closure]
        if not self.measured:
            raise UsageError(
                f"target {target.name}: its parser uses none of the modules it measures "
                f"({', '.join(target.measured)}) that has a source"
            )
        self.steps = probes.Steps()
        self._originals = {name: sys.modules[name] for name in self.closure}
        self._sources = {name: inspect.getsource(module) for name, module in self._originals.items()}
        self._codes = {name: self._code(name) for name in sorted(self.closure)}
        self._shared: dict[str, ModuleType] = {}
        self._shared = self._load(self.closure, {}, {})

    def instrumented(self, module: str) -> ast.Module:
        """A module's tree, fresh, with steps counted."""
        tree = ast.parse(self._sources[module])
        probes.add_steps(tree)
        return tree

    def affected(self, module: str) -> set[str]:
        """The copied modules that import one, directly or not, and it."""
        return self.closure & self._importing[module]

    def copy(self, changed: Mapping[str, CodeType], names: Mapping[str, object] | None = None) -> Copy:
        """Load what differs, and bind the parser to it.

        Args:
            changed: Code of changed modules.
            names: Further names for the modules' namespaces.

        Raises:
            BaseException: Whatever the changed code raises when it is imported.
        """
        fresh = set().union(*(self.affected(name) for name in changed))
        loaded = self._load(fresh, changed, names or {})
        modules = {**self._shared, **loaded}
        binder = Binder(modules, self._originals, frozenset(self.measured))
        caches = [clear for module in modules.values() for clear in _caches(module)]
        rejects = tuple(binder.of(one) for one in self.target.rejects)
        return Copy(binder.of(self.target.parse), rejects, binder.of(self.target.reason), self.steps, caches)

    def _code(self, module: str) -> CodeType:
        tree = ast.fix_missing_locations(self.instrumented(module))
        return compile(tree, self.file(module), "exec", dont_inherit=True)

    def source(self, module: str) -> str:
        """The source of a copied module."""
        return self._sources[module]

    def original_module(self, module: str) -> ModuleType:
        """A copied module as the rest of the process has it."""
        return self._originals[module]

    def file(self, module: str) -> str:
        """The file of a module."""
        return str(getattr(self._originals[module], "__file__", None) or f"<{module}>")

    def _load(
        self, fresh: Iterable[str], changed: Mapping[str, CodeType], names: Mapping[str, object]
    ) -> dict[str, ModuleType]:
        given = {probes.STEP: self.steps.step, **names}
        loaders = {name: _Loader(changed.get(name, self._codes[name]), given) for name in fresh}
        self.steps.begin(_IMPORT_STEPS)
        _ORIGINALS.update(self._originals)
        try:
            with self._standing_in(loaders):
                return {name: importlib.import_module(name) for name in sorted(loaders)}
        finally:
            self.steps.busy = False

    @contextmanager
    def _standing_in(self, loaders: Mapping[str, _Loader]) -> Iterator[None]:
        """Put shared copies in the place of the originals, and make room for the fresh ones."""
        finder = _Finder(loaders)
        for name in self.closure:
            _place(name, None if name in loaders else self._shared.get(name))
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            for name in sorted(self.closure):
                _place(name, self._originals[name])


def _caches(module: ModuleType) -> Iterator[Callable[[], None]]:
    """What empties the caches of a module that was just imported: of functions, and containers that are empty now."""
    for value in list(vars(module).values()):
        if callable(clear := getattr(value, "cache_clear", None)):
            yield clear
        elif isinstance(value, (dict, list, set, deque)) and not value:
            yield value.clear


def _place(name: str, module: ModuleType | None) -> None:
    """Have a name mean a module, or nothing, for whoever imports it."""
    parent, _, child = name.rpartition(".")
    holder: Any = sys.modules.get(parent)
    if module is None:
        sys.modules.pop(name, None)
        if holder is not None and child in vars(holder):
            delattr(holder, child)
    else:
        sys.modules[name] = module
        if holder is not None:
            setattr(holder, child, module)
