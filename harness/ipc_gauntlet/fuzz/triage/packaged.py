"""Regression cases of installed corpora, and where a new one belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.triage.case import Case
from ipc_gauntlet.requirements import GROUP

CHECKOUT = Path("corpora", "ipc_gauntlet_corpora", "regressions")
"""Where this project keeps its regression cases, from the root of a checkout."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """A regression case of an installed package.

    Attributes:
        name: Of the case.
        source: The package.
        case: The case.
    """

    name: str
    source: str
    case: Case


def packaged() -> Iterator[Packaged]:
    """All regression cases that installed corpora have.

    Such a package announces itself by the entry point group of requirement catalogues, and has a function
    `regressions()` whose results have the members of `Case` and a `name`.

    Raises:
        HarnessError: A package cannot be read.
    """
    for entry in entry_points(group=GROUP):
        try:
            found: tuple[object, ...] = getattr(entry.load(), "regressions", tuple)()
            for one in found:
                case = msgspec.convert(one, Case, from_attributes=True)
                yield Packaged(str(getattr(one, "name", case.signature)), entry.value, case)
        except (
            ImportError,
            AttributeError,
            OSError,
            ValueError,
            TypeError,
            msgspec.ValidationError,
        ) as error:
            raise HarnessError(f"cannot read the regression cases of {entry.value}: {error}") from error


def home(store: Store, here: Path | None = None) -> Path:
    """Where a new regression case goes: into the corpora of a checkout of this project, else into the store.

    Args:
        store: The store.
        here: The current folder, by default that of the process.
    """
    base = here if here is not None else Path.cwd()
    return base / CHECKOUT if (base / CHECKOUT.parent / "__init__.py").is_file() else store.regressions
