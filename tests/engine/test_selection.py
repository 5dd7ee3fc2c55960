"""Patterns: what they choose, and that none of them can match nothing unnoticed."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.selection import Selection, choose_requirements, suggest, unmatched
from ipc_gauntlet.requirements import load_catalogue

Maker = Callable[..., FoundCase]


@pytest.fixture
def cases(make_case: Maker) -> list[FoundCase]:
    """Five cases of three suites."""
    return [
        make_case("replay/records/duplicated/unix-x509-c2s", "REPL-01"),
        make_case("replay/records/duplicated/tcp-psk-c2s", "REPL-01"),
        make_case("replay/sessions/recorded/unix-x509", "REPL-02"),
        make_case("ordering/records/swapped/unix-x509", "ORD-01"),
        make_case("timeouts/idle/closes/none-psk", "TIME-04"),
    ]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), [0, 1, 2, 3, 4]),
        (Selection(suites=("replay",)), [0, 1, 2]),
        (Selection(suites=("re*", "ordering")), [0, 1, 2, 3]),
        (Selection(requirements=("repl-02",)), [2]),
        (Selection(requirements=("REPL-*",)), [0, 1, 2]),
        (Selection(cases=("replay/records",)), [0, 1]),
        (Selection(cases=("replay/records/",)), [0, 1]),
        (Selection(cases=("replay/rec",)), []),
        (Selection(cases=("*/unix-x509",)), [2, 3]),
        (Selection(cases=("replay/sessions/recorded/unix-x509",)), [2]),
        (Selection(transports=("tcp",)), [1, 4]),
        (Selection(suites=("replay",), transports=("unix",)), [0, 2]),
        (Selection(suites=("replay",), requirements=("ORD-*",)), []),
    ],
)
def test_chosen_cases(cases: list[FoundCase], selection: Selection, chosen: list[int]) -> None:
    """Kinds of patterns are joined with and, patterns of a kind with or; a case without transport always stays."""
    assert [index for index, case in enumerate(cases) if selection.chooses(case)] == chosen


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(suites=("replayy",)), ["--suite replayy", "did you mean replay?"]),
        (Selection(suites=("xyz",)), ["--suite xyz", "ordering, replay, timeouts"]),
        (Selection(requirements=("REPL-99",)), ["--requirement REPL-99", "did you mean"]),
        (Selection(requirements=("AUD-01",)), ["AUD-01", "no case covers it yet"]),
        (Selection(cases=("replay/recordz/*",)), ["--case replay/recordz/*"]),
        (Selection(cases=("replay/record",)), ["did you mean replay/records"]),
        (
            Selection(suites=("replay",), requirements=("ORD-01",)),
            ["no case matches all of them", "--suite replay"],
        ),
    ],
)
def test_a_pattern_that_matches_nothing_is_explained(
    cases: list[FoundCase], selection: Selection, words: list[str]
) -> None:
    """The explanation names the option, the pattern and what could have been meant."""
    (problem,) = unmatched(selection, cases, [item.id for item in load_catalogue().requirements])
    assert all(word in problem for word in words)


def test_every_unmatched_pattern_is_named(cases: list[FoundCase]) -> None:
    """One good pattern does not excuse another one."""
    selection = Selection(suites=("replay", "nope"), cases=("nothing/*", "replay/*"))
    assert len(unmatched(selection, cases, ["REPL-01"])) == 2


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_pattern_matches_nothing_silently(suite: str, requirement: str, case: str) -> None:
    """Whatever the patterns: some case is chosen, or there is an explanation."""
    selection = Selection(suites=(suite,), requirements=(requirement,), cases=(case,))
    assert unmatched(selection, [], ["REPL-01"])


def test_requirements_without_cases_can_be_chosen(cases: list[FoundCase]) -> None:
    """The catalogue can be listed beyond what cases cover."""
    catalogue = load_catalogue().requirements
    chosen, problems = choose_requirements(Selection(suites=("audit",)), cases, catalogue)
    assert not problems
    assert {item.suite for item in chosen} == {"audit"}


def test_requirements_of_a_case(cases: list[FoundCase]) -> None:
    """A case pattern chooses the requirements that its cases are made for."""
    chosen, _ = choose_requirements(Selection(cases=("replay/*",)), cases, load_catalogue().requirements)
    assert [item.id for item in chosen] == ["REPL-01", "REPL-02"]


def test_suggestions_ignore_letter_case() -> None:
    """A word in the wrong letter case is recognised and shown as it should be written."""
    assert suggest("repl-1", ["REPL-01", "ORD-01"]) == "; did you mean REPL-01?"
    assert suggest("zzz", ["REPL-01"]) == ""
