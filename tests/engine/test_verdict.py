"""Exit statuses: no combination of verdicts may hide what is required."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.verdict import PROFILES, ExitStatus, Level, Verdict, combined, covers, exit_status

RESULTS = st.lists(st.tuples(st.sampled_from(Verdict), st.sampled_from(["MUST", "SHOULD"])), max_size=8)


@pytest.mark.parametrize(
    ("verdict", "level", "expected"),
    [
        ("pass", "MUST", 0),
        ("not_applicable", "MUST", 0),
        ("fail", "MUST", 1),
        ("inconclusive", "MUST", 1),
        ("error", "MUST", 3),
        ("pass", "SHOULD", 0),
        ("fail", "SHOULD", 0),
        ("inconclusive", "SHOULD", 0),
        ("error", "SHOULD", 3),
    ],
)
def test_status_of_one_result(verdict: str, level: Level, expected: int) -> None:
    """Each verdict alone has the documented status; an error is never excused by a level."""
    assert exit_status([(Verdict(verdict), level)]) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "fail"], 1),
        (["fail", "error"], 1),
        (["error", "inconclusive"], 3),
        (["inconclusive", "pass"], 1),
        (["pass", "not_applicable"], 0),
        ([], 0),
    ],
)
def test_status_of_several_results(verdicts: list[str], expected: int) -> None:
    """A failed requirement outweighs an error, an error outweighs what is inconclusive."""
    for order in itertools.permutations(verdicts):
        assert exit_status([(Verdict(verdict), "MUST") for verdict in order]) == expected


def test_strict_makes_should_count() -> None:
    """With strict, a SHOULD that fails or stays inconclusive fails the run."""
    for verdict in (Verdict.fail, Verdict.inconclusive):
        assert exit_status([(verdict, "SHOULD")], strict=True) is ExitStatus.failed


@given(RESULTS, RESULTS)
def test_more_results_never_turn_a_failure_into_success(
    some: list[tuple[Verdict, Level]], more: list[tuple[Verdict, Level]]
) -> None:
    """Adding results keeps a bad status bad."""
    if exit_status(some) is not ExitStatus.ok:
        assert exit_status([*some, *more]) is not ExitStatus.ok


@given(RESULTS)
def test_success_means_that_nothing_required_is_missing(results: list[tuple[Verdict, Level]]) -> None:
    """Status 0 says: no error at all, and every MUST passed or does not apply."""
    good = all(
        verdict is not Verdict.error
        and (level == "SHOULD" or verdict in (Verdict.pass_, Verdict.not_applicable))
        for verdict, level in results
    )
    assert (exit_status(results) is ExitStatus.ok) == good


@given(st.lists(st.sampled_from(Verdict)))
def test_a_group_is_as_good_as_its_worst_member(verdicts: list[Verdict]) -> None:
    """A group fails when one fails, and passes only when one passed and none did worse."""
    verdict = combined(verdicts)
    assert (verdict is Verdict.fail) == (Verdict.fail in verdicts)
    assert (verdict is Verdict.pass_) == (
        Verdict.pass_ in verdicts and not {Verdict.fail, Verdict.error, Verdict.inconclusive} & set(verdicts)
    )


def test_profiles_contain_the_ones_before_them() -> None:
    """A profile covers itself and all lesser ones, and no greater one."""
    for claimed, required in itertools.product(PROFILES, repeat=2):
        assert covers(claimed, required) == (PROFILES.index(claimed) >= PROFILES.index(required))


def test_an_unknown_profile_is_refused() -> None:
    """A profile that does not exist covers nothing silently."""
    with pytest.raises(ValueError, match="no-such"):
        covers("no-such", "local")
