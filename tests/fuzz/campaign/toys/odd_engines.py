"""Engines for tests of campaigns: one that is steady and cheap, and some that lie, flood, hide and die.

What they report is made up, so that a test can say what must come of it.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.execute import made
from ipc_gauntlet.fuzz.plant import PlantedDefect
from ipc_gauntlet.fuzz.spec import Exit, Spec
from ipc_gauntlet.fuzz.work import Work

_PAUSE = 0.002


class Odd:
    """Does its work at a steady pace, and something odd besides."""

    name = "odd"

    def __init__(self, oddity: Callable[[Work], None] = lambda work: None, *, canary: bool = True) -> None:
        self._oddity = oddity
        self._canary = canary

    def missing(self) -> str:
        """Nothing is needed."""
        return ""

    def prepare(self, spec: Spec) -> None:
        """Nothing is instrumented."""

    def run(self, work: Work) -> None:
        """Keep an input now and then; their names tell seed and number, so that each is expected somewhere."""
        progress = work.progress
        progress.edges_total = 100
        if work.spec.plant and self._canary:
            work.found(made(work.target, "crash", b"canary", "planted", error="PlantedDefect"))
        if not work.spec.plant:
            self._oddity(work)
        while work.tick():
            progress.executions += 1
            data = hashlib.sha256(f"{work.spec.seed}:{progress.executions}".encode()).digest()
            work.current.set(data, progress.executions)
            reason = "accepted" if data[0] & 1 else "odd"
            progress.verdicts[reason] = progress.verdicts.get(reason, 0) + 1
            if progress.executions % 10 == 1:
                work.keep(data)
                progress.features += 1
                progress.edges = min(100, progress.edges + 1)
            time.sleep(_PAUSE)
        work.result.covered = [f"small_parser:{line}:b:0" for line in range(progress.edges)]
        work.result.functions = ["small_parser:parse", "small_parser:read"]


def _junk(work: Work) -> None:
    (work.folder / "result.json").write_bytes(b'{"spec": 7, "progress": "lots"}')
    os._exit(0)


def _mute(work: Work) -> None:
    os._exit(0)


def _flood(work: Work) -> None:
    for _ in range(200):
        sys.stderr.write("x" * 65536 + "\n")


def _hide(work: Work) -> None:
    """Leave a process behind that holds our pipes and has left our group; it tells its id."""
    code = f"import os, time; open({str(work.folder.parent / 'hidden')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    while not (work.folder.parent / "hidden").exists():
        time.sleep(0.01)


def _abort(work: Work) -> None:
    work.current.set(b"deadly", 1)
    os.abort()


def _last(work: Work) -> None:
    """Runs well until it is asked to stop, and dies of the input that it executes then."""
    while not (work.folder / "stop").exists():
        work.progress.executions += 1
        work.tick()
        time.sleep(_PAUSE)
    work.current.set(b"deadly", 1)
    os.abort()


def _silent(work: Work) -> None:
    work.current.set(b"sleepy", 1)
    time.sleep(600)


def _stall(work: Work) -> None:
    """A machine that stands still for a moment: what is executed takes long, and would not again."""
    work.current.set(b"calm", 1)
    work.found(made(work.target, "hang", b"calm", "no answer after 0.5 s"))
    work.current.set(b"calm", 1)
    os._exit(Exit.HANG)


def _refuse(work: Work) -> None:
    raise UsageError("this engine does not do that")


def _trouble(work: Work) -> None:
    raise GauntletError("this engine is unwell")


def _find(work: Work) -> None:
    work.found(
        made(work.target, "crash", b"boom" + bytes([work.spec.seed & 0xFF]), "found one", error="Boom")
    )


class Unmeasured(Odd):
    """Executes, and sees no edge."""

    def run(self, work: Work) -> None:
        """As its base, without edges."""
        while work.tick():
            work.progress.executions += 100
            work.progress.verdicts["accepted"] = work.progress.executions
            time.sleep(_PAUSE)


class Slow(Odd):
    """Starts, and has had its time before the first execution."""

    def run(self, work: Work) -> None:
        """As its base, without executions."""
        work.progress.edges_total = 100
        while work.tick():
            time.sleep(_PAUSE)


class Preparing(Odd):
    """Its target runs into the first defect when it is prepared, before any input is executed."""

    def run(self, work: Work) -> None:
        """As its base, if that defect is not planted."""
        planted = work.spec.plant.split("+")
        if len(planted) > 1:
            raise PlantedDefect(planted[0])
        super().run(work)


STEADY, PREPARING, SLOW = Odd(), Preparing(), Slow()
BLIND = Odd(canary=False)
UNMEASURED = Unmeasured()
JUNK, MUTE, FLOOD, HIDE = Odd(_junk), Odd(_mute), Odd(_flood), Odd(_hide)
ABORT, SILENT, REFUSE, TROUBLE, FIND = Odd(_abort), Odd(_silent), Odd(_refuse), Odd(_trouble), Odd(_find)
STALL = Odd(_stall)
LAST = Odd(_last)
