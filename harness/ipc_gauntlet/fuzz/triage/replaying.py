"""Replays regression cases and corpora: does each input still do what is expected of it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Answer
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.case import ANYTHING, Case, holds
from ipc_gauntlet.fuzz.triage.observe import Observer
from ipc_gauntlet.fuzz.triage.same import same
from ipc_gauntlet.fuzz.triage.targets import Children, Targets, is_remote

Word = Literal["FIXED", "STILL FAILING", "CHANGED"]
"""What a replay says: as expected, or the same finding, or something else that is not expected."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case fared.

    Attributes:
        word: In short.
        now: What happened now, for a person.
        finding: What was found now, if anything.
        verdict: The verdict as `accepted` or `rejected:<reason>`; empty if there was none.
    """

    word: Word
    now: str
    finding: Finding | None = None
    verdict: str = ""

    @property
    def good(self) -> bool:
        """Whether all is as expected."""
        return self.word == "FIXED"


def judged(case: Case, answer: Answer, finding: Finding | None) -> Outcome:
    """Compare what an input does with what its case expects.

    Args:
        case: The case.
        answer: What was answered.
        finding: What was seen that must not be; may come from a measurement beside the answer.
    """
    if finding is not None:
        word: Word = "STILL FAILING" if same(case.finding, finding) else "CHANGED"
        return Outcome(word, finding.message, finding)
    if holds(case.expect, answer):
        return Outcome("FIXED", answer.verdict, verdict=answer.verdict)
    if case.kind == "wrong-answer" and answer.verdict == case.error:
        return Outcome("STILL FAILING", f"{answer.verdict}, expected {case.expect}", verdict=answer.verdict)
    return Outcome("CHANGED", f"{answer.verdict}, expected {case.expect}", verdict=answer.verdict)


def replay_in(child: Child, case: Case, targets: Targets) -> Outcome:
    """Replay one case.

    Raises:
        GauntletError: It cannot be executed.
    """
    observer = Observer(case, targets.get(case.target), child)
    answer = child.one(case.data)
    finding = answer.finding if observer.minimisable or answer.finding else observer.see(case.data)
    return judged(case, answer, finding)


def replay(cases: Sequence[Case], targets: Targets) -> Iterator[tuple[Case, Outcome]]:
    """Replay cases, those of one module of targets in one process.

    Args:
        cases: What to replay; the order of targets is kept.
        targets: Where they are found.

    Raises:
        GauntletError: Something cannot be executed.
    """
    order = {name: place for place, name in enumerate(dict.fromkeys(case.target for case in cases))}
    ordered = sorted(cases, key=lambda case: (order[case.target], is_remote(case)))
    with Children(targets) as children:
        for (name, remote), group in groupby(ordered, key=lambda case: (case.target, is_remote(case))):
            if name not in targets:
                gone = Outcome("CHANGED", f"there is no fuzz target {name} any more; is it one of --targets?")
                yield from ((case, gone) for case in group)
            elif not remote:
                for case in group:
                    yield case, replay_in(children.get(name), case, targets)
            elif not targets.settings.driver:
                # Said by an implementation that is not here.
                yield from ((case, _unanswered(case)) for case in group)
            else:
                with Child(targets.orders(name, remote=True)) as child:
                    yield from ((case, replay_in(child, case, targets)) for case in group)


def _unanswered(case: Case) -> Outcome:
    return Outcome(
        "CHANGED",
        f"it cannot be run again: it is about an implementation behind a driver ({case.kind}); name that with --driver",
    )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of one target that are expected to do nothing wrong.

    Attributes:
        target: Its name.
        source: Where they are from, for a person.
        inputs: What to execute.
    """

    target: str
    source: str
    inputs: Sequence[bytes]


def sweep(
    groups: Iterable[Inputs],
    targets: Targets,
    told: Callable[[Inputs, int], None] = lambda group, count: None,
) -> Iterator[Finding]:
    """Execute corpora; findings of inputs that do something wrong, one for each signature and target.

    Args:
        groups: What to execute.
        targets: Where targets are found.
        told: Called after each group with how many inputs were executed.

    Raises:
        GauntletError: Something cannot be executed.
    """
    seen: set[tuple[str, str]] = set()
    with Children(targets) as children:
        for group in groups:
            if group.target not in targets:
                raise UsageError(f"there is no fuzz target {group.target} for the inputs in {group.source}")
            answers = list(children.get(group.target).run(group.inputs))
            for answer in answers:
                if answer.finding is not None and (group.target, answer.finding.signature) not in seen:
                    seen.add((group.target, answer.finding.signature))
                    yield answer.finding
            told(group, len(answers))


def expectation_now(outcome: Outcome) -> str:
    """What a case can expect from now on: the verdict of today, if all is well."""
    return outcome.verdict if outcome.good and outcome.verdict else ANYTHING
