"""What a slice is told and what it tells: the files between a campaign and the process that fuzzes.

A slice is one process, one target, one engine, for some seconds. It reads `spec.json` and writes below its folder:

    inputs/<sha256>        each input worth keeping, as soon as it is found
    findings/<signature>/<sha256>.json   each finding, a few inputs for each signature
    progress.json          replaced about once a second
    current                the input being executed (mapped into memory), for whoever finds the process dead
    result.json            at the end; a slice without one was cut short

Exit status: see `Exit`.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError


class Exit(IntEnum):
    """How the process of a slice ends."""

    DONE = 0
    USAGE = 2
    TROUBLE = 3
    HANG = 70
    MEMORY = 71


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a slice is told.

    Attributes:
        target: Name of the target.
        module: Module or file that it comes from.
        measured: Prefixes of modules to instrument, known before the module is imported.
        engine: Name of the engine.
        seed: Of every random choice.
        seconds: Wall-clock time to fuzz for; 0 for no limit.
        executions: Number of executions to end after; 0 for no limit.
        corpus: Folders of inputs to start from; they are only read.
        folder: Where to write.
        hang_seconds: One execution may take so long.
        memory_mb: The process may use so much memory beyond its start; 0 for no limit.
        longest: No input is longer, in bytes.
        structured: Whether the target's structure is used, if it has one.
        dictionary: Further tokens, base64.
        stop_at_first: End with the first finding.
        plant: Name of a planted defect, for a canary: empty for none.
        driver: Command line of an implementation under test (engine `driver`).
        known: Signatures that are known already: counted, not written again.
        options: For one engine only.
    """

    target: str
    module: str
    measured: tuple[str, ...]
    folder: str
    engine: str = "portable"
    seed: int = 1
    seconds: float = 0.0
    executions: int = 0
    corpus: tuple[str, ...] = ()
    hang_seconds: float = 0.5
    memory_mb: int = 512
    longest: int = 4096
    structured: bool = True
    dictionary: tuple[str, ...] = ()
    stop_at_first: bool = False
    plant: str = ""
    driver: str = ""
    known: tuple[str, ...] = ()
    options: dict[str, str] = {}


class Progress(msgspec.Struct, kw_only=True):
    """Where a slice stands; the same numbers at its end.

    Attributes:
        executions: So far.
        seconds: Wall-clock seconds of fuzzing, without start-up.
        cpu_seconds: CPU time of the process in that time.
        edges: Edges of the measured code that were hit.
        edges_total: Edges that were instrumented.
        features: Edges with their bucketed counts, and whatever else the engine keeps inputs for.
        corpus: Inputs in the engine's corpus.
        kept: Inputs that this slice added.
        findings: Findings by signature: how often.
        last_new: Seconds into the slice at which a feature was last new.
        memory_mb: Resident memory.
        rejected: Verdicts: how often each reason, and `accepted`.
    """

    executions: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    edges: int = 0
    edges_total: int = 0
    features: int = 0
    corpus: int = 0
    kept: int = 0
    findings: dict[str, int] = {}
    last_new: float = 0.0
    memory_mb: float = 0.0
    verdicts: dict[str, int] = {}


class Result(msgspec.Struct, kw_only=True):
    """What a slice says at its end.

    Attributes:
        spec: What it was told.
        progress: The last numbers.
        ended: Why: `time`, `executions`, `finding`, `stopped`.
        functions: Functions entered, `module:qualified.name`.
        covered: Edges hit: `module:line:kind:index`, stable for one version of the code.
        notes: What a person may want to know, such as an engine's fallback.
        warnings: What a person has to look at: something is not as it was asked for.
        counts: What happened, and how often; a campaign adds them up.
        pairs: How often which verdicts of the reference and the implementation under test came together.
    """

    spec: Spec
    progress: Progress
    ended: str = "time"
    functions: list[str] = []
    covered: list[str] = []
    notes: list[str] = []
    warnings: list[str] = []
    counts: dict[str, int] = {}
    pairs: dict[str, int] = {}


def read_spec(path: Path) -> Spec:
    """Read a slice's orders.

    Raises:
        GauntletError: The file cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Spec)
    except (OSError, msgspec.DecodeError) as error:
        raise GauntletError(f"cannot read the orders of a fuzzing slice in {path}: {error}") from error


def read_result(folder: Path) -> Result | None:
    """What a slice left at its end, None if it was cut short."""
    try:
        return msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)
    except (OSError, msgspec.DecodeError):
        return None


def read_progress(folder: Path) -> Progress | None:
    """Where a slice stands, None if it did not say yet."""
    try:
        return msgspec.json.decode((folder / "progress.json").read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return None
