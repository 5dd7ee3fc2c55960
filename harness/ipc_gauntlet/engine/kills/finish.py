"""From what is known at the end of a hunt to its report and exit status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ipc_gauntlet.engine.kills.choose import Choice
from ipc_gauntlet.engine.kills.judge import Attempt
from ipc_gauntlet.engine.kills.trial import Field, Trial
from ipc_gauntlet.engine.mutants import Collection
from ipc_gauntlet.report.kills import Failing, Fate, KillReport, MutantResult, NotExpressible
from ipc_gauntlet.verdict import NOT_VERIFIABLE, ExitStatus, Verdict


def result_of(trial: Trial, unflawed_failing: Iterable[str] = ()) -> MutantResult:
    """What a report says about a mutant."""
    known, facts = trial.evidence(unflawed_failing), trial.specimen.facts
    judgement = trial.judgement(unflawed_failing)
    return MutantResult(
        id=facts.id,
        requirement=facts.requirement,
        suite=trial.suite,
        defect=facts.defect,
        killed=judgement.fate is Fate.killed,
        killed_by=judgement.killed_by,
        reason=judgement.reason,
        fate=judgement.fate,
        live=trial.live,
        killed_elsewhere_by=judgement.elsewhere,
        failing=tuple(failing(one) for one in known.attempts if one.verdict is not Verdict.pass_),
        cases_run=len(known.attempts),
        duration_s=round(trial.spent_s, 3),
        diff=facts.diff,
    )


def failing(attempt: Attempt) -> Failing:
    """A result as a report shows it."""
    return Failing(
        case=attempt.case, verdict=attempt.verdict.value, stage=attempt.stage, reason=attempt.reason
    )


def dead_functions(choice: Choice, shared: Field, results: Sequence[MutantResult]) -> tuple[str, ...]:
    """Functions of completely chosen requirements that killed nothing, though this machine lets them."""
    excused = {name.rpartition("/")[0] for result in results for name in result.killed_by}
    excused |= {
        one.case.rpartition("/")[0]
        for result in results
        for one in result.failing
        if one.reason == NOT_VERIFIABLE
    }
    functions = [case.function for case in shared.cases if case.requirement in choice.complete]
    return tuple(name for name in dict.fromkeys(functions) if name not in excused)


def report_of(
    collection: Collection, choice: Choice, shared: Field, results: Sequence[MutantResult]
) -> KillReport:
    """The report, without what only the whole hunt knows (time, interruption, exit status)."""
    elsewhere = {one.id: one.elsewhere for one in collection.elsewhere}
    having = {one.facts.id for one in collection.mutants} | elsewhere.keys()
    violated = {one.facts.requirement for one in collection.mutants}
    violated |= {one.requirement for one in collection.elsewhere}
    defects = [(item, mutant) for item in choice.requirements for mutant in item.mutants]
    excused = {item.id for item in choice.requirements if all(one.not_expressible for one in item.mutants)}
    return KillReport(
        mutants=tuple(results),
        dead_cases=dead_functions(choice, shared, results),
        requirements_without_mutant=tuple(
            item.id for item in choice.requirements if item.id not in violated | excused
        ),
        defects_without_mutant=tuple(
            mutant.id for _item, mutant in defects if mutant.id not in having and not mutant.not_expressible
        ),
        not_expressible=tuple(
            NotExpressible(
                id=mutant.id,
                requirement=item.id,
                defect=mutant.defect,
                why=mutant.not_expressible or elsewhere[mutant.id],
            )
            for item, mutant in defects
            if mutant.not_expressible or mutant.id in elsewhere
        ),
        collection=collection.name,
        seed=shared.settings.seed,
        filtered=choice.filtered,
    )


def exit_status_of(report: KillReport, troubles: Sequence[str]) -> ExitStatus:
    """What a finished hunt comes to: the tester's own troubles come after what it found out."""
    bad = any(not result.killed for result in report.mutants)
    bad = bad or bool(report.requirements_without_mutant) or bool(report.unflawed_failing)
    bad = bad or (bool(report.dead_cases) and not report.filtered)
    if bad:
        return ExitStatus.failed
    return ExitStatus.harness if troubles else ExitStatus.ok
