"""What is blind, what is only odd, and that neither is said too early."""

from typing import Any

import pytest

from ipc_gauntlet.fuzz.campaign.guards import ENOUGH_CPU_SECONDS, ENOUGH_EXECUTIONS, Facts, judge
from ipc_gauntlet.fuzz.campaign.records import TargetState

_GOOD: dict[str, Any] = {
    "executions": ENOUGH_EXECUTIONS,
    "cpu_seconds": ENOUGH_CPU_SECONDS,
    "edges": 40,
    "edges_total": 60,
    "corpus": 50,
    "slices": 5,
    "canary": "caught",
    "verdicts": {"accepted": 10, "short": 90},
}


def _facts(state: dict[str, Any] | None = None, **facts: Any) -> Facts:  # noqa: ANN401 - members of Facts
    usual: dict[str, Any] = {"seeds": 3, "kept": 47}
    return Facts(state=TargetState(target="t", **{**_GOOD, **(state or {})}), **{**usual, **facts})


def test_what_goes_well_is_neither() -> None:
    assert judge(_facts()) == ("", ())


def test_a_corpus_that_is_complete_is_not_blind() -> None:
    """Nothing could be added, and a planted defect was found all the same."""
    assert judge(_facts({"corpus": 3}, kept=0))[0] == ""


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (_facts({"slices": 0, "executions": 0}), "not fuzzed"),
        (_facts({"executions": 0}), "nothing was executed"),
        (_facts({"edges": 0, "edges_total": 0}), "instrumented"),
        (_facts({"edges": 0}), "no edge"),
        (_facts({"canary": "missed"}), "canary"),
        (_facts({"slices": 2, "broken": 2}, trouble="no disk"), "no disk"),
        (_facts({"slices": 9, "broken": 3}, broken_in_a_row=3, trouble="it died"), "it died"),
        (_facts({"corpus": 3, "canary": "untried"}, kept=0), "never grew"),
        (_facts({"unreached": ("m:f", "m:g")}), "m:f, m:g"),
        (_facts({"verdicts": {"short": 100}}), "seeds included"),
    ],
)
def test_what_tests_nothing_is_blind(facts: Facts, word: str) -> None:
    assert word in judge(facts)[0]


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (_facts({"verdicts": {"short": 100}}, seeds=0), "nothing was ever accepted"),
        (_facts({"verdicts": {"accepted": 100}}), "nothing was ever refused"),
        (_facts({"broken": 1}, trouble="it died"), "1 of 5 slices broke: it died"),
        (_facts({"canary": "untried"}), "no canary: there was no time"),
        (_facts({"canary": "none: nothing can be planted"}), "nothing can be planted"),
    ],
)
def test_what_is_odd_is_told_and_counts(facts: Facts, word: str) -> None:
    blind, warnings = judge(facts)
    assert blind == ""
    assert any(word in warning for warning in warnings)


@pytest.mark.parametrize(
    "state",
    [
        {"corpus": 3},
        {"unreached": ("m:f",)},
        {"verdicts": {"short": 100}},
        {"verdicts": {"accepted": 100}},
    ],
)
def test_what_takes_time_is_not_said_early(state: dict[str, Any]) -> None:
    young = {"executions": ENOUGH_EXECUTIONS - 1, "cpu_seconds": ENOUGH_CPU_SECONDS / 2}
    assert judge(_facts({**state, **young}, kept=0))[0] == ""


def test_a_mark_that_was_not_reached_yet_is_told() -> None:
    _, warnings = judge(_facts({"unreached": ("m:f",), "executions": 10, "cpu_seconds": 0.1}))
    assert warnings == ("not reached yet: m:f",)


def test_seeds_that_cover_everything_leave_nothing_to_grow() -> None:
    assert judge(_facts({"corpus": 3, "edges": 60}, kept=0))[0] == ""


def test_a_corpus_of_an_earlier_campaign_is_no_blindness() -> None:
    assert judge(_facts({"corpus": 300}, kept=0))[0] == ""


def test_what_is_blind_has_no_warnings_beside() -> None:
    assert judge(_facts({"edges": 0, "canary": "untried", "broken": 1}))[1] == ()


def test_without_canaries_nobody_misses_them() -> None:
    assert judge(_facts({"canary": "untried"}, canary_wanted=False)) == ("", ())
    assert judge(_facts({"canary": "missed"}, canary_wanted=False)) == ("", ())
