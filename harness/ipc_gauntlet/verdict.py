"""Verdicts, and what a run's verdicts mean for its exit status.

The rule of this file: nothing is lost by adding up. A pass outweighs nothing, and what could not be tested never
counts as tested.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Literal

Level = Literal["MUST", "SHOULD"]
Profile = Literal["local", "channel", "messaging", "governed"]

PROFILES: tuple[Profile, ...] = ("local", "channel", "messaging", "governed")
"""From the least to the most demanding; each contains the ones before it."""


class Verdict(StrEnum):
    """How a case ended."""

    pass_ = "pass"  # noqa: S105 - a verdict
    fail = "fail"
    inconclusive = "inconclusive"
    not_applicable = "not_applicable"
    error = "error"


NOT_VERIFIABLE = "not-verifiable"
"""Reason of a case for which this machine, not the implementation, lacks something."""


class ExitStatus(IntEnum):
    """Exit statuses of the command line."""

    ok = 0
    failed = 1
    usage = 2
    harness = 3
    interrupted = 130
    terminated = 143


def exit_status(results: Iterable[tuple[Verdict, Level]], *, strict: bool = False) -> ExitStatus:
    """Say what the verdicts of a finished run mean.

    Args:
        results: Verdict and level of each case.
        strict: Whether SHOULD counts like MUST.

    Returns:
        `failed` when a required case failed, else `harness` when any case ended in error, else `failed` when a
        required case is inconclusive, else `ok`.
    """
    required: set[Verdict] = set()
    any_error = False
    for verdict, level in results:
        any_error = any_error or verdict is Verdict.error
        if strict or level == "MUST":
            required.add(verdict)
    if Verdict.fail in required:
        return ExitStatus.failed
    if any_error:
        return ExitStatus.harness
    return ExitStatus.failed if Verdict.inconclusive in required else ExitStatus.ok


_WEIGHT = (Verdict.fail, Verdict.error, Verdict.inconclusive, Verdict.pass_, Verdict.not_applicable)


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a group of cases: the heaviest one; a group in which nothing applied is not applicable."""
    present = set(verdicts)
    return next((verdict for verdict in _WEIGHT if verdict in present), Verdict.not_applicable)


def covers(claimed: str, required: str) -> bool:
    """Whether an implementation that claims one profile has to meet what another profile demands.

    Raises:
        ValueError: A name is not one of `PROFILES`.
    """
    names: tuple[str, ...] = PROFILES
    for name in (claimed, required):
        if name not in names:
            raise ValueError(f"there is no profile {name!r}")
    return names.index(claimed) >= names.index(required)
