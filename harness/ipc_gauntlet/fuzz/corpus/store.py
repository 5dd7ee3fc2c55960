"""Where inputs lie on disk: one folder for each target, one file for each input, named by its SHA-256.

    STORE/corpus/<target>/<sha256>

Content addresses make adding idempotent and merging a union: two machines, or two processes at once, cannot get into
each other's way. A file that somebody put there by hand under another name is an input too, until the next `prune`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.work import digest, write_whole

DEFAULT = ".ipc-gauntlet/fuzz"
"""The store of the current folder."""

VARIABLE = "IPC_GAUNTLET_FUZZ_STORE"
"""Environment variable that moves it."""


def default_root() -> Path:
    """The store that is used when none is named."""
    return Path(os.environ.get(VARIABLE) or DEFAULT)


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that fuzzing keeps.

    Attributes:
        root: The folder; it is made when something is written.
    """

    root: Path

    @property
    def corpus(self) -> Path:
        """The folder of all corpora."""
        return self.root / "corpus"

    @property
    def campaigns(self) -> Path:
        """The folder of all campaigns."""
        return self.root / "campaigns"

    @property
    def paired(self) -> Path:
        """The folder with a file for each target whose corpus has inputs because of an implementation beside."""
        return self.root / "paired"

    @property
    def regressions(self) -> Path:
        """The folder of regression cases made here, not yet adopted by a checkout."""
        return self.root / "regressions"

    def folder(self, target: str) -> Path:
        """The folder of a target's inputs; it need not exist.

        Raises:
            UsageError: That is no target's name.
        """
        if not is_name(target):
            raise UsageError(f"{target!r} is not the name of a fuzz target")
        return self.corpus / target

    def add(self, target: str, data: bytes) -> bool:
        """Keep an input.

        Returns:
            Whether it is new.

        Raises:
            GauntletError: It cannot be written.
        """
        folder = self.folder(target)
        path = folder / digest(data)
        if path.exists():
            return False
        make_folder(folder)
        write_whole(path, data)
        return True

    def remove(self, target: str, name: str) -> None:
        """Forget an input by the name of its file; it is no error if there is none.

        Raises:
            GauntletError: It cannot be removed.
        """
        try:
            (self.folder(target) / name).unlink(missing_ok=True)
        except OSError as error:
            raise GauntletError(
                f"cannot remove {name} of {target}: {error.strerror}; the folder must be writable"
            ) from error

    def is_paired(self, target: str) -> bool:
        """Whether inputs of a target were kept for what an implementation made of them."""
        return (self.paired / self.folder(target).name).exists()

    def mark_paired(self, target: str) -> None:
        """Remember that inputs of a target are kept for what an implementation makes of them.

        Raises:
            GauntletError: It cannot be written.
        """
        if not self.is_paired(target):
            make_folder(self.paired)
            write_whole(self.paired / target, b"")

    def paths(self, target: str) -> list[Path]:
        """The files of a target's inputs, sorted by name; half-written and hidden ones are left out.

        Raises:
            GauntletError: The folder cannot be read.
        """
        folder = self.folder(target)
        try:
            found = [
                Path(entry.path)
                for entry in os.scandir(folder)
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
            ]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise GauntletError(f"cannot read {folder}: {error.strerror}") from error
        return sorted(found)

    def inputs(self, target: str) -> Iterator[bytes]:
        """A target's inputs in the order of their names, which is the same on every machine.

        Raises:
            GauntletError: One cannot be read.
        """
        for path in self.paths(target):
            try:
                yield path.read_bytes()
            except FileNotFoundError:
                continue  # pruned by another process in the meantime
            except OSError as error:
                raise GauntletError(f"cannot read {path}: {error.strerror}") from error

    def replace(
        self, target: str, kept: Iterable[bytes], known: Collection[str] | None = None
    ) -> tuple[int, int]:
        """Make these the inputs of a target: what is new is written first, what is not among them removed after.

        Whoever dies in between leaves too much, never too little.

        Args:
            target: Name of the target.
            kept: Its inputs from now on.
            known: Names of the files that were looked at: others, such as those that a campaign has added since, stay. None
                for all that are there.

        Returns:
            How many were added, and how many removed.

        Raises:
            GauntletError: Nothing would be left of a corpus that had something, or a file cannot be changed.
        """
        inputs = list(kept)
        names = {digest(data) for data in inputs}
        before = self.paths(target)
        if before and not names:
            raise GauntletError(f"refusing to empty the corpus of {target}: {len(before)} inputs would go")
        added = sum(self.add(target, data) for data in inputs)
        gone = [
            path.name for path in before if path.name not in names and (known is None or path.name in known)
        ]
        for name in gone:
            self.remove(target, name)
        return added, len(gone)

    def targets(self) -> list[str]:
        """Names of the targets that have a folder here, sorted."""
        if not self.corpus.is_dir():
            return []
        return sorted(path.name for path in self.corpus.iterdir() if path.is_dir() and is_name(path.name))


def is_name(text: str) -> bool:
    """Whether a text can be a target's name, and so the name of a folder on every system."""
    return (
        0 < len(text) <= 100
        and text == text.lower()
        and text[0] not in ".-"
        and text[-1] != "."
        and all((c.isalnum() and c.isascii()) or c in "._-+" for c in text)
        and text.partition(".")[0] not in _RESERVED
    )


_RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10)))
)


def make_folder(folder: Path) -> None:
    """Make a folder of a store, if it is not there.

    Args:
        folder: Which.

    Raises:
        GauntletError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(
            f"cannot make {folder}: {error.strerror}; choose another folder with --store"
        ) from error
