"""The inputs that the engine driver works with. One whose children break the implementation's process is worth little.

Each of these costs two restarts.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc_gauntlet.fuzz.engines.weighted import Candidate, Weighted

_BREAKS_COST = 1 << 16


@dataclass(slots=True)
class Entry(Candidate):
    """One input."""

    def broke(self) -> None:
        """Something made from it has broken the implementation's process."""
        self.picked += _BREAKS_COST


Pool = Weighted[Entry]
"""Inputs with weights."""
