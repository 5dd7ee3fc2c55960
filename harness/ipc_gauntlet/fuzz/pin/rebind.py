"""From a target's parser to the same parser on top of copies of the modules that it uses.

A function of a copied module is looked up in the copy by its name. A function of another module, such as the few lines
that wrap a parser for its target, is made anew with its globals pointing at the copies.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.pin.graph import names_in


class Binder:
    """Finds the counterparts of functions, classes and modules in one set of copies.

    Args:
        copies: Copied modules by name.
        originals: The modules they are copies of.
        changed: Those of them that are changed in some copy.
    """

    def __init__(
        self,
        copies: Mapping[str, ModuleType],
        originals: Mapping[str, ModuleType],
        changed: Container[str] = (),
    ) -> None:
        self._changed = changed
        self._copies = copies
        self._originals = originals
        self._known: dict[int, tuple[object, object]] = {}

    def of(self, value: Any) -> Any:  # noqa: ANN401 - whatever it is, its counterpart is alike
        """The counterpart of a value; the value itself where it has none.

        Raises:
            UsageError: It must have one, and it cannot be found.
        """
        if id(value) in self._known:
            return self._known[id(value)][1]
        self._known[id(value)] = (value, value)  # for what refers to itself
        made = self._made(value)
        self._known[id(value)] = (value, made)
        return made

    def _made(self, value: Any) -> Any:  # noqa: ANN401 - see `of`
        if isinstance(value, ModuleType):
            return self._copies.get(value.__name__, value)
        if isinstance(value, MethodType):
            return getattr(self.of(value.__self__), value.__name__)
        if isinstance(value, partial):
            keywords = {name: self.of(item) for name, item in value.keywords.items()}
            return partial(self.of(value.func), *map(self.of, value.args), **keywords)
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return type(value)(map(self.of, value))
        if type(value) is dict:
            return {key: self.of(item) for key, item in value.items()}
        module = getattr(value, "__module__", None)
        if module in self._copies:
            return self._found(value, str(module))
        return self._clone(value) if isinstance(value, FunctionType) else value

    def _found(self, value: object, module: str) -> object:
        name = getattr(value, "__qualname__", None)
        if isinstance(name, str) and "<" not in name:
            found: object = self._copies[module]
            for part in name.split("."):
                found = getattr(found, part, None)
            if found is not None:
                return found
        for name, held in vars(self._originals[module]).items():
            if held is value:
                return getattr(self._copies[module], name)
        if isinstance(value, FunctionType) and module not in self._changed:
            # A function that another one has made: the same code, on top of the copied module.
            cells = tuple(self._cell(cell) for cell in value.__closure__ or ())
            return _function(value, vars(self._copies[module]), cells)
        if not callable(value):
            return value  # an object that was made of a copied class; it says the same as before
        raise UsageError(
            f"{module} is copied for mutants, and {value!r} of it has no name at its top: make it a function there"
        )

    def _clone(self, function: FunctionType) -> FunctionType:
        names = [name for name in set(names_in(function.__code__)) if name in function.__globals__]
        held = {name: self.of(function.__globals__[name]) for name in sorted(names)}
        cells = tuple(self._cell(cell) for cell in function.__closure__ or ())
        unchanged = all(function.__globals__[name] is value for name, value in held.items())
        if unchanged and all(new is old for new, old in zip(cells, function.__closure__ or (), strict=True)):
            return function
        return _function(function, {**function.__globals__, **held}, cells)

    def _cell(self, cell: CellType) -> CellType:
        try:
            old = cell.cell_contents
        except ValueError:
            return cell
        new = self.of(old)
        return cell if new is old else CellType(new)


def _function(old: FunctionType, space: dict[str, Any], cells: tuple[CellType, ...]) -> FunctionType:
    """The same code in another namespace."""
    made = FunctionType(old.__code__, space, old.__name__, old.__defaults__, cells)
    made.__kwdefaults__ = old.__kwdefaults__
    made.__qualname__ = old.__qualname__
    return made
