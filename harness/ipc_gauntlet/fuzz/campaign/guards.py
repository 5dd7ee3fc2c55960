"""Never blind: says when a target's fuzzing looks alive and tests nothing.

Two grades. *Blind*: the fuzzing does not count, and a campaign that found nothing ends with status 3. A *warning*: a
person should look. Some guards need some fuzzing before they can tell; until then they are silent.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc_gauntlet.fuzz.campaign.records import TargetState

ENOUGH_CPU_SECONDS = 10.0
"""After so much fuzzing a target is judged by what it should have reached by then."""

ENOUGH_EXECUTIONS = 20_000
"""Or after so many executions, whichever comes first."""

BROKEN_IN_A_ROW = 3
"""Slices that may break, one after the other, before a target is given up."""

CAUGHT = "caught"
MISSED = "missed"
UNTRIED = "untried"

NO_CANARY = "no canary"
"""With this a warning begins that says that a target has none."""

_TOO_EARLY = "there was no time for one yet"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a target is judged by.

    Attributes:
        state: Its numbers; `blind` and `warnings` are not looked at.
        seeds: Inputs that the target brings itself.
        kept: Inputs that fuzzing added, in all slices.
        broken_in_a_row: Slices broken since the last good one.
        trouble: What the last broken slice said.
        canary_wanted: Whether the plan asks for canaries.
    """

    state: TargetState
    seeds: int = 0
    kept: int = 0
    broken_in_a_row: int = 0
    trouble: str = ""
    canary_wanted: bool = True


def judge(facts: Facts) -> tuple[str, tuple[str, ...]]:
    """Tell whether a target's fuzzing counts.

    Returns:
        Why it does not, empty if it does; and warnings, if it does.
    """
    blind = _blind(facts)
    return blind, () if blind else _warnings(facts)


def _blind(facts: Facts) -> str:
    state = facts.state
    if facts.broken_in_a_row >= BROKEN_IN_A_ROW:
        return f"its slices break: {facts.trouble or 'no word why'}"
    if state.slices == state.broken:
        if state.broken:
            return f"no slice came to its end: {facts.trouble or 'no word why'}"
        return "it was not fuzzed; give the campaign more time"
    if state.executions == 0:
        return "nothing was executed"
    if state.edges_total == 0:
        return "no code of the measured modules was instrumented: are they imported, and have they source?"
    if state.edges == 0:
        return "no edge of the measured modules was ever hit: does the target call them?"
    if facts.canary_wanted and state.canary == MISSED:
        return "a defect planted in the measured code was not found (canary)"
    return _blind_by_now(facts) if is_enough(state) else ""


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
    if facts.canary_wanted and state.slices and state.canary not in (CAUGHT, MISSED):
        found.append(
            f"{NO_CANARY}: {_TOO_EARLY if state.canary == UNTRIED else state.canary.removeprefix('none: ')}"
        )
    if state.unreached and not is_enough(state):
        found.append(f"not reached yet: {', '.join(state.unreached)}")
    if is_enough(state):
        accepted = state.verdicts.get("accepted", 0)
        if state.verdicts and not accepted and not facts.seeds:
            found.append("nothing was ever accepted; give the target seeds")
        if accepted and len(state.verdicts) == 1:
            found.append("nothing was ever refused: does the parser check anything?")
    return tuple(found)


def is_enough(state: TargetState) -> bool:
    """Whether a target has been fuzzed for long enough to say what it does not reach."""
    return state.cpu_seconds >= ENOUGH_CPU_SECONDS or state.executions >= ENOUGH_EXECUTIONS
