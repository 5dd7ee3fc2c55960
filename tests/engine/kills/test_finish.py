"""What a report says of mutants and cases that this machine cannot judge."""

from types import SimpleNamespace
from typing import Any

from ipc_gauntlet.engine.kills.choose import Choice
from ipc_gauntlet.engine.kills.finish import dead_functions, report_of
from ipc_gauntlet.engine.mutants import Collection, Listed, Specimen
from ipc_gauntlet.engine.settings import Command
from ipc_gauntlet.report.kills import Failing, MutantResult
from ipc_gauntlet.requirements import Mutant, Requirement
from ipc_gauntlet.verdict import NOT_VERIFIABLE

UNFLAWED = Specimen(Listed(id="none"), Command(argv=("x",), name="none"))


def shared(*cases: str) -> Any:  # noqa: ANN401 - as much of a field as is looked at
    """A hunt with these case functions, all of requirement A-01."""
    found = [SimpleNamespace(function=name, requirement="A-01") for name in cases]
    return SimpleNamespace(cases=found, settings=SimpleNamespace(seed=1))


def result(**more: Any) -> MutantResult:  # noqa: ANN401 - members of a struct
    """What became of A-01.m1."""
    return MutantResult(
        **{"id": "A-01.m1", "requirement": "A-01", "suite": "a", "defect": "d", "killed": True, **more}
    )


def test_a_case_that_this_machine_does_not_let_is_not_dead() -> None:
    """One that passed on every mutant is; one that failed for another reason is, too."""
    failing = (
        Failing(case="a/afar/x", verdict="not_applicable", stage="", reason=NOT_VERIFIABLE),
        Failing(case="a/noisy/x", verdict="inconclusive", stage="", reason="noise"),
    )
    results = [result(killed_by=("a/sharp/x",), failing=failing)]
    choice = Choice((), (), frozenset(("A-01",)), filtered=False)
    field = shared("a/sharp", "a/afar", "a/noisy", "a/blind")
    assert dead_functions(choice, field, results) == ("a/noisy", "a/blind")


def test_a_defect_that_only_others_show_has_its_reason() -> None:
    """It is neither missing nor impossible; a requirement with nothing else is not without a mutant."""
    defects = tuple(Mutant(id=f"A-01.m{number}", defect="d") for number in (1, 2))
    item = Requirement(
        id="A-01", suite="a", level="MUST", profile="local", statement="s.", source="s", mutants=defects
    )
    other = Listed(id="A-01.m1", requirement="A-01", elsewhere="no pipes here")
    choice = Choice((), (item,), frozenset(), filtered=False)
    report = report_of(Collection("mine", UNFLAWED, (), (other,)), choice, shared(), [])
    assert [(one.id, one.why) for one in report.not_expressible] == [("A-01.m1", "no pipes here")]
    assert report.defects_without_mutant == ("A-01.m2",)
    assert report.requirements_without_mutant == ()
