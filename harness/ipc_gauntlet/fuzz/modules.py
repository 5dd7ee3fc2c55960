"""The modules that a prefix means, found without importing them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path


def modules_of(prefix: str) -> Iterator[str]:
    """A module and all below it, without importing them."""
    yield prefix
    try:
        spec = importlib.util.find_spec(prefix)
    except (ImportError, ValueError, AttributeError):
        return
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        root = Path(location)
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[-1] != "__init__":
                yield ".".join([prefix, *parts])
            elif parts[:-1]:
                yield ".".join([prefix, *parts[:-1]])
