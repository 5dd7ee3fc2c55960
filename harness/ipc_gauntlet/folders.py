"""The name of a run's private folder: who makes it is not who finds it again from within."""

from __future__ import annotations

from pathlib import Path

RUN_PREFIX = "ipcg-"
"""How the names of private folders of runs begin; short, because Unix sockets lie below them."""


def run_folder(within: Path) -> Path:
    """The private folder of a run.

    Args:
        within: A folder of the run's.

    Returns:
        The outermost folder of that name at or above it; the folder itself if there is none.
    """
    above = [path for path in (within, *within.parents) if path.name.startswith(RUN_PREFIX)]
    return above[-1] if above else within
