"""Finds targets: by entry point, by module, or by file.

A module of targets has an attribute `TARGETS`: an iterable of `Target`. Users name theirs in their own distribution,

    [project.entry-points."ipc_gauntlet.fuzz_targets"]
    mine = "my_package.fuzz_targets"

or with `--targets my_package.fuzz_targets` or `--targets path/to/fuzz_targets.py`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.target import Target

GROUP = "ipc_gauntlet.fuzz_targets"

_BY_HAND = "command line"


@dataclass(frozen=True, slots=True)
class Source:
    """Where targets come from.

    Attributes:
        module: Name of the module, or path of a Python file.
        label: Who named it: the entry point, or the command line.
    """

    module: str
    label: str


def sources(extra: Sequence[str] = ()) -> list[Source]:
    """All modules of targets: entry points sorted by name, then those given.

    Args:
        extra: Modules or files from the command line.
    """
    points = sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name)
    installed = {point.value: Source(point.value, point.name) for point in points}
    named = dict.fromkeys(str(Path(name).resolve()) if name.endswith(".py") else name for name in extra)
    return [*installed.values(), *(Source(name, _BY_HAND) for name in named if name not in installed)]


def load(source: Source) -> list[Target]:
    """Import a module and take its targets.

    Raises:
        UsageError: There is no such module, it fails, or it has no targets.
    """
    module = _imported(source)
    found = getattr(module, "TARGETS", None)
    if not isinstance(found, Iterable) or not (targets := list(found)):
        raise UsageError(f"{source.module} ({source.label}) has no TARGETS")
    if not all(isinstance(target, Target) for target in targets):
        raise UsageError(
            f"{source.module} ({source.label}): TARGETS must hold ipc_gauntlet.fuzz.Target objects"
        )
    return targets


def _imported(source: Source) -> object:
    by_path = source.module.endswith(".py")
    if by_path and not Path(source.module).is_file():
        raise UsageError(f"there is no file {source.module}")
    here = str(Path.cwd())
    if source.label == _BY_HAND and here not in sys.path:
        # Who names a module on the command line means the one in front of them, however we were started.
        sys.path.append(here)
    try:
        return (
            _from_file(Path(source.module).resolve()) if by_path else importlib.import_module(source.module)
        )
    except UsageError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"cannot import fuzz targets from {source.module}: {why}") from error


def _from_file(path: Path) -> object:
    # Two folders may both have a file of that name.
    name = f"_fuzz_targets_{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Modules beside the file are what its author means by `import parser`.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@dataclass(frozen=True, slots=True)
class Found:
    """A target and the module that it came from, from which another process can get it again."""

    target: Target
    source: Source


def find(patterns: Sequence[str] = (), extra: Sequence[str] = ()) -> list[Found]:
    """The targets whose names match, in the order of their modules.

    Args:
        patterns: Globs of names; none means all.
        extra: Further modules or files.

    Raises:
        UsageError: A pattern matches nothing, two targets have one name, or a module cannot be used.
    """
    found: dict[str, Found] = {}
    for source in sources(extra):
        for target in load(source):
            if target.name in found:
                other = found[target.name].source.module
                raise UsageError(
                    f"two fuzz targets are named {target.name}: in {other} and in {source.module}"
                )
            found[target.name] = Found(target, source)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in found):
            raise UsageError(f"no fuzz target matches {pattern!r}; there are: {', '.join(found) or 'none'}")
    return [f for name, f in found.items() if not patterns or any(fnmatchcase(name, p) for p in patterns)]
