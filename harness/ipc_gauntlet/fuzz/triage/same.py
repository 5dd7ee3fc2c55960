"""Whether two findings are one: what minimising must keep, and what a replay compares."""

from __future__ import annotations

from ipc_gauntlet.fuzz.findings import Finding

_BY_CHANCE = frozenset({"hang", "memory", "slow", "greedy"})


def same(one: Finding, other: Finding | None) -> bool:
    """Whether a finding was seen again.

    The signature says so, except where it holds a stack that was looked at by chance: a loop without end, or one that
    eats memory, is in another call each time. There the kind has to be the same; of a death, the way of dying too. Where
    the system refuses memory, using it up ends in an exception. Where
    the system refuses memory, using it up is an exception.

    Args:
        one: The finding.
        other: What was seen now; None for nothing.
    """
    if other is None or one.target != other.target:
        return False
    if _out_of_memory(one) and _out_of_memory(other):
        return True
    if one.kind != other.kind:
        return False
    if one.kind in _BY_CHANCE:
        return True
    if one.kind == "native":
        return one.error == other.error
    return one.signature == other.signature


def _out_of_memory(finding: Finding) -> bool:
    return finding.kind == "memory" or (finding.kind == "crash" and finding.error == "MemoryError")
