"""Which mutants a hunt is about."""

import pytest

from ipc_gauntlet.engine.kills.choose import Wanted, choose, to_come
from ipc_gauntlet.engine.mutants import Collection, Listed, Specimen
from ipc_gauntlet.engine.settings import Command
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.requirements import Catalogue, Requirement, RequirementSet, SuiteInfo


def specimen(name: str) -> Specimen:
    """A mutant by its id."""
    return Specimen(Listed(id=name, requirement=name.partition(".")[0]), Command(argv=("x",), name=name))


def requirement(name: str, suite: str) -> Requirement:
    """A requirement."""
    return Requirement(id=name, suite=suite, level="MUST", profile="local", statement="s.", source="s")


ALL = Collection("mine", specimen("none"), tuple(map(specimen, ("A-01.m1", "A-01.m2", "A-02.m1", "B-01.m1"))))
CATALOGUE = Catalogue(
    [
        SuiteInfo(
            name="as",
            code="A",
            title="A",
            requirements=(requirement("A-01", "as"), requirement("A-02", "as")),
        ),
        SuiteInfo(
            name="bs",
            code="B",
            title="B",
            requirements=(requirement("B-01", "bs"), requirement("B-02", "bs")),
        ),
        SuiteInfo(name="cs", code="C", title="C", requirements=(requirement("C-01", "cs"),)),
    ]
)
SUITES = frozenset(["as", "bs"])


def chosen(**patterns: tuple[str, ...]) -> tuple[list[str], list[str], set[str], bool]:
    """Ids of mutants, of requirements that should have one, of those completely chosen; whether filtered."""
    found = choose(ALL, Wanted(**patterns), CATALOGUE, SUITES)
    return (
        [one.facts.id for one in found.mutants],
        [item.id for item in found.requirements],
        set(found.complete),
        found.filtered,
    )


def test_everything() -> None:
    """Every mutant; requirements of suites that have cases."""
    assert chosen() == (
        ["A-01.m1", "A-01.m2", "A-02.m1", "B-01.m1"],
        ["A-01", "A-02", "B-01", "B-02"],
        {"A-01", "A-02", "B-01"},
        False,
    )


def test_patterns() -> None:
    """By requirement and suite, in any case of letters; a single mutant says nothing about its requirement."""
    assert chosen(requirements=("a-01",)) == (["A-01.m1", "A-01.m2"], ["A-01"], {"A-01"}, True)
    assert chosen(suites=("b*",)) == (["B-01.m1"], ["B-01", "B-02"], {"B-01"}, True)
    assert chosen(mutants=("a-01.m1",)) == (["A-01.m1"], [], set(), True)
    assert chosen(mutants=("*.m1",), suites=("as",))[0] == ["A-01.m1", "A-02.m1"]
    assert chosen(requirements=("B-02",)) == ([], ["B-02"], set(), True)


@pytest.mark.parametrize(
    ("patterns", "what"),
    [
        ({"mutants": ("A-03*",)}, "--mutant A-03.: no mutant matches"),
        ({"requirements": ("A-99",)}, "--requirement A-99: no requirement matches"),
        ({"suites": ("ass",)}, "--suite ass: no suite matches; did you mean as"),
        ({"mutants": ("A-01.m1",), "suites": ("bs",)}, "no mutant matches all"),
        ({"requirements": ("C-01",)}, "no mutant matches all"),
    ],
)
def test_nothing(patterns: dict[str, tuple[str, ...]], what: str) -> None:
    """A pattern that matches nothing is an error."""
    with pytest.raises(UsageError, match=what):
        chosen(**patterns)


def test_a_mutant_of_nothing() -> None:
    """A mutant has to violate a requirement that there is."""
    wrong = Collection("mine", specimen("none"), (specimen("A-1.m1"),))
    with pytest.raises(
        UsageError, match=r"mine: mutant A-1\.m1 violates A-1, which is no requirement; did you"
    ):
        choose(wrong, Wanted(), CATALOGUE, SUITES)


def test_of_suites_that_are_only_begun_just_what_has_cases_counts() -> None:
    """What no published set has and no case is about needs no mutant yet; what a set has does, and other catalogues."""
    one = RequirementSet(
        name="s", title="S", order=1, statements={"A-01": "x"}, left_out=("A-02", "B-01", "B-02")
    )
    assert to_come(CATALOGUE, [one], ["A-01", "A-02"]) == {"B-01", "B-02"}
    assert to_come(CATALOGUE, [], []) == frozenset()
    later = RequirementSet(name="t", title="T", order=2, statements={"B-02": "x"}, left_out=())
    assert to_come(CATALOGUE, [one, later], ["A-02"]) == {"B-01"}
    found = choose(ALL, Wanted(), CATALOGUE, SUITES, frozenset({"B-01", "B-02"}))
    # B-01 has a mutant, so it is a concern all the same.
    assert [item.id for item in found.requirements] == ["A-01", "A-02", "B-01"]


def test_mutants_of_other_machines_are_known_and_not_hunted() -> None:
    """A pattern for one is no mistake; what it violates has a mutant, and nothing is said of that here."""
    other = Listed(id="B-02.m1", requirement="B-02", defect="d", elsewhere="no pipes here")
    collection = Collection("mine", ALL.unflawed, ALL.mutants, (other,))
    found = choose(collection, Wanted(requirements=("B-02",)), CATALOGUE, SUITES, frozenset(("B-02",)))
    assert (found.mutants, [item.id for item in found.requirements]) == ((), ["B-02"])
    with pytest.raises(UsageError, match="no mutant matches all of them"):
        choose(collection, Wanted(mutants=("B-02.m1",)), CATALOGUE, SUITES)
    with pytest.raises(UsageError, match="no mutant matches"):
        choose(collection, Wanted(mutants=("B-02.m2",)), CATALOGUE, SUITES)
