"""A requirement that nothing could test does not look like one that holds."""

from collections.abc import Callable

import pytest

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.coverage import untestable
from ipc_gauntlet.engine.settings import Command, Settings
from ipc_gauntlet.events import CaseResult, Implementation
from ipc_gauntlet.requirements import load_catalogue
from ipc_gauntlet.verdict import Verdict

A, B = "replay/records/a/unix-x509", "replay/records/b/unix-x509"


@pytest.fixture
def settings(channel: Implementation) -> Settings:
    """Settings of a run."""
    nobody = Command(argv=("none",), name="none")
    return Settings(
        client=nobody,
        server=nobody,
        implementation=channel,
        statement={},
        transports=("unix",),
        seed=5,
        replay="--seed 5",
    )


@pytest.mark.parametrize(
    ("ends", "fails"),
    [
        ([("not_applicable", "untestable"), ("not_applicable", "untestable")], True),
        ([("not_applicable", "untestable"), ("not_applicable", "not-applicable")], True),
        ([("not_applicable", "unsupported"), ("not_applicable", "unsupported")], True),
        ([("not_applicable", "not-applicable"), ("not_applicable", "not-applicable")], False),
        ([("not_applicable", "untestable"), ("pass", "")], False),
        ([("not_applicable", "untestable"), ("fail", "violated")], False),
        ([("not_applicable", "untestable"), ("error", "driver")], False),
        ([("not_applicable", "untestable"), None], False),
    ],
)
def test_when_a_requirement_fails_for_want_of_tests(
    make_case: Callable[..., FoundCase],
    make_result: Callable[..., CaseResult],
    settings: Settings,
    ends: list[tuple[str, str] | None],
    fails: bool,
) -> None:
    """It fails when every case of it was chosen, none applied, and the implementation's lack of means is a cause."""
    results = {
        name: make_result(name, Verdict(end[0]), reason=end[1], message="why")
        for name, end in zip((A, B), ends, strict=True)
        if end is not None
    }
    found = list(untestable([make_case(A), make_case(B)], results, load_catalogue(), settings))
    assert [result.verdict for result in found] == ([Verdict.fail] if fails else [])


def test_the_result_says_how_to_look_again(
    make_case: Callable[..., FoundCase], make_result: Callable[..., CaseResult], settings: Settings
) -> None:
    """Its name, its reason and its command are there, and the causes each once."""
    results = {
        name: make_result(name, Verdict.not_applicable, reason="untestable", message="no feature x")
        for name in (A, B)
    }
    (result,) = untestable([make_case(A), make_case(B)], results, load_catalogue(), settings)
    assert result.id == "replay/untestable/REPL-01/all"
    assert result.replay == "ipc-gauntlet replay replay/untestable/REPL-01/all --seed 5"
    assert result.seen == "no feature x"


def test_advice_may_stay_untested(
    make_case: Callable[..., FoundCase], make_result: Callable[..., CaseResult], settings: Settings
) -> None:
    """A SHOULD that cannot be tested fails nobody."""
    results = {A: make_result(A, Verdict.not_applicable, reason="untestable")}
    assert not list(untestable([make_case(A, "REPL-12")], results, load_catalogue(), settings))
