"""What is blind, what is only odd, and that neither is said too early."""

from typing import Any

import pytest

from ipc_gauntlet.fuzz.campaign.guards import (
    ENOUGH_CPU_SECONDS,
    ENOUGH_EXECUTIONS,
    LEAST_EXECUTIONS,
    Facts,
    Work,
    judge,
    overall,
)
from ipc_gauntlet.fuzz.campaign.records import TargetState

_GOOD: dict[str, Any] = {
    "executions": ENOUGH_EXECUTIONS,
    "cpu_seconds": ENOUGH_CPU_SECONDS,
    "edges": 40,
    "edges_total": 60,
    "corpus": 50,
    "slices": 5,
    "canary": "caught",
    "canaries": {"portable": "caught"},
    "verdicts": {"accepted": 10, "short": 90},
}


def _facts(state: dict[str, Any] | None = None, **facts: Any) -> Facts:  # noqa: ANN401 - members of Facts
    told = {**_GOOD, **(state or {})}
    if "canary" in (state or {}) and "canaries" not in (state or {}):
        told["canaries"] = {"portable": told["canary"]}
    work = Work(
        executions=told["executions"],
        cpu=told["cpu_seconds"],
        slices=told["slices"],
        told=told["slices"] - told.get("broken", 0),
        broken=told.get("broken", 0),
    )
    usual: dict[str, Any] = {"seeds": 3, "kept": 47, "engines": ("portable",), "work": work}
    return Facts(state=TargetState(target="t", **told), **{**usual, **facts})


def _work(**changes: Any) -> Work:  # noqa: ANN401 - members of Work
    usual: dict[str, Any] = {"executions": 50, "cpu": 0.5, "slices": 1, "told": 1}
    return Work(**{**usual, **changes})


def test_what_goes_well_is_neither() -> None:
    assert judge(_facts()) == ("", "", ())


def test_a_corpus_that_is_complete_is_not_blind() -> None:
    """Nothing could be added, and a planted defect was found all the same."""
    assert judge(_facts({"corpus": 3}, kept=0))[0] == ""


@pytest.mark.parametrize(
    ("facts", "word"),
    [
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
    blind, uncounted, warnings = judge(facts)
    assert (blind, uncounted) == ("", "")
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
    assert judge(_facts({"unreached": ("m:f",)}, work=_work())).warnings == ("not reached yet: m:f",)


def test_seeds_that_cover_everything_leave_nothing_to_grow() -> None:
    assert judge(_facts({"corpus": 3, "edges": 60}, kept=0))[0] == ""


def test_a_corpus_of_an_earlier_campaign_is_no_blindness() -> None:
    assert judge(_facts({"corpus": 300}, kept=0))[0] == ""


def test_what_is_blind_has_no_warnings_beside() -> None:
    assert judge(_facts({"edges": 0, "canary": "untried", "broken": 1})).warnings == ()


def test_without_canaries_nobody_misses_them() -> None:
    assert judge(_facts({"canary": "untried"}, engines=())) == ("", "", ())
    assert judge(_facts({"canary": "missed"}, engines=())) == ("", "", ())


_NOTHING: dict[str, Any] = {"edges": 0, "edges_total": 0}


@pytest.mark.parametrize(
    ("state", "work", "word"),
    [
        (_NOTHING, _work(slices=0, told=0, executions=0, cpu=0.0), "not fuzzed"),
        # A slice that was cut short says nothing of edges: atheris tells them at its end.
        (_NOTHING, _work(told=0, executions=5000), "no slice came to its end"),
        ({"edges": 0}, _work(executions=LEAST_EXECUTIONS - 1), "only 15 executions"),
        ({"edges": 0}, _work(executions=0, cpu=0.1), "only 0 executions"),
    ],
)
def test_too_little_fuzzing_does_not_count_and_is_not_blind(
    state: dict[str, Any], work: Work, word: str
) -> None:
    """After a change of the code, with a budget of a second or two."""
    blind, uncounted, warnings = judge(_facts(state, work=work))
    assert (blind, warnings) == ("", ())
    assert word in uncounted


def test_what_was_done_before_the_code_changed_does_not_make_it_blind() -> None:
    """Much was done with the old code; what the new one reaches is not known yet."""
    young = judge(
        _facts({"corpus": 3, "unreached": ("m:f",), "verdicts": {"short": 9}}, work=_work(), kept=0)
    )
    assert (young.blind, young.uncounted) == ("", "")


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ({"x": "caught", "y": "caught"}, "caught"),
        ({"x": "caught"}, "untried"),
        ({"x": "missed"}, "missed"),
        ({"x": "missed", "y": "caught"}, "caught"),
        ({"x": "caught", "y": "unused"}, "caught"),
        ({"x": "caught", "y": "none: no plants"}, "none: no plants"),
        ({"x": "unused", "y": "unused"}, "untried"),
        ({"x": "caught", "y": "caught", "z": "missed"}, "caught"),
    ],
)
def test_canaries_of_several_engines_say_one_thing_together(answers: dict[str, str], word: str) -> None:
    assert overall(answers, ("x", "y")) == word


def test_an_engine_that_missed_its_canary_is_named() -> None:
    answers = {"portable": "caught", "atheris": "missed"}
    told = judge(_facts({"canary": "caught", "canaries": answers}, engines=("portable", "atheris")))
    assert told.blind == ""
    assert told.warnings == ("atheris missed its canary: what that engine does here does not count",)


def test_an_engine_whose_canary_has_not_flown_is_named() -> None:
    told = judge(_facts({"canary": "untried", "canaries": {"x": "caught"}}, engines=("x", "y")))
    assert told.warnings == ("no canary of y: there was no time for one yet",)
