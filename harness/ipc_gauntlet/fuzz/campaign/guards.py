"""Never blind: says when a target's fuzzing looks alive and tests nothing.

Three grades. *Blind*: the fuzzing does not count, and a campaign that found nothing ends with status 3. *Uncounted*: the
same, and nobody is to blame but the time: there was too little of it to tell. A *warning*: a person should look. All is
judged by what was done since the code under test last changed; what needs more fuzzing than there was is not said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ipc_gauntlet.fuzz.campaign.records import TargetState

ENOUGH_CPU_SECONDS = 10.0
"""After so much fuzzing a target is judged by what it should have reached by then."""

ENOUGH_EXECUTIONS = 20_000
"""Or after so many executions, whichever comes first."""

LEAST_EXECUTIONS = 16
"""Before so many, nothing is said of edges: a target may refuse its first inputs before the measured code sees them."""

BROKEN_IN_A_ROW = 3
"""Slices that may break, one after the other, before a target is given up."""

CAUGHT = "caught"
MISSED = "missed"
UNTRIED = "untried"
UNUSED = "unused"
"""What the canary of an engine says that cannot fuzz the target at all, and is left out."""

NO_CANARY = "no canary"
"""With this a warning begins that says that a target has none."""

_TOO_EARLY = "there was no time for one yet"


class Judgement(NamedTuple):
    """What there is to say of a target's fuzzing.

    Attributes:
        blind: Why it does not count.
        uncounted: Why it does not count yet.
        warnings: What a person should look at, if it counts.
    """

    blind: str
    uncounted: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What was done for a target since its code last changed.

    Attributes:
        executions: How many.
        cpu: Seconds of CPU time.
        slices: Slices ended.
        told: Those that said what they reached: all that came to their end, and of the others those that hit an edge.
        broken: Those that broke.
    """

    executions: int = 0
    cpu: float = 0.0
    slices: int = 0
    told: int = 0
    broken: int = 0

    def is_enough(self) -> bool:
        """Whether it is enough to say what the target does not reach."""
        return self.cpu >= ENOUGH_CPU_SECONDS or self.executions >= ENOUGH_EXECUTIONS


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a target is judged by.

    Attributes:
        state: Its numbers; `blind`, `uncounted` and `warnings` are not looked at.
        work: What was done since its code changed.
        seeds: Inputs that the target brings itself.
        kept: Inputs that fuzzing added, in all slices.
        broken_in_a_row: Slices broken since the last good one.
        trouble: What the last broken slice said.
        engines: Those that have to catch a canary; empty if the plan asks for none.
    """

    state: TargetState
    work: Work = field(default_factory=Work)
    seeds: int = 0
    kept: int = 0
    broken_in_a_row: int = 0
    trouble: str = ""
    engines: tuple[str, ...] = ()


def overall(answers: Mapping[str, str], engines: Sequence[str]) -> str:
    """What the canaries of several engines say together.

    An engine that missed its canary adds nothing, but takes nothing away from another one that caught it.

    Args:
        answers: By engine.
        engines: Those of the campaign.
    """
    used = [answers.get(one, UNTRIED) for one in engines]
    used = [one for one in used if one != UNUSED] or [UNTRIED]
    if MISSED in used and CAUGHT not in used:
        return MISSED
    if UNTRIED in used:
        return UNTRIED
    return next((one for one in used if one not in (CAUGHT, MISSED)), CAUGHT)


def judge(facts: Facts) -> Judgement:
    """Tell whether a target's fuzzing counts."""
    if blind := _blind(facts):
        return Judgement(blind, "", ())
    if uncounted := _uncounted(facts.work):
        return Judgement("", uncounted, ())
    return Judgement("", "", _warnings(facts))


def _uncounted(work: Work) -> str:
    if work.slices == 0:
        return "it was not fuzzed; give the campaign more time"
    if work.told == 0:
        return "no slice came to its end; give the campaign more time"
    if work.executions < LEAST_EXECUTIONS and not work.is_enough():
        return f"only {work.executions} executions; give the campaign more time"
    return ""


def _blind(facts: Facts) -> str:
    state, work = facts.state, facts.work
    if facts.broken_in_a_row >= BROKEN_IN_A_ROW:
        return f"its slices break: {facts.trouble or 'no word why'}"
    if work.broken and work.slices == work.broken:
        return f"no slice came to its end: {facts.trouble or 'no word why'}"
    if work.told == 0:
        return ""
    if state.edges_total == 0:
        return "no code of the measured modules was instrumented: are they imported, and have they source?"
    if work.executions == 0 and work.is_enough():
        return "nothing was executed"
    if state.edges == 0 and (work.executions >= LEAST_EXECUTIONS or work.is_enough()):
        return "no edge of the measured modules was ever hit: does the target call them?"
    if facts.engines and state.canary == MISSED:
        return "a defect planted in the measured code was not found (canary)"
    return _blind_by_now(facts) if work.is_enough() else ""


def _blind_by_now(facts: Facts) -> str:
    state = facts.state
    stuck = facts.kept == 0 and state.corpus <= facts.seeds and state.edges < state.edges_total
    if stuck and state.canary != CAUGHT:  # one that was caught shows that nothing is left to be added
        return "the corpus never grew beyond the seeds"
    if state.unreached:
        return f"never reached: {', '.join(state.unreached)}"
    if facts.seeds and state.verdicts and not state.verdicts.get("accepted"):
        return "nothing was ever accepted, the seeds included: is everything refused at the door?"
    return ""


def _warnings(facts: Facts) -> tuple[str, ...]:
    state = facts.state
    found: list[str] = []
    if state.broken and facts.broken_in_a_row < BROKEN_IN_A_ROW:
        found.append(
            f"{state.broken} of {state.slices} slices broke{f': {facts.trouble}' if facts.trouble else ''}"
        )
    found += _canaries(facts)
    if not facts.work.is_enough():
        if state.unreached:
            found.append(f"not reached yet: {', '.join(state.unreached)}")
        return tuple(found)
    accepted = state.verdicts.get("accepted", 0)
    if state.verdicts and not accepted and not facts.seeds:
        found.append("nothing was ever accepted; give the target seeds")
    if accepted and len(state.verdicts) == 1:
        found.append("nothing was ever refused: does the parser check anything?")
    return tuple(found)


def _canaries(facts: Facts) -> list[str]:
    """What to say of engines that did not catch their canary, though another one may have."""
    answers = {one: facts.state.canaries.get(one, UNTRIED) for one in facts.engines}
    found: list[str] = []
    for name, answer in answers.items():
        who = f" of {name}" if len(answers) > 1 else ""
        if answer == MISSED:
            found.append(f"{name} missed its canary: what that engine does here does not count")
        elif answer not in (CAUGHT, UNUSED):
            found.append(
                f"{NO_CANARY}{who}: {_TOO_EARLY if answer == UNTRIED else answer.removeprefix('none: ')}"
            )
    return found
