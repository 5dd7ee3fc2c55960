"""How many processes run the cases.

Computing keeps a core busy, measuring time mostly waits: so there is a worker for each core, and one more for each
clock that is allowed to tick beside them. A worker costs about half a second of CPU time before its first case.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.processes import usable_cores

MOST_WORKERS = 16
CASES_PER_WORKER = 16
"""Starting a worker costs about as much time as this many cases."""

TIMED_PER_WORKER = 2
"""The same for cases that measure time, most of which take a second."""


def crew_size(asked: int | None, cases: Sequence[FoundCase], clocks: int, cores: int | None = None) -> int:
    """How many workers to start; 0 means that this process does it alone.

    Args:
        asked: What the user wants; None to choose.
        cases: What is to be run.
        clocks: How many processes may measure time at once.
        cores: How many cores there are; looked up when None.
    """
    if asked is not None:
        return min(asked, len(cases))
    timed = sum(case.spec.timing for case in cases)
    computing = min(cores or usable_cores(), MOST_WORKERS, -(-(len(cases) - timed) // CASES_PER_WORKER))
    waiting = min(clocks, -(-timed // TIMED_PER_WORKER))
    count = computing + waiting
    return count if count > 1 else 0
