"""The measured code with its edges: which lines were reached, and which were not."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ipc_gauntlet.fuzz.report.model import SourceFile, SourceLine


def line_of(edge: str) -> tuple[str, int] | None:
    """Module and line of an edge `module:line:kind:index`; None if it is something else."""
    module, _, rest = edge.partition(":")
    line = rest.partition(":")[0]
    return (module, int(line)) if line.isdigit() else None


def per_line(edges: Iterable[str]) -> dict[str, Counter[int]]:
    """How many edges begin on each line of each module."""
    counted: dict[str, Counter[int]] = {}
    for edge in edges:
        place = line_of(edge)
        if place is not None:
            counted.setdefault(place[0], Counter())[place[1]] += 1
    return counted


def source_files(edges: Iterable[str], hit: Iterable[str], texts: Mapping[str, str]) -> list[SourceFile]:
    """Lay edges over source text.

    Args:
        edges: All edges of the code.
        hit: Those that were hit.
        texts: Source text by module; modules without text are left out.
    """
    all_of, hit_of = per_line(edges), per_line(hit)
    files: list[SourceFile] = []
    for module in sorted(set(all_of) | set(hit_of)):
        if module not in texts:
            continue
        total, reached = all_of.get(module, Counter()), hit_of.get(module, Counter())
        lines = tuple(
            SourceLine(text, max(total[number], reached[number]), reached[number])
            for number, text in enumerate(texts[module].splitlines(), 1)
        )
        files.append(SourceFile(module, lines))
    return files


def text_of(module: str) -> str | None:
    """The source of an importable module, without importing it; None if it has none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    try:
        return Path(spec.origin).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
