"""The engine `atheris`: libFuzzer mutates and remembers, for Linux on x86_64.

What is not obvious:

- `atheris.Fuzz()` never returns, and libFuzzer ends its process at the first exception. So whatever the target raises
  is caught within the callback and written down there, and the slice ends from within the callback too: results first,
  then `os._exit`.
- libFuzzer writes what it keeps into its output folder; from there inputs go to the slice's. `-merge`, `-fork` and `-jobs`
  are not used: they start `argv[0]` again, which is not a program here, and end well with an empty corpus.
- libFuzzer's counters cannot be read from Python. At the end the inputs run once more under the portable coverage, in
  a process of their own (`replaying`), so that all engines count the same edges.
"""

from __future__ import annotations

import base64
import importlib
import os
import platform
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.engines.atheris_imports import Instrumented
from ipc_gauntlet.fuzz.engines.atheris_loop import Reports, Running, make
from ipc_gauntlet.fuzz.engines.causes import Causes
from ipc_gauntlet.fuzz.engines.replaying import replay
from ipc_gauntlet.fuzz.engines.schema_maker import SchemaMaker
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.spec import Exit, Spec
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.watch import Watch
from ipc_gauntlet.fuzz.work import Work, digest

_LOOK_EVERY = 0.1
_GATHER_EVERY = 1.0
_REPLAY_SECONDS = 120.0
_INTERRUPTED = 130
# How often a mutation goes by the wire schema, and how often an input is made from nothing; else libFuzzer mutates.
_BY_SCHEMA, _ANEW = 0.6, 0.05


class AtherisEngine:
    """See the module."""

    name = "atheris"

    def __init__(self) -> None:
        self._hook: Instrumented | None = None

    def missing(self) -> str:
        """Why it cannot run here, and what to install; empty if it can."""
        if platform.system() != "Linux" or platform.machine() != "x86_64":
            return "atheris exists for Linux on x86_64 only; use the engine portable"
        try:
            _library()
        except ImportError as error:
            return f"atheris cannot be imported ({error}); pip install 'ipc-gauntlet[fuzz]'"
        return ""

    def prepare(self, spec: Spec) -> None:
        """Arrange that the measured modules get libFuzzer's counters, and the planted defect.

        Raises:
            GauntletError: A measured module was imported already, or the defect cannot be planted.
        """
        patch = _library().patch_code
        transforms = (transform(spec.plant),) if spec.plant else ()
        self._hook = Instrumented(spec.measured, lambda code: patch(code, True), transforms)
        self._hook.install()

    def run(self, work: Work) -> NoReturn:
        """Fuzz, write the result, and end the process.

        Raises:
            GauntletError: Nothing was instrumented, or the disk is full.
        """
        if self._hook is None or not self._hook.modules:
            raise GauntletError(
                f"nothing of {', '.join(work.spec.measured)} was instrumented: the module of targets does not import it"
            )
        _Slice(work, _library()).run()


class _Slice:
    """One slice: what surrounds the loop."""

    def __init__(self, work: Work, library: Any) -> None:  # noqa: ANN401 - atheris has no types
        self._work = work
        self._library = library
        self._causes = Causes(work)
        reports = Reports(self._look, self._found, self._interrupted)
        self._loop = make(work, self._causes, reports)
        self._folder = work.folder / "libfuzzer"
        self._kept = self._folder / "kept"
        self._known: set[str] = set()
        self._taken: set[str] = set()
        self._gathered = 0.0
        self._begun = False
        self._stopping = False
        work.current.close()
        longest = max(work.spec.longest, work.target.longest)
        work.current = Running(work.folder / "current", longest, self._loop)
        self._watch = Watch(work)

    def run(self) -> NoReturn:
        """Start libFuzzer. It calls `loop` until that ends the process."""
        seeds = self._write_seeds()
        arguments = ["ipc-gauntlet", *self._options(), str(self._kept), str(seeds)]
        target = self._work.target
        structured = target.structure is not None and self._work.spec.structured
        mutator = _mutator(self._library, target, self._work.spec.longest, self._fail) if structured else None
        self._library.Setup(arguments, self._loop.one, custom_mutator=mutator)
        # An exception that Python raises between two executions would be a crash to libFuzzer.
        signal.signal(signal.SIGINT, self._stop)
        threading.Thread(target=self._ring, name="atheris-alarm", daemon=True).start()
        with self._watch:
            self._library.Fuzz()
        raise GauntletError("libFuzzer came back, which it never does; is this another atheris?")

    def _write_seeds(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        seeds = self._folder / "seeds"
        try:
            self._kept.mkdir(parents=True)
            seeds.mkdir()
            for number, data in enumerate(self._work.corpus()):
                (seeds / f"{number:06}").write_bytes(data)
                self._known.add(digest(data))
        except OSError as error:
            raise GauntletError(f"cannot write {self._folder}: {error.strerror or error}") from error
        return seeds

    def _options(self) -> list[str]:
        spec = self._work.spec
        options = [
            f"-seed={spec.seed % 0xFFFFFFFF + 1}",  # 0 would be a random one
            f"-max_len={spec.longest}",
            f"-artifact_prefix={self._folder}{os.sep}",
            # The slice's own watch is quicker and says where. Never 0: atheris makes an alarm after one second of it.
            "-timeout=1000000",
            "-rss_limit_mb=0",
            "-verbosity=0",
            "-handle_int=0",
            "-handle_term=0",
        ]
        if self._work.target.structure is not None and spec.structured:
            # A structure that is cut is none: no short inputs first.
            options.append("-len_control=0")
        if tokens := _tokens(self._work):
            path = self._folder / "tokens.dict"
            path.write_text("".join(f'"{_escaped(token)}"\n' for token in tokens), encoding="ascii")
            options.append(f"-dict={path}")
        return options

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self._stopping = True
        self._loop.ring()

    def _ring(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            self._loop.ring()

    def _look(self, executions: int) -> None:
        """Called from the loop now and then; does not return when the slice is over."""
        work = self._work
        work.current.idle()
        if not self._begun:
            self._begun = True
            work.start()
        if self._stopping:
            self._interrupted(executions)
        work.progress.executions = executions
        work.progress.memory_mb = self._watch.memory_mb
        while (data := self._watch.suspect()) is not None:
            slow = self._watch.confirm(data, lambda data: execute(work.target, data))
            if slow is not None:
                self._found(slow.signature, slow)
        now = time.monotonic()
        if now - self._gathered >= _GATHER_EVERY:
            self._gathered = now
            self._gather()
        try:
            if not work.tick():
                self._end(Exit.DONE)
        except GauntletError as error:
            self._fail(error)

    def _found(self, cause: object, finding: Finding) -> None:
        self._work.progress.executions = self._loop.count()
        try:
            if self._causes.write(cause, finding):
                self._loop.ring()
        except GauntletError as error:
            self._fail(error)

    def _interrupted(self, executions: int) -> NoReturn:
        work = self._work
        work.progress.executions = executions
        work.result.ended = "stopped"
        work.result.notes.append("interrupted from the keyboard; what it took was not measured")
        try:
            work.finish()
        except GauntletError as error:
            self._fail(error)
        _leave(work, _INTERRUPTED)

    def _gather(self) -> None:
        """Take what libFuzzer has written; the file of the last execution may be on its way, and comes next time."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._kept))
            for name in names:
                if name in self._taken:
                    continue
                self._taken.add(name)
                data = (self._kept / name).read_bytes()
                if digest(data) not in self._known:
                    self._work.keep(data)
        except FileNotFoundError:
            return
        except GauntletError as error:
            self._fail(error)
        self._work.progress.corpus = len(self._known) + self._work.progress.kept

    def _end(self, status: int) -> NoReturn:
        work = self._work
        self._watch.__exit__(None, None, None)
        self._gather()
        work.stop()
        try:
            measured = replay(work.spec, [str(work.folder / "inputs")], self._folder, _REPLAY_SECONDS)
            work.progress.edges, work.progress.edges_total = measured.edges, measured.total
            work.progress.features = measured.features
            work.result.covered, work.result.functions = measured.covered, measured.functions
        except GauntletError as error:
            work.result.notes.append(f"edges are unknown: {error}")
        try:
            work.finish()
        except GauntletError as error:
            self._fail(error)
        shutil.rmtree(self._folder, ignore_errors=True)
        _leave(work, status)

    def _fail(self, error: GauntletError) -> NoReturn:
        sys.stderr.write(f"{error}\n")
        _leave(self._work, Exit.TROUBLE)


def _mutator(
    library: Any,  # noqa: ANN401 - atheris has no types
    target: Target,
    longest: int,
    fail: Callable[[GauntletError], NoReturn],
) -> Callable[[bytes, int, int], bytes]:
    """Mutations of libFuzzer beside those of the wire schema."""
    rng = Random()  # noqa: S311 - reproducible on purpose

    assert target.structure is not None  # noqa: S101 - for the type checker: asked by those who have seen it
    schema = SchemaMaker(target, target.structure, rng, longest)

    def choose(data: bytes, most: int, seed: int) -> bytes:
        rng.seed(seed)
        chance = rng.random()
        try:
            if chance < _BY_SCHEMA:
                return schema.mutate(bytes(data))[:most]
            if chance < _BY_SCHEMA + _ANEW:
                return schema.generate()[:most]
        except GauntletError as error:
            fail(error)  # libFuzzer would call it a crash of the parser
        # Looked up each time: `Fuzz` puts another function in its place.
        mutated: bytes = library.Mutate(data, most)
        return mutated

    return choose


def _leave(work: Work, status: int) -> NoReturn:
    """End the process here and now: above are only libFuzzer's frames, which would call it a crash."""
    work.current.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _tokens(work: Work) -> list[bytes]:
    given = [base64.b64decode(token) for token in work.spec.dictionary]
    return [token for token in dict.fromkeys([*work.target.tokens, *given]) if token]


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02X}" for byte in token)


def _library() -> Any:  # noqa: ANN401 - atheris has no types
    return importlib.import_module("atheris")


ENGINE = AtherisEngine()
"""The engine."""
