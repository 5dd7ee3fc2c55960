"""A slice's work as its engine sees it: where inputs come from, where results go, when it is over.

The engine calls `begin` before every execution (or `note` for a batch), `keep` for an input worth keeping, `found` for a
finding, and `tick` often: it writes progress about once a second and answers whether to go on. Everything is on disk
when the call returns, so that a process killed at any moment loses at most what it was about to write.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.spec import Progress, Result, Spec
from ipc_gauntlet.fuzz.target import Target

_EACH_SIGNATURE = 8
_EVERY = 1.0
_READERS = 3.0
_SOON = 0.005
_HEAD = struct.Struct("<IQ")
HEAD_BYTES = _HEAD_SIZE = _HEAD.size
"""At the beginning of a file `current`: they change with each execution."""
ARTIFACTS = "libfuzzer/crash-*"
"""Where libFuzzer writes the input during which it was ended, below a slice's folder."""
_pack = _HEAD.pack


def digest(data: bytes) -> str:
    """The name of an input: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it.

    Raises:
        GauntletError: The disk is full, the folder is read-only, and the like.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        _put_in_place(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise GauntletError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error


def _put_in_place(temporary: Path, path: Path) -> None:
    """Replace a file. On Windows that is refused while somebody reads the old one, which is soon over."""
    patience = time.monotonic() + _READERS
    while True:
        try:
            temporary.replace(path)
        except PermissionError:
            if os.name != "nt" or time.monotonic() > patience:
                raise
            time.sleep(_SOON)
        else:
            return


class Current:
    """The input being executed, in memory that outlives the process as a file.

    Attributes:
        execution: Number of the execution that goes on, 0 while there is none.
        data: Its input.
    """

    __slots__ = ("_file", "_longest", "_map", "data", "execution")

    def __init__(self, path: Path, longest: int) -> None:
        size = _HEAD.size + longest
        with path.open("wb") as file:
            file.truncate(size)
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), size)
        self._longest = longest
        self.execution = 0
        self.data = b""

    def set(self, data: bytes, execution: int) -> None:
        """Remember an input: its execution begins."""
        self.data = data
        self.execution = execution
        length = len(data)
        if length > self._longest:
            data = data[: self._longest]
            length = self._longest
        self._map[: _HEAD_SIZE + length] = _pack(length, execution) + data

    def idle(self) -> None:
        """No execution goes on: what takes long now is not the target's fault."""
        self.execution = 0

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        self._file.close()


def is_busy(head: bytes) -> bool:
    """Whether the head of a file `current` says that something is being executed."""
    return len(head) >= HEAD_BYTES and _HEAD.unpack_from(head)[1] != 0


def read_current(path: Path) -> tuple[bytes, int] | None:
    """The input that a dead process was executing, and the number of the execution; None if there was none.

    Args:
        path: `current` in the slice's folder. If it says nothing, what libFuzzer wrote beside it when it was ended by a
            signal; of that the number is not known, and 1 is answered.
    """
    try:
        text = path.read_bytes()
        if len(text) >= _HEAD.size:
            length, execution = _HEAD.unpack_from(text)
            if execution:
                return text[_HEAD.size : _HEAD.size + length], execution
        return next(((file.read_bytes(), 1) for file in path.parent.glob(ARTIFACTS)), None)
    except OSError:
        return None


def read_inputs(folder: Path) -> Iterator[bytes]:
    """The inputs in a folder in the order of their names; those that are pruned meanwhile, or half written, are left out.

    Raises:
        GauntletError: One cannot be read.
    """
    for path in sorted(folder.glob("*")):
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise GauntletError(f"cannot read {path}: {error.strerror}") from error
        yield data


class Work:
    """What an engine works with.

    Attributes:
        target: What to fuzz.
        spec: The orders.
        progress: Numbers that the engine keeps up to date.
        result: What goes into `result.json`.
    """

    def __init__(self, spec: Spec, target: Target) -> None:
        self.spec = spec
        self.target = target
        self.progress = Progress()
        self.result = Result(spec=spec, progress=self.progress)
        self.folder = Path(spec.folder)
        (self.folder / "inputs").mkdir(parents=True, exist_ok=True)
        (self.folder / "findings").mkdir(exist_ok=True)
        self.current = Current(self.folder / "current", max(spec.longest, target.longest) + 64)
        self._known = set(spec.known)
        self._begun = time.monotonic()
        self._cpu = time.process_time()
        self._told = self._begun
        self._stopped: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.current.close()

    def start(self) -> None:
        """The clock starts here: after imports and the replay of the corpus, if the engine wants that not to count."""
        self._begun = time.monotonic()
        self._cpu = time.process_time()

    def stop(self) -> None:
        """The clock stops here: what an engine does afterwards, such as measuring what it kept, is no fuzzing."""
        self._stopped = (time.monotonic() - self._begun, time.process_time() - self._cpu)

    def corpus(self) -> list[bytes]:
        """The inputs to start from: folders of the orders, then the target's seeds; no duplicates, none too long.

        Raises:
            GauntletError: One cannot be read.
        """
        found: dict[bytes, None] = {}
        for folder in self.spec.corpus:
            for data in read_inputs(Path(folder)):
                found[data[: self.spec.longest]] = None
        for seed in self.target.seeds():
            found[bytes(seed)[: self.spec.longest]] = None
        return list(found)

    def keep(self, data: bytes) -> None:
        """Keep an input for the corpus."""
        self.current.idle()
        path = self.folder / "inputs" / digest(data)
        if not path.exists():
            write_whole(path, data)
            self.progress.kept += 1
        self.progress.last_new = time.monotonic() - self._begun

    def found(self, finding: Finding) -> bool:
        """Write a finding down; of each signature a few, the shorter the better.

        Returns:
            Whether its signature is new to this slice and to the campaign.
        """
        self.current.idle()
        count = self.progress.findings.get(finding.signature, 0)
        self.progress.findings[finding.signature] = count + 1
        if finding.signature in self._known:
            return False
        folder = self.folder / "findings" / finding.signature
        folder.mkdir(exist_ok=True)
        if count < _EACH_SIGNATURE:
            filled = msgspec.structs.replace(
                finding, engine=self.spec.engine, seed=self.spec.seed, execution=self.progress.executions
            )
            write_whole(folder / f"{digest(finding.data)}.json", filled.to_json())
        return count == 0

    def tick(self) -> bool:
        """Write progress if it is time; answer whether to go on."""
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            self.tell()
        if self.spec.seconds and now - self._begun >= self.spec.seconds:
            self.result.ended = "time"
            return False
        if self.spec.executions and self.progress.executions >= self.spec.executions:
            self.result.ended = "executions"
            return False
        if self.spec.stop_at_first and any(name not in self._known for name in self.progress.findings):
            self.result.ended = "finding"
            return False
        if (self.folder / "stop").exists():
            self.result.ended = "stopped"
            return False
        return True

    def tell(self) -> None:
        """Write progress now."""
        self.current.idle()
        now = (time.monotonic() - self._begun, time.process_time() - self._cpu)
        self.progress.seconds, self.progress.cpu_seconds = self._stopped or now
        write_whole(self.folder / "progress.json", msgspec.json.encode(self.progress))

    def finish(self) -> None:
        """Write the result: the slice did all it was told."""
        self.tell()
        write_whole(self.folder / "result.json", msgspec.json.encode(self.result))
