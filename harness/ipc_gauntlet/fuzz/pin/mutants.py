"""A parser's mutants: which there are, which are worth running, and each as a loaded copy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.pin import probes
from ipc_gauntlet.fuzz.pin.copies import Copy, Workshop
from ipc_gauntlet.fuzz.pin.edits import edits
from ipc_gauntlet.fuzz.pin.graph import Symbols
from ipc_gauntlet.fuzz.plant import Transform


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed parser.

    Attributes:
        name: `module:line:operator:index`.
        module: The changed module.
        line: Where.
        operator: The kind of change.
        before: The code before, on one line.
        after: The code after.
        function: Qualified name of the function, empty for a module's own code.
        source: The line as it stands in the file.
        block: Number of the block that must be entered for the change to matter, -1 if it may always matter.
    """

    name: str
    module: str
    line: int
    operator: str
    before: str
    after: str
    function: str
    source: str
    block: int


class Mutants:
    """All mutants of a target's parser.

    Args:
        workshop: Makes the copies.

    Attributes:
        all: The mutants, in the order of modules and lines. Those that compile to the same code as the original or as
            an earlier one are left out.
        same: How many were left out for that.
        blocks: How many blocks there are.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.all: list[Mutant] = []
        self.same = 0
        self.blocks = 0
        self._codes: dict[str, CodeType | None] = {}
        self._first: dict[str, int] = {}
        roots = (workshop.target.parse, workshop.target.reason)
        reached = Symbols(workshop.modules).reached(roots)
        for module in workshop.measured:
            self._add(module, reached)

    def _add(self, module: str, reached: set[tuple[str, str]]) -> None:
        tree = self.workshop.instrumented(module)
        numbers = {
            (id(node), field): self.blocks + number
            for number, (node, field) in enumerate(probes.blocks_of(tree))
        }
        self._first[module] = self.blocks
        self.blocks += len(numbers)
        lines = self.workshop.source(module).splitlines()
        known = {_bare(_compiled(tree, self.workshop.file(module)))}
        for edit in edits(tree):
            if edit.symbol and (module, edit.symbol) not in reached:
                continue
            with edit.applied():
                code = _compiled(tree, self.workshop.file(module))
            shape = _bare(code)
            if shape in known:
                self.same += 1
                continue
            known.add(shape)
            block = -1 if edit.block is None else numbers.get((id(edit.block[0]), edit.block[1]), -1)
            name = f"{module}:{edit.name}"
            self._codes[name] = code
            self.all.append(
                Mutant(
                    name=name,
                    module=module,
                    line=edit.line,
                    operator=edit.operator,
                    before=edit.before,
                    after=edit.after,
                    function=edit.function,
                    source=lines[edit.line - 1].strip() if 0 < edit.line <= len(lines) else "",
                    block=block,
                )
            )

    def load(self, mutant: Mutant) -> Copy:
        """Load a mutant.

        Raises:
            BaseException: It cannot be imported.
        """
        code = self._codes[mutant.name]
        if code is None:
            raise SyntaxError(f"{mutant.after} does not compile")
        return self.workshop.copy({mutant.module: code})

    def original(self, seen: bytearray) -> Copy:
        """The unchanged parser, which tells the blocks it enters.

        Args:
            seen: One byte for each block, set to 1.
        """
        codes = {}
        for module in self.workshop.measured:
            tree = self.workshop.instrumented(module)
            probes.add_blocks(tree, list(probes.blocks_of(tree)), self._first[module])
            codes[module] = compile(tree, self.workshop.file(module), "exec", dont_inherit=True)
        return self.workshop.copy(codes, {probes.SEEN: seen})

    def watched(self, compared: probes.Compared) -> Copy:
        """The unchanged parser, which tells what it compares."""
        codes = {}
        for module in self.workshop.measured:
            tree = self.workshop.instrumented(module)
            probes.add_compares(tree)
            codes[module] = compile(tree, self.workshop.file(module), "exec", dont_inherit=True)
        return self.workshop.copy(codes, {probes.COMPARED: compared})


def transform(name: str) -> Transform:
    """The change that a mutant's name stands for, for instrumentation and for other engines.

    Args:
        name: `module:line:operator:index`.

    Raises:
        UsageError: That is not such a name.
    """
    parts = name.split(":")
    if len(parts) != 4 or not parts[1].isdigit() or not parts[3].isdigit():
        raise UsageError(f"{name!r} is not the name of a mutant (module:line:operator:index)")
    wanted, within = parts[0], ":".join(parts[1:])

    def changed(module: str, tree: ast.Module) -> ast.Module:
        """Change the tree in place; raises GauntletError if the code has changed since."""
        if module != wanted:
            return tree
        for edit in edits(tree):
            if edit.name == within:
                edit.keep()
                return ast.fix_missing_locations(tree)
        raise GauntletError(f"there is no mutant {name}: the code has changed since")

    return changed


def _compiled(tree: ast.Module, file: str) -> CodeType | None:
    try:
        return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def _bare(code: CodeType | None) -> object:
    """What code does, without where it stands: equal for programs that differ in nothing but lines."""
    if code is None:
        return None
    constants = tuple(_constants(code))
    return (code.co_code, code.co_names, code.co_varnames, code.co_exceptiontable, constants)


def _constants(code: CodeType) -> Iterator[object]:
    for constant in code.co_consts:
        yield _bare(constant) if isinstance(constant, CodeType) else (type(constant).__name__, repr(constant))
