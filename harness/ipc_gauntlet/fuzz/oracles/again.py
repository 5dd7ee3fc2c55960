"""Measures again what an oracle measured: the finding says how."""

from __future__ import annotations

import base64

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.oracles.answers import Expected, wrong
from ipc_gauntlet.fuzz.oracles.costly import counted_sizes, judge_counts, measure, one_input, timed
from ipc_gauntlet.fuzz.oracles.families import Family
from ipc_gauntlet.fuzz.oracles.leak import leak
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.triage.case import holds


def observed_again(finding: Finding, target: Target, child: Child) -> Finding | None:
    """What an oracle says now about the same thing.

    Args:
        finding: What it said before.
        target: Whose finding it is.
        child: Where to execute inputs.

    Returns:
        None if all is well, or if the finding does not say how it was measured.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    details = finding.details
    oracle = details.get("oracle", "")
    if oracle == "leak":
        inputs = [base64.b64decode(text) for text in details.get("inputs", "").split()]
        return leak(target, child, inputs, int(details.get("seed", "1")))
    if oracle == "answer":
        answer = child.one(finding.data)
        expected = Expected(finding.data, details.get("expected", ""), details.get("source", ""))
        if answer.finding is not None or holds(expected.answer, answer):
            return answer.finding
        return wrong(target, expected, answer)
    if oracle == "amount":
        answer = child.one(finding.data, measure="count")
        floor = child.one(b"", measure="count")
        return next(one_input(target, finding.data, answer, (floor.lines, floor.peak)), answer.finding)
    family = Family(base64.b64decode(details.get("base", "")), details.get("recipe", ""))
    if oracle == "cpu_ns":
        return timed(target, child, family, finding.frames[-1] if finding.frames else None)
    measured = measure(family, target, child, counted_sizes(family, target), "count")
    if measured is None:
        return None
    return next((one for one in judge_counts(target, measured) if one.kind == finding.kind), None)
