"""Planted defects: a campaign counts for a target only if it finds one that was put there on purpose.

A canary is a copy of the code under test in which a rejection that no seed reaches is replaced by an exception that
nobody declares:

    if end > len(data):
        raise PlantedDefect(...)        # was: raise MalformedError("CBOR ends inside a string")

An engine that is fed, that sees what it does, and that catches what the parser raises finds it within seconds; one that
is blind does not, and neither does a target that declares every exception to be a rejection. Where seeds reach every
rejection, the first statement of a branch that they do not take is used; where they take all branches too, a condition
that none of them meets (a checksum over what a function is given).

A name is `module:line:kind:index`, stable for one version of the code; several joined by `+` are planted together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.reached import Reached, reached, sources
from ipc_gauntlet.fuzz.target import Target

Transform = Callable[[str, ast.Module], ast.Module]
"""From a module's name and tree to the tree that is imported in its place."""

_DEFENSIVE = frozenset({"AssertionError", "NotImplementedError"})
_CATCH_ALL = frozenset({"Exception", "BaseException"})
_TOGETHER = 8
_MASKS = (0xFF, 0xFFFF)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class PlantedDefect(Exception):
    """Raised by a planted defect. No target may declare it; a finding of it says that a canary was caught."""


@dataclass(frozen=True, slots=True)
class _Site:
    """A place for a defect.

    Attributes:
        kind: `raise`: this statement is replaced; `branch`: the defect comes before it.
        statement: Where.
        function: Qualified name of the function around it.
        around: First lines of the blocks around it, from the outermost of the function.
        sheltered: Whether something in the same function would catch the defect.
        index: Among the places of its kind on its line.
    """

    kind: str
    statement: ast.stmt
    function: str
    around: tuple[int, ...]
    sheltered: bool
    index: int = 0


def plants(target: Target, inputs: Iterable[bytes] = ()) -> list[str]:
    """Names of the defects that can be planted in a target's measured modules, the shallowest first.

    Args:
        target: Its seeds are run, traced, to see what they reach.
        inputs: What a campaign starts from beside the seeds, such as a corpus.

    Returns:
        Names for `transform`: rejections, then branches, then rare conditions; empty if the measured modules have no
        source, or no function of theirs is entered.
    """
    known = dict.fromkeys([*(bytes(seed) for seed in target.seeds()), *inputs]) or {b"": None}
    seen = reached(target, known)
    found: list[tuple[tuple[int, int, int, str, int, int], str]] = []
    for module, source in sources(target.measured).items():
        lines = seen.lines.get(module, set())
        for site in _sites(ast.parse(source)):
            if site.function not in seen.functions.get(module, ()) or site.sheltered or _ran(site, lines):
                continue
            away = sum(line not in lines for line in site.around)
            place = (module, site.statement.lineno, site.index)
            rank = (site.kind != "raise", away, len(site.around), *place)
            found.append((rank, f"{module}:{site.statement.lineno}:{site.kind}:{site.index}"))
    return [name for _, name in sorted(found)] + _rare(target.measured, seen)


def canary(target: Target, inputs: Iterable[bytes] = (), most: int = _TOGETHER) -> str:
    """One name that plants several defects, of which any must be found: one check alone may be out of reach.

    Args:
        target: See `plants`.
        inputs: See `plants`.
        most: How many at most.

    Returns:
        A name for `transform`; empty if nothing can be planted.
    """
    names = plants(target, inputs)
    kinds = [kind for kind in ("raise", "branch", "rare") if any(f":{kind}" in name for name in names)]
    return "+".join([name for name in names if kinds and f":{kinds[0]}" in name][:most])


def transform(name: str) -> Transform:
    """The change that plants a defect, or several.

    Args:
        name: From `plants` or `canary`.

    Raises:
        UsageError: That is not such a name.
    """
    wanted: dict[str, list[tuple[int, str, int]]] = {}
    for one in name.split("+"):
        try:
            module, line, kind, index = one.split(":")
            wanted.setdefault(module, []).append((int(line), kind, int(index)))
        except ValueError:
            raise UsageError(
                f"{one!r} is not the name of a planted defect (module:line:kind:index)"
            ) from None

    def planted(module: str, tree: ast.Module) -> ast.Module:
        """Plant what belongs into this module; raises GauntletError if the code has changed since."""
        for line, kind, index in wanted.get(module, ()):
            full = f"{module}:{line}:{kind}:{index}"
            done = (
                _plant_rare(tree, line, kind, index, full)
                if kind.startswith("rare")
                else _plant_site(tree, line, kind, index, full)
            )
            if not done:
                raise GauntletError(
                    f"cannot plant {full}: the code has changed; ask for the names of plants again"
                )
        return ast.fix_missing_locations(tree)

    return planted


def _ran(site: _Site, lines: set[int]) -> bool:
    end = site.statement.end_lineno or site.statement.lineno
    if site.kind == "raise":
        return any(line in lines for line in range(site.statement.lineno, end + 1))
    return site.statement.lineno in lines


def _sites(tree: ast.Module) -> list[_Site]:
    """All places for defects, each with its index on its line."""
    counts: dict[tuple[str, int], int] = {}
    found: list[_Site] = []
    for site in _walk_module(tree.body, ""):
        key = (site.kind, site.statement.lineno)
        index = counts.get(key, 0)
        counts[key] = index + 1
        found.append(_Site(site.kind, site.statement, site.function, site.around, site.sheltered, index))
    return found


def _walk_module(body: Iterable[ast.stmt], prefix: str) -> Iterator[_Site]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _walk_module(statement.body, f"{prefix}{statement.name}.")
        elif isinstance(statement, _Function):
            yield from _walk(statement.body, f"{prefix}{statement.name}", (), sheltered=False)
        else:
            for block, _ in _blocks(statement):
                yield from _walk_module(block, prefix)


def _walk(
    body: Iterable[ast.stmt], function: str, around: tuple[int, ...], *, sheltered: bool
) -> Iterator[_Site]:
    for statement in body:
        if isinstance(statement, (_Function, ast.ClassDef)):
            yield from _walk_module([statement], f"{function}.<locals>.")
        elif isinstance(statement, ast.Raise) and statement.exc is not None and not _defensive(statement.exc):
            yield _Site("raise", statement, function, around, sheltered)
        for block, catching in _blocks(statement):
            within = sheltered or catching
            first = block[0]
            if not isinstance(first, ast.Raise):
                yield _Site("branch", first, function, (*around, statement.lineno), within)
            yield from _walk(block, function, (*around, statement.lineno), sheltered=within)


def _blocks(statement: ast.stmt) -> Iterator[tuple[list[ast.stmt], bool]]:
    """The blocks of a statement, and whether it catches whatever is raised in them."""
    catching = isinstance(statement, (ast.Try, ast.TryStar)) and any(map(_catches_all, statement.handlers))
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block and not isinstance(statement, (_Function, ast.ClassDef)):
            yield block, catching and name == "body"
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body, False


def _catches_all(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(one, ast.Name) and one.id in _CATCH_ALL for one in types)


def _defensive(exc: ast.expr) -> bool:
    called = exc.func if isinstance(exc, ast.Call) else exc
    return isinstance(called, ast.Name) and called.id in _DEFENSIVE


def _defect(name: str, at: ast.stmt) -> ast.stmt:
    text = f"raise __import__({__name__!r}, fromlist=['PlantedDefect']).PlantedDefect({name!r})"
    return _moved(text, at)


def _moved(text: str, at: ast.stmt) -> ast.stmt:
    made = ast.parse(text).body[0]
    for node in ast.walk(made):
        if isinstance(node, (ast.stmt, ast.expr)):
            ast.copy_location(node, at)
    return made


def _plant_site(tree: ast.Module, line: int, kind: str, index: int, name: str) -> bool:
    for site in _sites(tree):
        if (site.statement.lineno, site.kind, site.index) == (line, kind, index):
            for block in _all_blocks(tree):
                for at, statement in enumerate(block):
                    if statement is site.statement:
                        block[at : at + (kind == "raise")] = [_defect(name, statement)]
                        return True
    return False


def _all_blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _rare(measured: Iterable[str], seen: Reached) -> list[str]:
    """Names of conditions on the bytes that functions are given, which no input has met so far."""
    found: list[str] = []
    for module, source in sources(measured).items():
        for function, statement in _functions(ast.parse(source).body, ""):
            for index, argument in enumerate(statement.args.args):
                sums = seen.octets.get((module, function, argument.arg))
                if sums and (free := _free(sums)) is not None:
                    found.append(f"{module}:{statement.lineno}:rare-{free[0]:x}-{free[1]:x}:{index}")
    return found


def _free(sums: set[int]) -> tuple[int, int] | None:
    for mask in _MASKS:
        taken = {one & mask for one in sums}
        if len(taken) <= mask:
            return mask, next(number for number in range(mask + 1) if number not in taken)
    return None


def _functions(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, _Function]]:
    for statement in body:
        if isinstance(statement, _Function):
            yield f"{prefix}{statement.name}", statement
            yield from _functions(statement.body, f"{prefix}{statement.name}.<locals>.")
        elif isinstance(statement, ast.ClassDef):
            yield from _functions(statement.body, f"{prefix}{statement.name}.")
        else:
            for block, _ in _blocks(statement):
                yield from _functions(block, prefix)


def _plant_rare(tree: ast.Module, line: int, kind: str, index: int, name: str) -> bool:
    _, mask, value = kind.split("-")
    for _, function in _functions(tree.body, ""):
        if function.lineno == line and index < len(function.args.args):
            argument = function.args.args[index].arg
            test = f"isinstance({argument}, (bytes, bytearray)) and __import__('zlib').crc32({argument})"
            guard = _moved(f"if ({test} & 0x{mask}) == 0x{value}: pass", function.body[0])
            if not isinstance(guard, ast.If):
                return False
            guard.body = [_defect(name, function.body[0])]
            docstring = ast.get_docstring(function) is not None
            function.body.insert(1 if docstring else 0, guard)
            return True
    return False
