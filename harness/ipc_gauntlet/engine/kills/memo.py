"""Results kept from hunt to hunt, by content: nothing is run again while nothing that it depends on has changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ipc_gauntlet.engine.isolation import package_folders
from ipc_gauntlet.engine.kills.judge import Attempt
from ipc_gauntlet.report.files import write_atomically
from ipc_gauntlet.verdict import Verdict

_LASTING = (Verdict.pass_, Verdict.fail, Verdict.not_applicable)
"""Verdicts worth keeping; the others may be due to the machine."""

_FORGOTTEN_AFTER = 2000
_NOT_CASES = ("cli",)
"""Parts of the harness that have no influence on results."""


class Kept(msgspec.Struct, frozen=True):
    """What is known about a mutant.

    Args:
        attempts: Results.
        live: Whether changed code was run.
    """

    attempts: tuple[Attempt, ...] = ()
    live: bool = False


class Memo:
    """Keeps results in a folder.

    Args:
        folder: Where; None to keep nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> Kept:
        """What was kept under a key; nothing if it cannot be read."""
        if self._folder is None or not key:
            return Kept()
        try:
            return msgspec.json.decode((self._folder / f"{key}.json").read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            return Kept()

    def put(self, key: str, attempts: Sequence[Attempt], *, live: bool) -> None:
        """Keep what will still be true next time. That it cannot be written costs time only."""
        if self._folder is None or not key:
            return
        kept = Kept(tuple(one for one in attempts if one.verdict in _LASTING), live)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{key}.json", msgspec.json.encode(kept))

    def tidy(self) -> None:
        """Forget the oldest entries."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            entries = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in entries[_FORGOTTEN_AFTER:]:
                path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where results are kept on this system."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "Cache"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "ipc-gauntlet" / "kills"


class Keys:
    """Makes keys from everything that a result depends on.

    Args:
        packages: Packages that hold suites.
        suites: Names of all suites: a folder of such a name matters for its own results only, any other for all.
        more: Anything else, the same for all mutants of a hunt.
    """

    def __init__(self, packages: Sequence[str], suites: Iterable[str], more: Iterable[object]) -> None:
        self._folders = package_folders(packages)
        shared = [
            path
            for folder in self._folders
            for path in sorted(folder.iterdir())
            if path.name not in set(suites)
        ]
        harness = [
            path for path in sorted(Path(__file__).parents[2].iterdir()) if path.name not in _NOT_CASES
        ]
        files = [file for path in (*harness, *shared) for file in _files(path)]
        self._common = [sys.version, *map(repr, more), _digest(files)]
        self._suites: dict[str, str] = {}

    def key(self, fingerprint: str, suite: str, *more: object) -> str:
        """The key for one implementation and one suite; empty when there is no fingerprint to go by."""
        if not fingerprint:
            return ""
        if suite not in self._suites:
            self._suites[suite] = _digest(file for folder in self._folders for file in _files(folder / suite))
        text = "\0".join([*self._common, self._suites[suite], suite, fingerprint, *map(repr, more)])
        return hashlib.sha256(text.encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return [file for file in found if file.is_file() and "__pycache__" not in file.parts]


def _digest(files: Iterable[Path]) -> str:
    """Hash of contents; a file's folder counts too, so that moving one is noticed."""
    digest = hashlib.sha256()
    for file in files:
        digest.update("/".join(file.parts[-2:]).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
