"""The report of a hunt for mutants; `docs/kills.schema.json` is made from these types."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ipc_gauntlet.report.model import Tool

SCHEMA = "urn:ipc-gauntlet:kills:1"
"""Names the format; a change that breaks readers changes the number."""


class Fate(StrEnum):
    """What became of a mutant."""

    killed = "killed"
    survived = "survived"
    wrong_failure = "wrong-failure"
    killed_elsewhere = "killed-elsewhere"
    inconclusive = "inconclusive"
    not_applicable = "not-applicable"
    crashed = "crashed"
    timed_out = "timed-out"
    not_live = "not-live"
    broken = "broken"
    no_case = "no-case"
    not_run = "not-run"


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """A case that did not pass on a mutant.

    Args:
        case: Its id.
        verdict: How it ended.
        stage: How far the session came.
        reason: Class of what was seen.
    """

    case: str
    verdict: str
    stage: str = ""
    reason: str = ""


class MutantResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the suites made of one mutant.

    Args:
        id: Its id.
        requirement: Id of the requirement that it violates.
        suite: The requirement's suite.
        defect: What is wrong with it.
        killed: Whether a case of its requirement failed as the catalogue says such cases fail.
        killed_by: Ids of those cases, as far as they were run.
        reason: What killed it, or why it is still there, in words.
        fate: The same as one word.
        live: Whether code that the defect changed was run; null where the mutant does not tell.
        killed_elsewhere_by: Cases of other requirements that failed on it; only looked for in survivors.
        failing: Every case that ended in another way than `pass`.
        cases_run: How many cases have a result.
        duration_s: Seconds that it took; 0 where all results were kept from an earlier hunt.
        diff: How it differs from the unflawed implementation.
    """

    id: str
    requirement: str
    suite: str
    defect: str
    killed: bool
    killed_by: tuple[str, ...] = ()
    reason: str = ""
    fate: Fate = Fate.not_run
    live: bool | None = None
    killed_elsewhere_by: tuple[str, ...] = ()
    failing: tuple[Failing, ...] = ()
    cases_run: int = 0
    duration_s: float = 0.0
    diff: str = ""


class NotExpressible(msgspec.Struct, frozen=True, kw_only=True):
    """A defect of the catalogue that no mutant can have, or none on this machine, and why."""

    id: str
    requirement: str
    defect: str
    why: str


class KillReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a hunt found.

    Args:
        mutants: Every chosen mutant.
        dead_cases: Case functions that no mutant of their requirement fails; only those of requirements all of whose
            mutants were chosen.
        requirements_without_mutant: Chosen requirements that have neither a mutant nor a reason for having none.
        defects_without_mutant: Defects of the catalogue for which there is no mutant yet.
        not_expressible: Defects that no mutant can have, or that this machine cannot show.
        unflawed_failing: Cases that do not pass on the unflawed implementation; they prove nothing on a mutant.
        tool: What made this.
        collection: Where the mutants are from.
        seed: Reproduces every random choice.
        filtered: Whether only some mutants were chosen.
        interrupted: Whether the hunt was stopped before its end.
        duration_s: Wall time in seconds.
        exit_status: Exit status of the command.
        schema: Format of this report.
    """

    mutants: tuple[MutantResult, ...]
    dead_cases: tuple[str, ...]
    requirements_without_mutant: tuple[str, ...]
    defects_without_mutant: tuple[str, ...] = ()
    not_expressible: tuple[NotExpressible, ...] = ()
    unflawed_failing: tuple[Failing, ...] = ()
    tool: Tool | None = None
    collection: str = ""
    seed: int = 0
    filtered: bool = False
    interrupted: bool = False
    duration_s: float = 0.0
    exit_status: int = 0
    schema: str = SCHEMA
