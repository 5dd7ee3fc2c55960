"""One process that works for a campaign, and what its end means."""

from __future__ import annotations

import base64
import contextlib
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign.harvest import result_of
from ipc_gauntlet.fuzz.campaign.process import SliceProcess
from ipc_gauntlet.fuzz.campaign.unsettled import Death
from ipc_gauntlet.fuzz.child.deaths import death, status_word, tail
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.signature import sign
from ipc_gauntlet.fuzz.spec import Exit, Progress, Spec, read_progress
from ipc_gauntlet.fuzz.watch import STACK, frames_in_dump
from ipc_gauntlet.fuzz.work import HEAD_BYTES, digest, is_busy, read_current, write_whole

_ENDED_BY_OTHERS = (1, 15, 0xC000013A)  # TerminateProcess as tools and Python call it, Ctrl-C
_EACH = 5.0
_LOOK_EVERY = 0.25
_NOTHING = (0, b"")
_DUMP = 1 << 16
_HOW: dict[int, str] = {Exit.DONE: "it left no result", Exit.USAGE: "", Exit.TROUBLE: ""}

Doing = Literal["fuzz", "plants", "canary", "confirm"]
Ending = Literal["done", "hang", "memory", "refused", "trouble", "died", "mute"]
"""`refused`: the orders cannot be followed; `mute`: it ended well, it says, and left no result that could be one."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a process may take, in seconds.

    Attributes:
        start: Until it shows a first sign of work, or between two while nothing is executed.
        silent: For one execution; a slice's own watch is quicker, if it can work.
        over: Beyond the time that it was told to fuzz for.
        once: For one input alone, start-up included.
        stop: After it was asked to stop.
    """

    start: float = 180.0
    silent: float = 30.0
    over: float = 60.0
    once: float = 60.0
    stop: float = 10.0


@dataclass(kw_only=True, eq=False)
class Job:
    """A process and its orders.

    Attributes:
        name: Of the slice, unique within the campaign.
        doing: What it does.
        spec: Its orders.
        process: It.
        batch: Targets whose plants it finds out.
        groups: Plants that are still to be tried after this one.
        since: When the first of them was begun, as `time.monotonic` has it.
        hasty: Whether one of those tried before had too little of the processor.
        death: How the slice ended that this one confirms.
        given: Seconds that its target was charged for it.
        killed: Why we ended it, empty if we did not.
        stop_at: At which age it is killed, after it was asked to stop; None if it was not.
        progress: The last numbers that it wrote.
    """

    name: str
    doing: Doing
    spec: Spec
    process: SliceProcess
    batch: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    since: float = 0.0
    hasty: bool = False
    death: Death | None = None
    given: float = 0.0
    killed: str = ""
    stop_at: float | None = None
    progress: Progress = field(default_factory=Progress)
    _sign: tuple[tuple[int, bytes], float] = (_NOTHING, 0.0)
    _looked: float = -1.0

    @property
    def folder(self) -> Path:
        """The slice's folder."""
        return Path(self.spec.folder)

    def look(self) -> None:
        """Look for signs of work: new numbers, or another execution than the one before. Cheap, and not done too often."""
        if self.doing in ("plants", "confirm"):
            return  # what is in the folder is not theirs
        age = self.process.age()
        if age - self._looked < _LOOK_EVERY:
            return
        self._looked = age
        stamp = self._stamp()
        if stamp == self._sign[0]:
            return
        if stamp[0] != self._sign[0][0] and (progress := read_progress(self.folder)) is not None:
            self.progress = progress
        self._sign = (stamp, age)

    def _stamp(self) -> tuple[int, bytes]:
        """What changes while it works: when it wrote numbers, and the head of the file with its current input."""
        written, head = 0, b""
        with contextlib.suppress(OSError):
            written = (self.folder / "progress.json").stat().st_mtime_ns
        with contextlib.suppress(OSError), (self.folder / "current").open("rb") as file:
            head = file.read(HEAD_BYTES)
        return written, head if is_busy(head) else b""

    def overdue(self, patience: Patience) -> str:
        """Why it has had its time, empty if it has not."""
        age = self.process.age()
        if self.stop_at is not None and age > self.stop_at:
            return "it did not stop when asked"
        if self.doing in ("plants", "confirm"):
            return f"no end after {age:.0f} s" if age > patience.once + _EACH * len(self.batch) else ""
        stamp, at = self._sign
        if stamp == _NOTHING:
            return f"no sign of work after {age:.0f} s" if age > patience.start else ""
        # Between executions it may be busy with the corpus, or with measuring at its end.
        if age - at > (patience.silent if stamp[1] else patience.start):
            return f"no sign of work for {age - at:.0f} s"
        if self.spec.seconds and age > patience.start + self.spec.seconds + patience.over:
            return f"no end after {age:.0f} s, asked for {self.spec.seconds:.0f} s"
        return ""

    def too_large(self) -> bool:
        """Whether it uses far more memory than its own watch allows: that watch does not work."""
        limit = self.spec.memory_mb
        return bool(limit) and self.process.memory_mb() > 2 * limit + 512

    def ask_to_stop(self, patience: Patience) -> None:
        """Ask for a graceful end. What does not fuzz is ended at once."""
        if self.stop_at is not None:
            return
        self.stop_at = self.process.age() + (patience.stop if self.doing == "fuzz" else 0.0)
        if self.doing == "fuzz":
            write_whole(self.folder / "stop", b"")

    def kill(self, why: str) -> None:
        """End it with everything that it started."""
        self.killed = self.killed or why
        self.process.end()


def ending(job: Job, status: int) -> Ending:
    """What the end of a slice means.

    Args:
        job: The slice.
        status: Its exit status.
    """
    if status == Exit.DONE:
        return "done" if result_of(job.folder, job.spec) is not None else "mute"
    known: dict[int, Ending] = {
        Exit.HANG: "hang",
        Exit.MEMORY: "memory",
        Exit.USAGE: "refused",
        Exit.TROUBLE: "trouble",
    }
    return known.get(status, "died")


def why(job: Job, status: int) -> str:
    """One line for a person: how a process ended, and the last thing that it said."""
    how = job.killed or _HOW.get(status, status_word(status))
    said = tail(job.process.said().encode(), 1).strip()[:250]
    return ": ".join(part for part in (how, said) if part)


def suspect(job: Job) -> bytes | None:
    """The input that a dead slice was executing."""
    current = read_current(job.folder / "current")
    return current[0] if current is not None else None


def from_outside(status: int) -> bool:
    """Whether such an end is nothing that code does to itself: somebody, or the system, ended it."""
    if sys.platform == "win32":
        return status in _ENDED_BY_OTHERS
    else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
        return status in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT)


def finding_of_death(spec: Spec, data: bytes, died: tuple[int, str], again: str) -> Finding:
    """The finding of an input over which a slice died.

    Args:
        spec: The slice's orders.
        data: The input.
        died: Exit status and standard error.
        again: What a second run of the input alone showed.
    """
    status, said = died
    found = death(spec.target, spec.measured, data, status, said)
    return msgspec.structs.replace(found, engine=spec.engine, seed=spec.seed, details={"again": again})


def finding_of_silence(spec: Spec, data: bytes, folder: Path) -> Finding:
    """The finding of an input that never came back, in code that kept even the watch of the slice from working.

    Args:
        spec: The slice's orders.
        data: The input.
        folder: The slice's; the watch may have left the stack there.
    """
    try:
        dump = (folder / STACK).read_text(encoding="utf-8", errors="replace")[-_DUMP:]
    except OSError:
        dump = ""
    frames = frames_in_dump(dump, spec.measured)
    where = f" in {frames[-1].function} ({frames[-1].file}:{frames[-1].line})" if frames else ""
    return Finding(
        target=spec.target,
        kind="hang",
        signature=sign("hang", "", frames, "" if frames else spec.target),
        message=f"no answer, and the process could not even end itself{where}",
        input_b64=base64.b64encode(data).decode(),
        frames=frames,
        engine=spec.engine,
        seed=spec.seed,
    )


def leave(folder: Path, finding: Finding) -> None:
    """Put a finding into a slice's folder, as the slice would have.

    Raises:
        GauntletError: It cannot be written.
    """
    group = folder / "findings" / finding.signature
    try:
        group.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {group}: {error.strerror}") from error
    write_whole(group / f"{digest(finding.data)}.json", finding.to_json())


def signatures(folder: Path, kind: str) -> tuple[str, ...]:
    """The signatures of one kind of finding that a slice had: their names begin with it.

    Those that were known before are only counted, and no file was written.
    """
    try:
        written = {path.name for path in (folder / "findings").iterdir()}
    except OSError:
        written = set()
    counted = read_progress(folder)
    found = written | set(counted.findings if counted else ())
    return tuple(sorted(name for name in found if name.startswith(f"{kind}-")))
