"""What of the measured modules a parser can get to, read from their source: modules, then names within them.

A change to code that the parser never runs is no mutant of the parser: the half of a codec that encodes, for one. What
is read here errs on the side of too much: a method counts as used as soon as anything reachable names an attribute
like it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType

from ipc_gauntlet.fuzz.reached import sources
from ipc_gauntlet.fuzz.signature import within

_ALWAYS = frozenset(
    {"__init__", "__new__", "__post_init__", "__call__", "__init_subclass__", "_missing_", "__set_name__"}
)


def imports(tree: ast.Module, module: str) -> dict[str, tuple[str, str]]:
    """Names that a module gets from others: (module, name there); the name is empty for a module itself."""
    found: dict[str, tuple[str, str]] = {}
    package = module if _is_package(module) else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = (
                    one.name if one.asname else one.name.partition(".")[0],
                    "",
                )
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            for one in node.names:
                whole = f"{base}.{one.name}"
                found[one.asname or one.name] = (whole, "") if whole in sys.modules else (base, one.name)
    return found


def _is_package(module: str) -> bool:
    return hasattr(sys.modules.get(module), "__path__")


@dataclass(slots=True)
class Modules:
    """Source of all modules that a target could use, and who imports whom.

    Attributes:
        trees: By module name.
        names: What each gets from others.
    """

    trees: dict[str, ast.Module] = field(default_factory=dict)
    names: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, prefixes: Iterable[str]) -> Modules:
        """Read the imported modules below some packages."""
        made = cls()
        for name, source in sources(prefixes).items():
            made.trees[name] = ast.parse(source)
            made.names[name] = imports(made.trees[name], name)
        return made

    def imported_by(self, module: str) -> set[str]:
        """The modules, among those read, that a module imports."""
        found = set()
        for base, _ in self.names.get(module, {}).values():
            if base in self.trees and base != module:
                found.add(base)
        return found

    def reachable_from(self, roots: Iterable[str]) -> set[str]:
        """Modules that are imported by these, directly or not, and these."""
        found: set[str] = set()
        todo = [root for root in roots if root in self.trees]
        while todo:
            module = todo.pop()
            if module not in found:
                found.add(module)
                todo += self.imported_by(module)
        return found

    def leading_to(self, goals: Iterable[str]) -> set[str]:
        """Modules that import any of these, directly or not, and these."""
        wanted = set(goals)
        return {module for module in self.trees if self.reachable_from([module]) & wanted}


def tops(names: Iterable[str]) -> tuple[str, ...]:
    """The packages at the top of some modules' names."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in names))


def used_modules(roots: Sequence[object], whole: Container[str]) -> set[str]:
    """The modules whose code functions run, as far as their names tell.

    Args:
        roots: Functions, methods, partial functions.
        whole: Modules that are taken as a whole; functions of other modules are looked into one by one.
    """
    found: set[str] = set()
    done: set[int] = set()
    todo = list(roots)
    while todo:
        one = todo.pop()
        if id(one) in done:
            continue
        done.add(id(one))
        module = getattr(one, "__module__", None)
        if isinstance(one, ModuleType):
            found.add(one.__name__)
        elif isinstance(one, MethodType):
            todo += [one.__func__, one.__self__]
        elif isinstance(one, FunctionType) and module not in whole:
            todo += values_used(one)
        elif isinstance(one, partial):
            todo += [one.func, *one.args, *one.keywords.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(module, str):
            found.add(module)
    return found


def values_used(function: FunctionType) -> list[object]:
    """What a function can get at by name: globals and cells."""
    names = sorted(set(names_in(function.__code__)))
    found = [function.__globals__[name] for name in names if name in function.__globals__]
    return found + [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]


def _filled(cell: object) -> bool:
    try:
        _ = cell.cell_contents  # type: ignore[attr-defined]  # a cell may be empty
    except ValueError:
        return False
    return True


def names_in(code: CodeType) -> Iterator[str]:
    """Names that code uses, with those of functions inside."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


class Symbols:
    """Which names of which modules can be reached from functions."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._nodes: dict[tuple[str, str], list[ast.AST]] = {}
        self._members: dict[tuple[str, str], set[str]] = {}
        self._attributes: set[str] = set()
        self._reached: set[tuple[str, str]] = set()
        for module, tree in modules.trees.items():
            self._enter(module, tree.body, "")

    def reached(self, roots: Iterable[object]) -> set[tuple[str, str]]:
        """Modules and names within them: `("sipc.cbor", "decode")`, `("sipc.negotiation", "Offer.parse")`."""
        todo: list[tuple[str, str]] = []
        for root in roots:
            todo += self._of_root(root)
        while todo:
            while todo:
                one = todo.pop()
                if one in self._nodes and one not in self._reached:
                    self._reached.add(one)
                    todo += [*self._used_by(one), *self._beside(one)]
            for module, owner in list(self._members):
                if (module, owner) in self._reached:
                    todo += [
                        (module, f"{owner}.{name}")
                        for name in self._members[module, owner]
                        if (name in self._attributes or name in _ALWAYS)
                        and (module, f"{owner}.{name}") not in self._reached
                    ]
        return self._reached

    def _enter(self, module: str, body: Iterable[ast.stmt], owner: str) -> None:
        for statement in body:
            for name in _bound(statement):
                whole = f"{owner}.{name}" if owner else name
                self._nodes.setdefault((module, whole), []).append(statement)
                if owner:
                    self._members.setdefault((module, owner), set()).add(name)
                    if isinstance(statement, ast.AnnAssign):
                        self._attributes.add(name)  # a field with a default
            if isinstance(statement, ast.ClassDef) and not owner:
                self._members.setdefault((module, statement.name), set())
                self._enter(module, statement.body, statement.name)
            elif isinstance(statement, (ast.If, ast.Try, ast.With, ast.For)):
                self._enter(module, statement.body, owner)

    def _of_root(self, root: object) -> list[tuple[str, str]]:
        function = root.__func__ if isinstance(root, MethodType) else root
        module = str(getattr(function, "__module__", ""))
        name = str(getattr(function, "__qualname__", ""))
        if (module, name) in self._nodes:
            owner = name.rpartition(".")[0]
            return [(module, name), *([(module, owner)] if owner else [])]
        if not isinstance(function, FunctionType):
            return [one for one in self._nodes if one[0] == module]
        used = set(names_in(function.__code__))
        self._attributes |= used
        found: list[tuple[str, str]] = []
        for value in values_used(function):
            if isinstance(value, ModuleType):
                found += [(value.__name__, other) for other in used]
            elif isinstance(value, (FunctionType, MethodType, type)) and value is not function:
                key = (value.__module__, value.__qualname__)
                known = key in self._nodes or isinstance(value, type)
                found += [key] if known else self._of_root(value)
        return found

    def _beside(self, symbol: tuple[str, str]) -> list[tuple[str, str]]:
        """The other names that the same statement binds."""
        module, name = symbol
        owner = name.rpartition(".")[0]
        others = [
            other for node in self._nodes[symbol] if isinstance(node, ast.stmt) for other in _bound(node)
        ]
        return [(module, f"{owner}.{other}" if owner else other) for other in others]

    def _used_by(self, symbol: tuple[str, str]) -> list[tuple[str, str]]:
        module, name = symbol
        found: list[tuple[str, str]] = []
        for node in self._nodes[symbol]:
            parts: Iterable[ast.AST] = [node]
            if isinstance(node, ast.ClassDef):
                parts = [*node.bases, *node.decorator_list, *(keyword.value for keyword in node.keywords)]
            for part in parts:
                for inner in ast.walk(part):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                        found += self._named(module, inner.id)
                    elif isinstance(inner, ast.Attribute):
                        found += self._attribute(module, inner)
        owner = name.partition(".")[0]
        return [*found, (module, owner)] if owner != name else found

    def _named(self, module: str, name: str) -> list[tuple[str, str]]:
        if (module, name) in self._nodes and name not in self._modules.names.get(module, {}):
            return [(module, name)]
        base, attribute = self._modules.names.get(module, {}).get(name, ("", ""))
        return [(base, attribute)] if attribute else []

    def _attribute(self, module: str, node: ast.Attribute) -> list[tuple[str, str]]:
        if isinstance(node.value, ast.Name):
            base, attribute = self._modules.names.get(module, {}).get(node.value.id, ("", ""))
            if base and not attribute:
                return [(base, node.attr)]
            owner = (base, attribute) if attribute else (module, node.value.id)
            if owner in self._members:
                return [owner, (owner[0], f"{owner[1]}.{node.attr}")]
        self._attributes.add(node.attr)
        return []


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    yield node.id


def measured_among(modules: Iterable[str], measured: Sequence[str]) -> list[str]:
    """The measured ones, in alphabetical order."""
    return sorted(module for module in modules if within(module, measured))
