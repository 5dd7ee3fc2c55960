"""Replacing source text, and knowing which lines that changed.

Rule of this file: a replacement that does not fit exactly one place is refused. A mutant that is applied half, or
somewhere else than meant, would say something about the suites that is not true.
"""

import difflib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sipc_mutants.model import Mutant, Patch


class PatchError(Exception):
    """A patch does not fit the present source; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of the patched source that a patch has changed.

    Args:
        first: First line, counted from 1.
        last: Last line; smaller than `first` where text was only taken away in front of `first`.
        indent: For a deletion, the indentation of what was taken away.
    """

    first: int
    last: int
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Patched:
    """A module's source with patches in it."""

    text: str
    changes: tuple[Change, ...]


def source_file(module: str) -> Path:
    """The file of a module, without importing it.

    Raises:
        PatchError: There is no such module, or it has no source.
    """
    try:
        spec = importlib.util.find_spec(module)
    except ImportError as error:
        raise PatchError(f"there is no module {module}: {error}") from error
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise PatchError(f"there is no source of a module {module}")
    return Path(spec.origin)


def apply(source: str, patches: Sequence[Patch], mutant: str) -> Patched:
    """Replace each patch's old text.

    Args:
        source: Source of the module.
        patches: All patches of this module.
        mutant: Id, for messages.

    Raises:
        PatchError: An old text is not there exactly once, two overlap, or one changes nothing.
    """
    places = sorted(((_place(source, patch, mutant), patch) for patch in patches), key=lambda one: one[0])
    text, end, changes = "", 0, []
    for start, patch in places:
        if start < end:
            raise PatchError(f"{mutant}: two patches of {patch.module} overlap")
        text += source[end:start]
        changes += _changes(text.count("\n") + 1, text, patch)
        text += patch.new
        end = start + len(patch.old)
    return Patched(text + source[end:], tuple(changes))


def _place(source: str, patch: Patch, mutant: str) -> int:
    count = source.count(patch.old) if patch.old else 0
    if count != 1:
        shown = patch.old.strip().partition("\n")[0]
        raise PatchError(
            f"{mutant}: the old text `{shown}…` occurs {count} times in {patch.module}, not once"
        )
    if patch.old == patch.new:
        raise PatchError(f"{mutant}: a patch of {patch.module} changes nothing")
    return source.index(patch.old)


def _changes(first: int, before: str, patch: Patch) -> list[Change]:
    # Both texts begin in the same column: what stands before them on that line belongs to both.
    lead = before[before.rfind("\n") + 1 :]
    old = (lead + patch.old).splitlines()
    new = (lead + patch.new).splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found = []
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            continue
        lines = [first + index for index in range(new_from, new_to) if _is_code(new[index])]
        if lines:
            found += [Change(line, line) for line in lines]
        else:
            gone = next((line for line in old[old_from:old_to] if line.strip()), "")
            found.append(Change(first + new_to, first + new_to - 1, len(gone) - len(gone.lstrip())))
    return found


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def patched_modules(mutant: Mutant) -> dict[str, tuple[str, Patched]]:
    """For each module that a mutant changes: its source, and the patched one.

    Raises:
        PatchError: A patch does not fit.
    """
    found = {}
    for module in mutant.modules:
        source = source_file(module).read_text(encoding="utf-8")
        found[module] = source, apply(source, mutant.patches_of(module), mutant.id)
    return found


def unified_diff(mutant: Mutant) -> str:
    """What a mutant changes, as a unified diff.

    Raises:
        PatchError: A patch does not fit.
    """
    parts: list[str] = []
    for module, (source, patched) in patched_modules(mutant).items():
        name = module.replace(".", "/") + ".py"
        parts += difflib.unified_diff(
            source.splitlines(keepends=True), patched.text.splitlines(keepends=True), f"a/{name}", f"b/{name}"
        )
    return "".join(parts)
