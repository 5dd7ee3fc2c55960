"""What a campaign remembers, as values. Kept by `state`, read by reports, status files and commands."""

from __future__ import annotations

from typing import Literal

import msgspec

FindingStatus = Literal["new", "triaged", "fixed", "ignored", "unreproduced"]
"""Where a finding stands: `triaged` has been minimised and run again; `unreproduced` took too long once and not again."""

CLOSED: tuple[FindingStatus, ...] = ("fixed", "ignored", "unreproduced")
"""With these a finding does not count: it makes no campaign end with the status for findings."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign was asked to do.

    Attributes:
        name: Of the campaign.
        seconds: Wall-clock budget over all targets; 0 for none: until stopped.
        jobs: Slices at once.
        seed: Of every random choice.
        engines: Engine names, each used for every target it can fuzz; the first is the main one.
        targets: Names of targets, with the module that each comes from and its measured modules.
        weights: Share of each target, 1.0 by default.
        slice_seconds: Length of a slice.
        hang_seconds: One execution may take so long.
        memory_mb: Limit of a slice's process.
        driver: Command line of an implementation under test, for the engine `driver`.
        dictionary: Further tokens for all targets, in base64.
        canary: Whether each target must catch a planted defect before it counts.
        stop_at_first: End with the first finding.
        modules: Modules or files of targets that were named beside the installed ones.
    """

    name: str
    seconds: float
    targets: dict[str, TargetPlan]
    jobs: int = 1
    seed: int = 1
    engines: tuple[str, ...] = ("portable",)
    weights: dict[str, float] = {}
    slice_seconds: float = 30.0
    hang_seconds: float = 0.5
    memory_mb: int = 512
    driver: str = ""
    dictionary: tuple[str, ...] = ()
    canary: bool = True
    stop_at_first: bool = False
    modules: tuple[str, ...] = ()


class TargetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a plan: what a slice has to be told about it, and what its campaign is judged by.

    Attributes:
        module: Module or file that it comes from.
        measured: Prefixes of the modules to instrument.
        longest: No input is longer, in bytes.
        reach: Functions that must be entered, `module:qualified.name`.
        seeds: How many different inputs the target itself brings.
        code: Digest of the sources of target and measured modules; edges of another version do not count.
    """

    module: str
    measured: tuple[str, ...]
    longest: int = 4096
    reach: tuple[str, ...] = ()
    seeds: int = 0
    code: str = ""


class TargetState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a target.

    Attributes:
        target: Its name.
        executions: In all slices.
        seconds: Wall-clock seconds of all slices.
        cpu_seconds: CPU seconds of all slices.
        edges: Edges hit so far.
        edges_total: Edges instrumented; 0 if nothing was measured.
        features: Features seen so far.
        corpus: Inputs in its corpus.
        last_new: CPU seconds of fuzzing since the last new feature.
        slices: Slices ended.
        broken: Slices that ended without a result.
        blind: Why its fuzzing does not count, empty if it does.
        uncounted: Why it does not count yet, because there was too little of it; empty if it does, or is blind.
        canary: `caught`, `missed`, `untried`, or why there is none: of all engines of the campaign together.
        canary_seconds: After how many seconds the slowest of them caught it.
        canaries: The same for each engine.
        unreached: Reach marks that no input has reached.
        warnings: What a person should look at, though the fuzzing counts.
        verdicts: How often each reason of rejection was seen, and `accepted`.
        pairs: How often which verdicts of the reference and an implementation behind a driver came together.
        notes: What engines said that a person may want to know.
        pay: New features for each CPU second, lately: what the budget follows.
    """

    target: str
    executions: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    edges: int = 0
    edges_total: int = 0
    features: int = 0
    corpus: int = 0
    last_new: float = 0.0
    slices: int = 0
    broken: int = 0
    blind: str = ""
    uncounted: str = ""
    canary: str = "untried"
    canary_seconds: float = 0.0
    canaries: dict[str, str] = {}
    unreached: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    verdicts: dict[str, int] = {}
    pairs: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    pay: float = 0.0


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a target's curve, one for each slice.

    Attributes:
        target: Its name.
        at: Wall-clock seconds of the campaign, over all its runs.
        executions: So far.
        edges: So far.
        features: So far.
        corpus: So far.
        rate: Executions per CPU second in the slice.
        memory_mb: Resident memory at the slice's end.
    """

    target: str
    at: float
    executions: int
    edges: int
    features: int
    corpus: int
    rate: float
    memory_mb: float


class FindingState(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, grouped by its signature.

    Attributes:
        signature: Its name.
        target: Where it was found.
        kind: What kind it is.
        message: One line.
        count: How often it was seen.
        first_at: Wall-clock seconds of the campaign at which it was first seen.
        status: Where it stands.
        reproduced: How many of its re-runs showed it again, and of how many: `5/5`; empty before triage.
        smallest: SHA-256 of the smallest input known.
        size: Its length.
    """

    signature: str
    target: str
    kind: str
    message: str
    count: int = 1
    first_at: float = 0.0
    status: FindingStatus = "new"
    reproduced: str = ""
    smallest: str = ""
    size: int = 0
