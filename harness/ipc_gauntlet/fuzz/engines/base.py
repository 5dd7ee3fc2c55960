"""What every engine is, and how one is found."""

from __future__ import annotations

import importlib
from typing import Protocol

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.spec import Spec
from ipc_gauntlet.fuzz.work import Work


class Engine(Protocol):
    """Chooses inputs, runs them, and tells its work what came of it."""

    name: str
    """How it is called on the command line."""

    def missing(self) -> str:
        """Why it cannot run here, and what to install; empty if it can."""

    def prepare(self, spec: Spec) -> None:
        """Arrange that `spec.measured` is instrumented, and `spec.plant` planted, when it is imported.

        Called before the target's module is imported.

        Raises:
            GauntletError: A measured module was imported already, or the defect cannot be planted.
        """

    def run(self, work: Work) -> None:
        """Fuzz until `work.tick()` answers False.

        Raises:
            GauntletError: It cannot do its work; the message says what to do.
        """


# The module is imported when the engine is used: each may need a library of its own.
_ENGINES = {
    "portable": "ipc_gauntlet.fuzz.engines.portable",
    "atheris": "ipc_gauntlet.fuzz.engines.atheris",
    "hypothesis": "ipc_gauntlet.fuzz.engines.hypothesis",
    "driver": "ipc_gauntlet.fuzz.engines.driver",
}
NAMES = tuple(_ENGINES)
"""All engines."""


def engine(name: str) -> Engine:
    """Make an engine.

    Args:
        name: One of `NAMES`, or `module:attribute` for one of your own: an object with the parts of `Engine`.

    Raises:
        UsageError: There is none of that name, or it cannot run here.
    """
    module, _, attribute = name.partition(":") if ":" in name else (_ENGINES.get(name, ""), "", "ENGINE")
    if not module or not attribute:
        raise UsageError(
            f"there is no fuzz engine {name!r}; there are {', '.join(NAMES)}, or MODULE:ATTRIBUTE"
        )
    try:
        made: Engine = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot load the fuzz engine {name}: {error}") from error
    if lacking := [part for part in ("name", "missing", "prepare", "run") if not hasattr(made, part)]:
        raise UsageError(f"{name} is no fuzz engine: it has no {', '.join(lacking)}")
    if why := made.missing():
        raise UsageError(f"the fuzz engine {name} cannot run here: {why}")
    return made
