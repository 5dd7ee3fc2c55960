"""Seeds and dictionaries out of installed packages: those that announce themselves as `ipc_gauntlet.corpora`.

Such a package has functions `seeds(target)`, whose result has `seeds` with `data` each, and `dictionary(target)`; both
raise KeyError for a target that they do not know. A target in another language gets its corpus that way.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.requirements import GROUP


def packaged_seeds(target: str) -> list[bytes]:
    """The inputs of all packages for a target; no duplicates.

    Raises:
        UsageError: A package cannot be imported.
    """
    found: dict[bytes, None] = {}
    for package in _packages():
        try:
            given = package.seeds(target)  # type: ignore[attr-defined]  # by convention, see above
        except (KeyError, AttributeError):
            continue
        found.update((bytes(one.data), None) for one in given.seeds)
    return list(found)


def packaged_dictionary(target: str) -> list[bytes]:
    """The words of all packages for a target; no duplicates.

    Raises:
        UsageError: A package cannot be imported.
    """
    found: dict[bytes, None] = {}
    for package in _packages():
        try:
            given = package.dictionary(target)  # type: ignore[attr-defined]  # by convention, see above
        except (KeyError, AttributeError):
            continue
        found.update((bytes(word), None) for word in given)
    return list(found)


def _packages() -> Iterator[object]:
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            yield point.load()
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise UsageError(f"cannot import the corpora {point.value}: {why}") from error
