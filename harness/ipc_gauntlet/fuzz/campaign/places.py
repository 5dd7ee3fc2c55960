"""Which campaigns there are, and which one is meant."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign import status
from ipc_gauntlet.fuzz.campaign.lock import is_held
from ipc_gauntlet.fuzz.campaign.state import PLAN
from ipc_gauntlet.fuzz.corpus.store import Store


def all_campaigns(store: Store) -> list[Path]:
    """Folders of campaigns, the one that was active last first."""
    try:
        folders = [path for path in store.campaigns.iterdir() if (path / PLAN).is_file()]
    except OSError:
        return []
    return sorted(folders, key=lambda path: (-_touched(path), path.name))


def _touched(folder: Path) -> float:
    for name in (status.FILE, PLAN):
        try:
            return (folder / name).stat().st_mtime
        except OSError:
            continue
    return 0.0


def campaign(store: Store, name: str | None) -> Path:
    """The folder of a campaign.

    Args:
        store: Where it is.
        name: Its name, or None for the one that was active last.

    Raises:
        UsageError: There is none.
    """
    known = all_campaigns(store)
    if name is None:
        if not known:
            raise UsageError(
                f"there is no fuzz campaign in {store.root}; start one with: ipc-gauntlet fuzz run"
            )
        return known[0]
    for folder in known:
        if folder.name == name:
            return folder
    names = ", ".join(folder.name for folder in known) or "none"
    raise UsageError(f"there is no fuzz campaign {name!r} in {store.root}; there are: {names}")


def standing(folder: Path) -> status.Status:
    """Where a campaign stands: its status file, put right where its supervisor died without a word.

    Raises:
        UsageError: It has not begun.
        GauntletError: The file cannot be read.
    """
    found = status.read(folder)
    if found.phase != "running" or is_held(folder):
        return found
    return msgspec.structs.replace(
        found,
        phase="killed",
        running=(),
        message=f"its process {found.pid} ended without a word {_ago(found.updated)} ago",
    )


def _ago(then: float) -> str:
    seconds = max(0, int(time.time() - then))
    return (
        f"{seconds} s"
        if seconds < 120
        else f"{seconds // 60} min"
        if seconds < 7200
        else f"{seconds // 3600} h"
    )


def standing_or_none(folder: Path) -> status.Status | None:
    """Where a campaign stands, None if its file says nothing of use."""
    try:
        return standing(folder)
    except GauntletError:
        return None
