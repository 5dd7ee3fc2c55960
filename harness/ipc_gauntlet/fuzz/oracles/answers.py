"""Looks for the wrong class of answer: inputs for which a vector or a regression case says what is right."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Answer
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.signature import sign
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.triage.case import ANYTHING, Case, holds


@dataclass(frozen=True, slots=True)
class Expected:
    """An input and the right answer.

    Attributes:
        data: The input.
        answer: `accepted`, `rejected` or `rejected:<reason>`.
        source: Who says so, for a person.
    """

    data: bytes
    answer: str
    source: str


def of_cases(cases: Iterable[Case], target: Target) -> list[Expected]:
    """The right answers that regression cases of a target, or of its parser, name."""
    return [
        Expected(case.data, case.expect, f"regression {case.signature}")
        for case in cases
        if case.expect != ANYTHING
        and (
            case.target == target.name or (target.reference_parser and case.parser == target.reference_parser)
        )
    ]


def wrong_answers(target: Target, child: Child, expected: Sequence[Expected]) -> Iterator[Finding]:
    """Findings of inputs whose answer is another than the right one.

    Raises:
        GauntletError: Inputs cannot be executed.
    """
    for one, answer in zip(expected, child.run([one.data for one in expected]), strict=True):
        if answer.finding is not None:
            yield answer.finding
        elif not holds(one.answer, answer):
            yield wrong(target, one, answer)


def wrong(target: Target, expected: Expected, answer: Answer) -> Finding:
    """The finding of a wrong answer; one for each pair of a right and a wrong one."""
    pair = f"{expected.answer} -> {answer.verdict}"
    return Finding(
        target=target.name,
        kind="wrong-answer",
        signature=sign("wrong-answer", pair, (), target.name),
        message=f"answered {answer.verdict}, where {expected.answer} is right ({expected.source})",
        input_b64=base64.b64encode(expected.data).decode(),
        error=answer.verdict,
        details={"oracle": "answer", "expected": expected.answer, "source": expected.source},
    )
