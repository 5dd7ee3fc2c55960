"""Measures which branches are taken: modules are rewritten when they are imported.

    coverage = install(["sipc.cbor"])     # before anything imports sipc.cbor
    ...                                   # import the target
    coverage.begin()                      # before an execution
    target.parse(data)
    coverage.path()                       # a number that is the same for the same branches in the same order
    coverage.features()                   # edges with bucketed counts, as numbers
    coverage.covered()                    # names of all edges taken so far

What an execution took is kept as a list of edges, not as a table of counters: an execution then costs what it does, not
what there is code, and one that did nothing new is known by a single number. The list is bounded: of an execution that
takes more than a million edges the last million count.

Edges taken between `begin` and the next question (`hits`, `features`, `covered`, `functions`) are remembered; an
execution that nobody asks about is forgotten by the next `begin`.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, ModuleType

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.compares import Compares, same_places
from ipc_gauntlet.fuzz.coverage.edges import Edges, Numbering, features
from ipc_gauntlet.fuzz.coverage.monitor import AVAILABLE, Monitor
from ipc_gauntlet.fuzz.coverage.operands import tell_operands
from ipc_gauntlet.fuzz.coverage.rewrite import HIT, count_edges
from ipc_gauntlet.fuzz.mutate.dictionary import tokens_of
from ipc_gauntlet.fuzz.signature import within

Transform = Callable[[str, ast.Module], ast.Module]
"""From a module's name and tree to the tree that is to run. A module that it does not mean is handed back as it is."""

_LONGEST = 1 << 20


class Coverage:
    """What was taken.

    Attributes:
        trace: The edges since `begin`, in order. An engine in a hurry clears it itself.
        edges: What the numbers mean.
        constants: The dictionary that the source of the measured modules makes, as byte strings; no duplicates.
        monitor: Measures modules without source.
        compares: Captures what an execution compares.
        unmeasured: Modules that should be measured and cannot be, with the reason.
    """

    def __init__(self, measured: Sequence[str], transforms: Sequence[Transform]) -> None:
        self.trace: deque[int] = deque(maxlen=_LONGEST)
        self.edges = Edges()
        self.constants: dict[bytes, None] = {}
        self.unmeasured: dict[str, str] = {}
        self._ever: set[int] = set()
        self.monitor = Monitor(self.edges, self.trace.append)
        self._versions: list[tuple[CodeType, Callable[[], CodeType]]] = []
        self.compares = Compares(self._tellers, lambda: len(self._versions))
        self._finder = _Finder(self, tuple(measured), tuple(transforms))

    @property
    def total(self) -> int:
        """Edges in the modules imported so far."""
        return len(self.edges)

    def begin(self) -> None:
        """Forget the last execution."""
        self.trace.clear()

    def path(self) -> int:
        """A number for the edges taken since `begin`, in their order: another number, another path."""
        return hash(tuple(self.trace))

    def hits(self) -> dict[int, int]:
        """How often each edge was taken since `begin`, in the order in which they were first taken."""
        counts = Counter(self.trace)
        self._ever.update(counts)
        return counts

    def features(self) -> list[int]:
        """What tells executions apart: each edge taken since `begin`, with its count in a bucket."""
        return features(self.hits())

    def covered(self) -> set[str]:
        """Names of all edges taken so far: `module:line:kind:ordinal`."""
        self.hits()
        return self.edges.names(self._ever)

    def covered_count(self) -> int:
        """How many edges were taken so far."""
        self.hits()
        return len(self._ever)

    def functions(self) -> set[str]:
        """The functions entered so far: `module:qualified.name`."""
        self.hits()
        return self.edges.functions(self._ever)

    def where(self, edge: int) -> tuple[str, int, str]:
        """File, line and qualified function of an edge."""
        found = self.edges[edge]
        return found.file, found.line, found.function

    def _tellers(self) -> dict[CodeType, CodeType]:
        """The code of each measured function, with the one that tells what it compares."""
        return {
            one: other for plain, telling in self._versions for one, other in same_places(plain, telling())
        }

    def version(self, plain: CodeType, telling: Callable[[], CodeType]) -> None:
        """Remember a module's code, and how to make its version that tells what it compares."""
        self._versions.append((plain, telling))

    def uninstall(self) -> None:
        """Measure no module that is imported from now on; those imported and rewritten stay as they are."""
        self.monitor.stop()
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)


def install(measured: Sequence[str], transforms: Sequence[Transform] = ()) -> Coverage:
    """Measure modules from their import on.

    Args:
        measured: Prefixes of module names: `sipc.cbor` is itself and all below.
        transforms: Applied to the tree of each measured module, in order, before it is rewritten.

    Raises:
        GauntletError: One of them was imported already, so that it would run unmeasured.
    """
    already = sorted(name for name in sys.modules if within(name, measured))
    if already:
        raise GauntletError(
            f"{', '.join(already)}: imported before it could be instrumented, so nothing would be measured; "
            "import it in the module of targets, which is loaded after this, and nowhere before"
        )
    coverage = Coverage(measured, transforms)
    sys.meta_path.insert(0, coverage._finder)  # noqa: SLF001 - the two are one thing
    return coverage


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the others find a module, and takes over how it is loaded."""

    def __init__(
        self, coverage: Coverage, measured: tuple[str, ...], transforms: tuple[Transform, ...]
    ) -> None:
        self._coverage = coverage
        self._measured = measured
        self._transforms = transforms

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a measured module."""
        if not within(fullname, self._measured):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: importlib.machinery.ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                # A namespace package has no code; what is below it comes by here again.
                if (
                    spec.loader is not None
                    and spec.origin is not None
                    and hasattr(spec.loader, "exec_module")
                ):
                    spec.loader = _Loader(spec.loader, self._coverage, self._transforms, spec.origin)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Runs a module's rewritten source. Compiled files are neither read nor written."""

    def __init__(
        self,
        inner: importlib.abc.Loader,
        coverage: Coverage,
        transforms: tuple[Transform, ...],
        origin: str,
    ) -> None:
        self._inner = inner
        self._coverage = coverage
        self._transforms = transforms
        self._origin = origin

    def __getattr__(self, name: str) -> object:
        # Resources, source for tracebacks, and whatever else the original can do.
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As the original does."""
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Rewrite the source and run it; run what has no source as it is."""
        name = module.__name__
        source = self._source(name)
        if source is None:
            self._without_source(module)
            return
        code = self._counting(name, source)
        self._coverage.version(code, lambda: self._telling(name, source))
        module.__dict__[HIT] = self._coverage.trace.append
        module.__dict__.update(self._coverage.compares.names())
        exec(code, module.__dict__)  # noqa: S102 - this is what importing a module is

    def _source(self, name: str) -> str | None:
        get_source = getattr(self._inner, "get_source", None)
        found = get_source(name) if get_source is not None else None
        return found if isinstance(found, str) else None

    def _tree(self, name: str, source: str) -> ast.Module:
        tree = ast.parse(source, self._origin)
        for transform in self._transforms:
            tree = transform(name, tree)
        return tree

    def _counting(self, name: str, source: str) -> CodeType:
        tree = self._tree(name, source)
        self._coverage.constants.update(dict.fromkeys(tokens_of(tree)))
        numbering = Numbering(self._coverage.edges, name, self._origin)
        return self._compiled(count_edges(tree, numbering))

    def _telling(self, name: str, source: str) -> CodeType:
        return self._compiled(tell_operands(self._tree(name, source)))

    def _compiled(self, tree: ast.Module) -> CodeType:
        return compile(tree, self._origin, "exec", dont_inherit=True)

    def _without_source(self, module: ModuleType) -> None:
        name = module.__name__
        get_code = getattr(self._inner, "get_code", None)
        code = get_code(name) if get_code is not None else None
        if not isinstance(code, CodeType):
            self._coverage.unmeasured[name] = "it is compiled to machine code"
            self._inner.exec_module(module)
            return
        if AVAILABLE:
            self._coverage.monitor.watch(name, code)
        else:
            self._coverage.unmeasured[name] = (
                "it has no source; from Python 3.12 on it can be measured without"
            )
        exec(code, module.__dict__)  # noqa: S102 - this is what importing a module is


def numbers(names: Iterable[str], coverage: Coverage) -> list[int]:
    """The numbers of edges by name; those of other versions of the code are left out."""
    known = {coverage.edges[number].name: number for number in range(coverage.total)}
    return [known[name] for name in names if name in known]
